"""Blobs from a URL: which adapter keeps them, and where."""

from store.blobs.blobs import MAX_BYTES, Blobs


def open_blobs(url: str, *, max_bytes: int = MAX_BYTES) -> Blobs:
    """The blobs at ``file:///folder`` or ``s3://bucket/prefix?endpoint=http://…&region=…``.

    Raises:
        ValueError: for any other URL; the message says what is wrong, without the URL's secrets.
        ModuleNotFoundError: for ``s3`` where the extra of that name is not installed.
    """
    scheme = url.partition(":")[0]
    if scheme == "file":
        from store.blobs.folder import FolderBlobs

        return FolderBlobs.from_url(url, max_bytes)
    if scheme == "s3":
        from store.blobs.s3 import S3Blobs

        return S3Blobs.from_url(url, max_bytes)
    raise ValueError("no such place for blobs: use file:///folder or s3://bucket/prefix")
