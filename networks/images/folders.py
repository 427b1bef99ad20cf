"""A zip of class folders: its names checked, and a few images of each class decoded."""

import stat
import zipfile
from typing import BinaryIO

from networks.images.decode import sampled
from networks.images.file_names import clean, litter, member_name, shown
from networks.images.layout import TRAIN, arrange
from networks.images.limits import MOST_IMAGE_BYTES, BadImages, check_classes
from networks.images.sample import Head, evenly, write_image
from networks.images.zips import read_member

SUSPICIOUS_BYTES, SUSPICIOUS_RATIO = 64 << 20, 100
"""Pixels beyond so many bytes, and so many times what was sent, are no photographs."""


def zip_names(archive: zipfile.ZipFile) -> list[tuple[str, str]]:
    """Key and name of each file in a zip; the key is its number.

    Raises:
        BadImages: for a link or a device, or a name that leads elsewhere.
    """
    found = []
    for number, member in enumerate(archive.infolist()):
        name = member_name(member)
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR) and not litter(clean(name)):
            raise BadImages(f"{shown(name)} is a link or a device", "put in the files themselves")
        if not name.endswith(("/", "\\")):
            found.append((str(number), name))
        else:
            clean(name)
    return found


def write_folders(archive: zipfile.ZipFile, out: BinaryIO, *, a_class: int, in_all: int) -> None:
    """Writes the sample of a zip of class folders: of its training images.

    Raises:
        BadImages: naming what is wrong in it.
    """
    members = archive.infolist()
    layout = arrange(
        zip_names(archive), read=lambda key: read_member(archive, members[int(key)], MOST_IMAGE_BYTES)
    )
    check_classes(len(layout.classes))
    training = layout.part(TRAIN)
    labels = [entry.label for entry in training]
    chosen = [
        training[index] for index in evenly(labels, len(layout.classes), a_class=a_class, in_all=in_all)
    ]
    out.write(Head(layout.classes, len(training), len(chosen), dict(layout.left_out)).line())
    packed = unpacked = 0
    for entry in chosen:
        member = members[int(entry.key)]
        content = read_member(archive, member, MOST_IMAGE_BYTES)
        image, size = sampled(content, shown(member_name(member)))
        packed, unpacked = packed + member.compress_size, unpacked + size
        if unpacked > max(SUSPICIOUS_BYTES, SUSPICIOUS_RATIO * packed):
            raise BadImages("its images unpack to hundreds of times their size", "make them smaller")
        write_image(out, image, entry.label)
