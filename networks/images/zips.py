"""Zip files from strangers, opened only after their ends have said that they are small enough to look at."""

import struct
import zipfile
import zlib
from typing import BinaryIO

from networks.images.limits import MOST_DIRECTORY_BYTES, MOST_FILES, BadUpload

MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
"""What a zip begins with; the second is one without files."""
HINT = "send a zip of class folders, or an npz with x and y"
_END = struct.Struct("<4s4H2LH")
_ENCRYPTED = 1
_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def open_zip(file: BinaryIO) -> zipfile.ZipFile:
    """A zip of not too many files.

    Raises:
        BadUpload: it is none, is damaged, encrypted, or packed in a way that is not read here.
    """
    _check_end(file)
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, struct.error) as error:
        raise BadUpload(f"it is no zip that can be read: {error}", HINT) from None
    for member in archive.infolist():
        if member.flag_bits & _ENCRYPTED:
            raise BadUpload(f"{member.filename[:80]!r} is encrypted", "send it without a password")
        if member.compress_type not in _PLAIN:
            raise BadUpload(f"{member.filename[:80]!r} is packed by another method than deflate", HINT)
    return archive


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    """What a file of a zip holds; no more than ``most`` bytes are ever unpacked.

    Raises:
        BadUpload: it is longer, or damaged.
    """
    shown = repr(member.filename[:80])
    if member.file_size > most:
        raise BadUpload(f"{shown} unpacks to {member.file_size:,} bytes, more than {most:,}")
    try:
        with archive.open(member) as file:
            content = file.read(most + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError) as error:
        raise BadUpload(f"{shown} is damaged: {error}") from None
    if len(content) > most:
        raise BadUpload(f"{shown} unpacks to more than {most:,} bytes")
    return content


def _check_end(file: BinaryIO) -> None:
    """Refuses a list of files that would itself be too long to read."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END.size - 0xFFFF - 20))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > len(tail):
        raise BadUpload("it is no zip that can be read: it has no end", HINT)
    _, _, _, _, files, length, _, _ = _END.unpack_from(tail, at)
    large = tail[max(0, at - 20) : at].startswith(b"PK\x06\x07")
    if large or files > MOST_FILES or length > MOST_DIRECTORY_BYTES:
        raise BadUpload(f"it lists more than {MOST_FILES:,} files", "a few images of each class suffice")
    file.seek(0)
