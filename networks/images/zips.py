"""Uploaded zip files: opened only if their directory says that they are small enough."""

import struct
import zipfile
import zlib
from typing import BinaryIO

from networks.images.limits import MOST_DIRECTORY_BYTES, MOST_FILES, BadImages

MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
"""What a zip begins with; the second is one without files."""
HINT = "send a zip of class folders, or an npz with x and y"
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENCRYPTED = 1
_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def open_zip(
    file: BinaryIO, *, files: int = MOST_FILES, directory_bytes: int = MOST_DIRECTORY_BYTES
) -> zipfile.ZipFile:
    """A zip of not too many files.

    Args:
        file: seekable.
        files: the most that it may list.
        directory_bytes: the most that the list may take.

    Raises:
        BadImages: it is none, is damaged, encrypted, or packed in a way that is not read here.
    """
    _check_end(file, files, directory_bytes)
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, struct.error) as error:
        raise BadImages(f"it is no zip that can be read: {error}", HINT) from None
    for member in archive.infolist():
        if member.flag_bits & _ENCRYPTED:
            raise BadImages(f"{member.filename[:80]!r} is encrypted", "send it without a password")
        if member.compress_type not in _PLAIN:
            raise BadImages(f"{member.filename[:80]!r} is packed by another method than deflate", HINT)
    return archive


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    """What a file of a zip holds; no more than ``most`` bytes are ever unpacked.

    Raises:
        BadImages: it is longer, or damaged.
    """
    shown = repr(member.filename[:80])
    if member.file_size > most:
        raise BadImages(f"{shown} unpacks to {member.file_size:,} bytes, more than {most:,}")
    try:
        with archive.open(member) as file:
            content = file.read(most + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError) as error:
        raise BadImages(f"{shown} is damaged: {error}") from None
    if len(content) > most:
        raise BadImages(f"{shown} unpacks to more than {most:,} bytes")
    return content


def _check_end(file: BinaryIO, most_files: int, most_bytes: int) -> None:
    """Refuses a list of files that would itself be too long to read.

    A zip64 archive says its numbers in a record of its own, which the last bytes point to; many programs
    write one for small archives too (APPNOTE 6.3.10, section 4.3.14).
    """
    size = file.seek(0, 2)
    file.seek(max(0, size - _END.size - 0xFFFF - _LOCATOR.size))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > len(tail):
        raise BadImages("it is no zip that can be read: it has no end", HINT)
    _, _, _, _, files, length, _, _ = _END.unpack_from(tail, at)
    if at >= _LOCATOR.size and tail[at - _LOCATOR.size : at].startswith(b"PK\x06\x07"):
        _, _, begin, _ = _LOCATOR.unpack_from(tail, at - _LOCATOR.size)
        file.seek(min(begin, size))
        record = file.read(_END64.size)
        if len(record) < _END64.size or not record.startswith(b"PK\x06\x06"):
            raise BadImages("it is no zip that can be read: its end is damaged", HINT)
        files, length = _END64.unpack(record)[7:9]
    if files > most_files or length > most_bytes:
        raise BadImages(f"it lists more than {most_files:,} files", "a few images of each class suffice")
    file.seek(0)
