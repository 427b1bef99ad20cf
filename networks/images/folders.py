"""A zip of class folders: its names checked, and a few images of each folder decoded.

Nothing is ever unpacked to disk, so no name can lead anywhere; an archive whose names try to is still
refused, because whoever made it meant something else.
"""

import io
import stat
import warnings
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from networks.images.decode import FORMATS, SUFFIXES, Pixels, eight_bit
from networks.images.limits import (
    CLASSES,
    LONGEST_NAME,
    MOST_IMAGE_BYTES,
    SEEN_SIDE,
    BadUpload,
    check_classes,
    check_sides,
)
from networks.images.sample import Head, fairly, most_of_a_class, write_image
from networks.images.zips import read_member

HELD_OUT = ("test", "val", "valid", "validation")
"""Folders beside ``train`` whose images are left alone."""
UNREAD = (".gif", ".tif", ".tiff", ".heic", ".avif", ".jp2", ".ppm", ".pgm", ".svg", ".tga", ".npy")
"""Images all the same: whoever sends them means them to be looked at."""
SUSPICIOUS_BYTES, SUSPICIOUS_RATIO = 64 << 20, 100
"""Pixels beyond so many bytes, and so many times what was sent, are no photographs."""
HINT = f"a zip holds a folder of images ({', '.join(SUFFIXES)}) for each class"


def write_folders(archive: zipfile.ZipFile, out: BinaryIO, *, a_class: int, in_all: int) -> None:
    """Writes the sample of a zip of class folders.

    Raises:
        BadUpload: naming what is wrong in it.
    """
    folders = _folders(archive)
    classes = sorted(folders)
    check_classes(len(classes))
    most = most_of_a_class(len(classes), a_class=a_class, in_all=in_all)
    chosen = [
        (members[index], label)
        for label, name in enumerate(classes)
        for members in [sorted(folders[name], key=lambda member: member.filename)]
        for index in fairly(len(members), most)
    ]
    count = sum(len(members) for members in folders.values())
    out.write(Head(tuple(classes), count, len(chosen)).line())
    packed = unpacked = 0
    for member, label in chosen:
        content = read_member(archive, member, MOST_IMAGE_BYTES)
        image, size = decode(content, _shown(member.filename))
        packed, unpacked = packed + member.compress_size, unpacked + size
        if unpacked > max(SUSPICIOUS_BYTES, SUSPICIOUS_RATIO * packed):
            raise BadUpload("its images unpack to hundreds of times their size", "make them smaller")
        write_image(out, image, label)


def decode(content: bytes, where: str) -> tuple[Pixels, int]:
    """The middle square of an image, (s, s, 3) or, where it is grey, (s, s); a large one made smaller.

    Returns:
        it, and how many bytes its pixels took before

    Raises:
        BadUpload: it is no image, is damaged, too small or too large; told before its pixels are unpacked.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                check_sides(image.height, image.width, where)
                plain = eight_bit(image)
                plain = plain.convert("L" if plain.mode in ("1", "L") else "RGB")
    except BadUpload:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadUpload(f"{where} says that it has many millions of pixels") from None
    except UnidentifiedImageError:
        raise BadUpload(f"{where} is no image that can be read", f"known are {', '.join(FORMATS)}") from None
    except (OSError, SyntaxError, ValueError, zlib.error) as error:  # how Pillow reports damaged files
        raise BadUpload(f"{where} is damaged: {error}") from None
    size = plain.width * plain.height * len(plain.getbands())
    return np.asarray(_seen(plain), dtype=np.uint8), size


def _seen(image: Image.Image) -> Image.Image:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return square if side <= SEEN_SIDE else square.resize((SEEN_SIDE, SEEN_SIDE), Image.Resampling.BICUBIC)


def _folders(archive: zipfile.ZipFile) -> dict[str, list[zipfile.ZipInfo]]:
    """Class → its images.

    Raises:
        BadUpload: for a name that leads out of the archive, a link, an image of a kind that is not read, or
            one without a folder.
    """
    found: dict[str, list[zipfile.ZipInfo]] = defaultdict(list)
    listed = list(_images(archive))
    parted = any(path.parts[-3] == "train" for _, path in listed if len(path.parts) >= 3)
    for member, path in listed:
        if len(path.parts) < 2:
            raise BadUpload(f"{_shown(member.filename)} lies in no folder: of which class is it?", HINT)
        if not (parted and len(path.parts) >= 3 and path.parts[-3].lower() in HELD_OUT):
            found[_class_name(path.parts[-2])].append(member)
    if not found:
        raise BadUpload("there are no images in it", HINT)
    if len(found) < CLASSES[0]:
        raise BadUpload(f"there is but one class, {next(iter(found))!r}", HINT)
    return found


def _images(archive: zipfile.ZipFile) -> Iterator[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """Every image; what else lies in the folders is no part of a task."""
    for member in archive.infolist():
        path = safe_path(member)
        suffix = path.suffix.lower()
        if member.is_dir() or any(part.startswith(".") or part == "__MACOSX" for part in path.parts):
            continue
        if suffix in UNREAD:
            raise BadUpload(f"{_shown(member.filename)} is of a kind that is not read", HINT)
        if suffix in SUFFIXES:
            yield member, path


def safe_path(member: zipfile.ZipInfo) -> PurePosixPath:
    """The path of a member.

    Raises:
        BadUpload: it is a link or a device, absolute, leads upwards, or holds what no file name holds.
    """
    name, shown = member.orig_filename, _shown(member.orig_filename)
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise BadUpload(f"{shown} is a link or a device", "put in the files themselves")
    bad = not name or any(character in name for character in "\\:\0") or not name.isprintable()
    if bad or name.startswith(("/", "~")) or ".." in name.split("/"):
        raise BadUpload(f"{shown} is a name that leads elsewhere", "use names such as cats/1.jpg")
    return PurePosixPath(name)


def _class_name(name: str) -> str:
    if len(name) > LONGEST_NAME:
        raise BadUpload(f"the class {name[:40]!r}… has a name of more than {LONGEST_NAME} characters")
    return name


def _shown(name: str) -> str:
    return repr(name if len(name) <= 80 else name[:79] + "…")
