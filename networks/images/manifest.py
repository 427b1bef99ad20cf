"""A CSV file beside the images that says which class each is of: ``file,label`` and perhaps ``split``."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from networks.images.file_names import Path, clean, shown
from networks.images.limits import BadImages

SUFFIXES = (".csv", ".tsv")
MOST_BYTES = 64 << 20
"""Of one such file."""
FILES: tuple[str, ...] = (
    "file",
    "filename",
    "file_name",
    "filepath",
    "file_path",
    "path",
    "image",
    "image_path",
)
FILES += ("image_name", "image_id", "img", "img_path", "id", "name")
LABELS = ("label", "class", "class_name", "classname", "category", "target", "y")
SPLITS = ("split", "subset", "set", "partition", "fold")
HINT = "give it a header with file, label and perhaps split, and a line for each image"

Read = Callable[[str], bytes]
"""The content of a file by its key; no longer than :data:`MOST_BYTES`."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line: a file as it is written, its label, and its split as it is written, perhaps empty."""

    file: str
    label: str
    split: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What such files say of images.

    Args:
        rows: key of an image → its line, and the split that the name of the CSV file may mean.
        missing: how many lines name no image that is there.
    """

    rows: Mapping[str, tuple[Row, str]]
    missing: int


def find_manifest(
    files: Sequence[tuple[str, Path]], images: Sequence[tuple[str, Path]], read: Read
) -> Manifest | None:
    """What the CSV files among some files say of images; None where none of them is about images.

    Lines name images by their path from the CSV file or from the top, or by their file name alone where it is
    of one image, with or without its ending.

    Args:
        files: key and path of what may be one.
        images: key and path of each image.
        read: gives a file's content.

    Raises:
        BadImages: an image has two labels.
    """
    known = _keys(images)
    rows: dict[str, tuple[Row, str]] = {}
    missing, found = 0, False
    for key, path in files:
        lines = read_rows(read(key), path[-1])
        named = [_key(line.file, path[:-1], known) for line in lines or ()]
        if lines is None or not any(named):
            continue
        found = True
        for line, image in zip(lines, named, strict=True):
            if image is None:
                missing += 1
            elif image in rows and rows[image][0] != line:
                raise BadImages(f"{shown(line.file)} has two lines in {path[-1]}", "one line for each image")
            else:
                rows[image] = line, path[-1].rpartition(".")[0]
    return Manifest(rows, missing) if found else None


def read_rows(content: bytes, name: str) -> list[Row] | None:
    r"""The lines of a CSV file; None where its header names no file and no label.

    >>> read_rows(b"\xef\xbb\xbfFilename;Class;Set\n1.png; cat ;train\n", "l.csv")
    [Row(file='1.png', label='cat', split='train')]
    >>> read_rows(b"x,y\n1,2\n", "l.csv")

    Raises:
        BadImages: a line has too few fields, or one that is much too long.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    head = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    lines = csv.reader(io.StringIO(text.lstrip(), newline=""), delimiter=delimiter)
    try:
        header = [field.strip().casefold().replace(" ", "_") for field in next(lines, [])]
        places = [_place(header, names) for names in (FILES, LABELS, SPLITS)]
        file, label, split = places
        if file is None or label is None:
            return None
        rows = []
        for fields in lines:
            if not any(field.strip() for field in fields):
                continue
            if len(fields) <= max(file, label, split or 0):
                raise BadImages(f"line {lines.line_num} of {name} has {len(fields)} fields", HINT)
            part = "" if split is None else fields[split].strip()
            rows.append(Row(fields[file].strip(), fields[label].strip(), part))
    except csv.Error as error:
        raise BadImages(f"{name} is no CSV file: {error}", HINT) from None
    return rows


def _place(header: Sequence[str], names: Sequence[str]) -> int | None:
    """Where the first of some names stands in a header."""
    return next((header.index(name) for name in names if name in header), None)


def _keys(images: Sequence[tuple[str, Path]]) -> dict[Path, str | None]:
    """Keys of images by path, and by what a line may write for it; None for what is of several."""
    found: dict[Path, str | None] = {path: key for key, path in images}
    for key, path in images:
        stem = (*path[:-1], path[-1].rpartition(".")[0])
        for other in {stem, path[-1:], stem[-1:]} - {path}:
            found[other] = None if other in found and found[other] != key else key
    return found


def _key(file: str, folder: Path, known: Mapping[Path, str | None]) -> str | None:
    """The key of the image that a line names."""
    try:
        path = clean(file)
    except BadImages:
        return None
    return next((key for each in (folder + path, path) if (key := known.get(each))), None)
