"""Blobs in an S3-compatible store that all machines reach; needs the extra ``s3``."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, BinaryIO, Self
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from store.blobs.blobs import CHUNK, MAX_BYTES, Area, BlobNotFound, Blobs, Entry
from store.jobs.job import StoreFull, StoreUnavailable
from store.translated import translated

CONNECT_SECONDS = 5
ANSWER_SECONDS = 30
ATTEMPTS = 3
ABSENT = {"NoSuchKey", "NotFound", "404"}
FULL = {"507", "XMinioStorageFull", "QuotaExceeded", "InsufficientStorage"}


class S3Blobs(Blobs):
    """An object for each blob, ``prefix/ab12…``; the store itself checks the digest of what it is sent.

    Args:
        bucket: must exist.
        prefix: what stands before the names, without slashes around it; may be empty.
        endpoint: the store's address; None: the provider's own.
        region: None: as the provider's configuration says.
        key, secret: None: as the provider's configuration says (``AWS_ACCESS_KEY_ID`` and so on).
    """

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        *,
        endpoint: str | None = None,
        region: str | None = None,
        key: str | None = None,
        secret: str | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        super().__init__(max_bytes)
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=ANSWER_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            # Stores at an address of their own rarely have a host name for each bucket.
            s3={"addressing_style": "path" if endpoint else "auto"},
        )
        session = boto3.session.Session(
            aws_access_key_id=key, aws_secret_access_key=secret, region_name=region
        )
        self._client: Any = session.client("s3", endpoint_url=endpoint, config=config)

    @classmethod
    def from_url(cls, url: str, max_bytes: int = MAX_BYTES) -> Self:
        """The store of ``s3://[key:secret@]bucket/prefix?endpoint=http://…&region=…``.

        Raises:
            ValueError: no bucket, or an option that is not known.
        """
        parts = urlsplit(url)
        options = parse_qs(parts.query, strict_parsing=bool(parts.query))
        unknown = options.keys() - {"endpoint", "region"}
        bucket = parts.netloc.rpartition("@")[2]
        if not bucket or ":" in bucket or unknown or parts.fragment:
            raise ValueError("blobs in S3 are s3://[key:secret@]bucket/prefix?endpoint=http://…&region=…")
        return cls(
            bucket,
            unquote(parts.path).strip("/"),
            endpoint=options.get("endpoint", [None])[0],
            region=options.get("region", [None])[0],
            key=None if parts.username is None else unquote(parts.username),
            secret=None if parts.password is None else unquote(parts.password),
            max_bytes=max_bytes,
        )

    def _list(self, area: Area) -> Iterator[Entry]:
        prefix = self._key(area, "")
        with _client_errors():
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix, Delimiter="/"):
                for entry in page.get("Contents", ()):
                    name = str(entry["Key"]).removeprefix(prefix)
                    yield Entry(name, _age(page, entry["LastModified"]), int(entry["Size"]))

    def _keep(self, area: Area, name: str, scratch: BinaryIO, length: int, digest: str) -> None:
        with _client_errors():
            self._client.put_object(
                **self._where(area, name),
                Body=scratch,
                ContentLength=length,
                ContentType="application/octet-stream",
                ChecksumSHA256=b64encode(bytes.fromhex(digest)).decode(),
            )

    def _read(self, area: Area, name: str) -> Iterator[bytes]:
        with _client_errors(name):
            body = self._client.get_object(**self._where(area, name))["Body"]
            with body:
                yield from body.iter_chunks(CHUNK)

    def _age(self, area: Area, name: str) -> float | None:
        try:
            with _client_errors(name):
                found = self._client.head_object(**self._where(area, name))
        except BlobNotFound:
            return None
        return _age(found, found["LastModified"])

    def _move(self, name: str, source: Area, target: Area) -> bool:
        # A copy and a removal: between the two it is in both. What is put between the two is in the copy.
        where = self._where(source, name)
        try:
            with _client_errors(name):
                self._client.copy_object(**self._where(target, name), CopySource=where)
        except BlobNotFound:
            return False
        with _client_errors():
            self._client.delete_object(**where)
        return True

    def _remove(self, area: Area, name: str) -> None:
        with _client_errors():
            self._client.delete_object(**self._where(area, name))

    def _where(self, area: Area, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._key(area, name)}

    def _key(self, area: Area, name: str) -> str:
        return f"{self._prefix}{area}/{name}" if area else f"{self._prefix}{name}"


def _age(answer: Any, modified: datetime) -> float:
    """By the store's own clock, which dates its answers as well as its objects."""
    now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    return (now - modified).total_seconds()


def _client_errors(name: str | None = None) -> AbstractContextManager[None]:
    """Translates the client's errors, see :func:`store.translated.translated`."""
    return translated((ClientError, BotoCoreError, OSError), partial(_of_client, name))


def _of_client(name: str | None, error: Exception) -> Exception:
    if not isinstance(error, ClientError):
        return StoreUnavailable(f"the store of blobs cannot be reached: {error}")
    code = str(error.response.get("Error", {}).get("Code", ""))
    if name is not None and code in ABSENT:
        return BlobNotFound(f"no blob {name}")
    if code in FULL:
        return StoreFull(f"no room for blobs: {error}")
    return StoreUnavailable(f"the store of blobs refused: {error}")
