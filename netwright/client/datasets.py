"""Uploading whole data sets by the tus protocol: a broken connection goes on where it stopped."""

import base64
import hashlib
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from netwright.client.errors import BUSY, ApiError, ServerUnreachable
from netwright.client.paths import segment
from netwright.client.transport import Json, Transport

AT_ONCE = 8 << 20
"""Bytes of one request: what a break costs at most."""
CHUNK = 1 << 20
LONGEST_PAUSE = 10.0
_VERSION = {"Tus-Resumable": "1.0.0"}
_SENT = {**_VERSION, "Content-Type": "application/offset+octet-stream"}
_MOVED = 409
_EPOCH = (1980, 1, 1, 0, 0, 0)

Report = Callable[[int, int], None]
"""Called with the bytes that are there and the bytes of all."""


def upload(transport: Transport, name: str, path: Path, on_bytes: Report = lambda _, __: None) -> Json:
    """Uploads a file, or a folder of class folders as a zip; goes on with what was begun before.

    Args:
        transport: to the server.
        name: of the data set.
        path: of a zip, tar or npz, or of a folder.
        on_bytes: told how far it is.

    Returns:
        the data set as the server shows it

    Raises:
        ApiError: the server refused.
        ServerUnreachable: nothing arrived for as long as the transport retries.
        OSError: the file cannot be read.
    """
    with _file(path) as (file, ending):
        length = file.seek(0, 2)
        metadata = {"name": name, "filename": f"{name}{ending}", "sha256": _sha256(file)}
        texts = (f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in metadata.items())
        headers = {**_VERSION, "Upload-Length": str(length), "Upload-Metadata": ",".join(texts)}
        offset = int(transport.answer("POST", "/v1/datasets", headers=headers).headers["Upload-Offset"])
        content = f"/v1/datasets/{segment(name)}/content"
        last, pause = time.monotonic(), 0.1
        while offset < length:
            on_bytes(offset, length)
            before = offset
            try:
                offset = _send(transport, content, file, offset, length)
            except ServerUnreachable:
                offset = _offset(transport, content)
            except ApiError as error:
                if error.status != _MOVED and error.status not in BUSY:
                    raise
                if time.monotonic() - last > transport.retry_seconds:
                    raise
                offset = _offset(transport, content)
            if offset > before:
                last, pause = time.monotonic(), 0.1
            else:
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
        on_bytes(length, length)
        return transport.call("GET", f"/v1/datasets/{segment(name)}")


def _send(transport: Transport, path: str, file: BinaryIO, offset: int, length: int) -> int:
    """Sends some bytes, once; returns how many are there."""
    size = min(AT_ONCE, length - offset)
    file.seek(offset)

    def body() -> Iterator[bytes]:
        left = size
        while left and (chunk := file.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk

    headers = {**_SENT, "Upload-Offset": str(offset), "Content-Length": str(size)}
    answer = transport.once("PATCH", path, headers=headers, content=body())
    return int(answer.headers["Upload-Offset"])


def _offset(transport: Transport, path: str) -> int:
    return int(transport.answer("HEAD", path, headers=_VERSION).headers["Upload-Offset"])


def _sha256(file: BinaryIO) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def _file(path: Path) -> Iterator[tuple[BinaryIO, str]]:
    """A file's content and the ending of its name; of a folder a zip, the same bytes for the same files."""
    if not path.is_dir():
        suffixes = "".join(path.suffixes[-2:]).lower()
        ending = suffixes if suffixes in (".tar.gz", ".tar.xz") else path.suffix.lower()
        with path.open("rb") as file:
            yield file, ending
        return
    with tempfile.TemporaryFile() as made:
        with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
            for each in sorted(file for file in path.rglob("*") if file.is_file()):
                entry = zipfile.ZipInfo(each.relative_to(path).as_posix(), _EPOCH)
                with each.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                    while chunk := source.read(CHUNK):
                        target.write(chunk)
        yield made, ".zip"
