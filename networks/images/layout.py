"""Class and split of an image by its folder: one set of rules for tasks, data sets and trainings.

Folders that hold everything are looked through. Then come the splits, where there are any (``train/``,
``Testing/``, ``val/`` and what else they are called), and then one folder for each class; what lies deeper
belongs to the class. A class may also hold the splits (``cats/train/…``). A CSV file beside the images may
say file, label and split in place of all this (:mod:`networks.images.manifest`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from networks.images.file_names import SUFFIXES, UNREAD, Path, class_name, clean, litter, shown, suffix
from networks.images.limits import MAX_FILES, BadImages
from networks.images.manifest import SUFFIXES as TABLES
from networks.images.manifest import Manifest, Read, find_manifest

TRAIN, VALIDATION, TEST = "train", "validation", "test"
SPLITS: Mapping[str, str] = {
    **dict.fromkeys(("train", "training", "trn", "train_set", "training_set", "trainset"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "dev", "val_set", "validation_set", "valset"), VALIDATION),
    **dict.fromkeys(("test", "testing", "tst", "test_set", "testset", "eval", "evaluation", "holdout"), TEST),
}
"""Folder names of splits, in small letters, with ``_`` for ``-`` and spaces."""
HINT = (
    f"put the images ({', '.join(SUFFIXES[:4])} …) of each class into a folder of the class's name, or a CSV"
    " file with file,label beside them"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One labelled image, not read yet: its key, the index of its class, and its split."""

    key: str
    label: int
    part: str


@dataclass(frozen=True, slots=True)
class Layout:
    """What images there are.

    Args:
        classes: their names, sorted.
        entries: by split and path.
        left_out: why something was not taken → how many files.
    """

    classes: tuple[str, ...]
    entries: tuple[Entry, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)

    def part(self, name: str) -> list[Entry]:
        """The entries of a split."""
        return [entry for entry in self.entries if entry.part == name]


def split_of(folder: str) -> str | None:
    """The split that a folder's name means, or None.

    >>> split_of("Training"), split_of("Val-Set"), split_of("cats")
    ('train', 'validation', None)
    """
    return SPLITS.get(folder.casefold().replace("-", "_").replace(" ", "_"))


def image_paths(names: Sequence[tuple[str, str]]) -> list[tuple[str, Path]]:
    """Key and path of every image among files; what is no image, and litter, is passed over.

    Args:
        names: key and name of each file.

    Raises:
        BadImages: for a name that leads elsewhere, or an image of a kind that is not read.
    """
    found = []
    for key, name in names:
        path = clean(name)
        if litter(path):
            continue
        if suffix(path) in UNREAD:
            raise BadImages(f"{shown(name)} is of a kind that is not read", "save it as JPEG or PNG")
        if suffix(path) in SUFFIXES:
            found.append((key, path))
    if len(found) > MAX_FILES:
        raise BadImages(f"there are {len(found):,} images, more than {MAX_FILES:,}")
    return found


def arrange(
    names: Sequence[tuple[str, str]], where: str = "it", *, links: int = 0, read: Read | None = None
) -> Layout:
    """Classes and splits of files by their names, or by a CSV file that says them.

    Args:
        names: key and name of each file.
        where: what holds them, for messages.
        links: of files that were left out because they are links.
        read: gives a file's content by its key; None: CSV files are not looked at.

    Raises:
        BadImages: naming what is wrong, and what would be right.
    """
    images = sorted(image_paths(names), key=lambda image: image[1])
    if not images:
        raise BadImages(f"there are no images in {where}", HINT)
    left_out: Counter[str] = Counter({"links": links} if links else {})
    if read is not None and (manifest := find_manifest(_tables(names), images, read)) is not None:
        return checked(_by_manifest(images, manifest, left_out), where)
    rest = _below_common(images)
    labelled = list(_split(rest, left_out))
    if loose := next((key for key, path, _ in labelled if len(path) < 2), None):
        raise BadImages(f"{shown(loose)} lies in no folder: of which class is it?", HINT)
    _check_nesting(labelled)
    classes = tuple(sorted({class_name(path[0]) for _, path, _ in labelled}))
    label = {name: index for index, name in enumerate(classes)}
    entries = tuple(Entry(key, label[path[0]], part) for key, path, part in labelled)
    return checked(Layout(classes, entries, dict(left_out)), where)


def _tables(names: Sequence[tuple[str, str]]) -> list[tuple[str, Path]]:
    """Key and path of the CSV files among files."""
    found = [(key, clean(name)) for key, name in names if name.casefold().endswith(TABLES)]
    return sorted((each for each in found if not litter(each[1])), key=lambda each: each[1])


def _by_manifest(images: Sequence[tuple[str, Path]], manifest: Manifest, left_out: Counter[str]) -> Layout:
    """The layout that CSV files say; the split may also be the name of the file or of a folder.

    Raises:
        BadImages: a split is none.
    """
    labelled = []
    if manifest.missing:
        left_out["named in a CSV file and not there"] += manifest.missing
    for key, path in images:
        row, stem = manifest.rows.get(key, (None, ""))
        if row is None:
            left_out["named in no CSV file"] += 1
        elif not row.label:
            left_out["without a label in a CSV file"] += 1
        else:
            part = split_of(row.split)
            if row.split and part is None:
                hint = "the splits are train, validation and test"
                raise BadImages(f"{shown(row.split)} is no split, of {shown(row.file)}", hint)
            outer = next((split_of(folder) for folder in path[:-1] if split_of(folder)), None)
            labelled.append((key, class_name(row.label), part or split_of(stem) or outer or TRAIN))
    classes = tuple(sorted({label for _, label, _ in labelled}))
    index = {name: number for number, name in enumerate(classes)}
    entries = tuple(Entry(key, index[label], part) for key, label, part in labelled)
    return Layout(classes, entries, dict(left_out))


def checked(layout: Layout, where: str) -> Layout:
    """The layout, if something can be learned from it.

    Raises:
        BadImages: for one class, none to train on, or a class without training images.
    """
    if not layout.entries:
        raise BadImages(f"no image in {where} has a label", HINT)
    if len(layout.classes) < 2:
        raise BadImages(f"there is but one class, {layout.classes[0]!r}, in {where}", HINT)
    trained = {entry.label for entry in layout.entries if entry.part == TRAIN}
    if not trained:
        raise BadImages(f"{where} has no training images", "name the folder that holds them train")
    if missing := sorted(set(range(len(layout.classes))) - trained):
        name = layout.classes[missing[0]]
        raise BadImages(
            f"the class {name!r} has no training images in {where}",
            "give it some, or leave it out of the other splits too",
        )
    return layout


def _below_common(images: Sequence[tuple[str, Path]]) -> list[tuple[str, Path]]:
    """Paths without the folders that all images lie in, down to their classes."""
    rest = list(images)
    while all(len(path) > 2 and path[0] == rest[0][1][0] for _, path in rest):
        rest = [(key, path[1:]) for key, path in rest]
    return rest


def _split(images: Sequence[tuple[str, Path]], left_out: Counter[str]) -> list[tuple[str, Path, str]]:
    """Key, path from the class on, and split of each image that has a label."""
    outer = {path[0] for _, path in images if len(path) > 1 and split_of(path[0]) == TRAIN}
    # A class may be called train; as a split it holds folders, or stands beside nothing but splits.
    split_first = any(path[0] in outer and len(path) > 2 for _, path in images)
    split_first |= bool(outer) and all(len(path) > 1 and split_of(path[0]) for _, path in images)
    if split_first:
        classes = {path[1] for _, path in images if path[0] in outer and len(path) > 2}
        return list(_inside_splits(images, classes, left_out))
    if all(len(path) == 3 and split_of(path[1]) for _, path in images):  # CLASS/train/FILE
        return [(key, (path[0], path[2]), split_of(path[1]) or TRAIN) for key, path in images]
    return [(key, path, TRAIN) for key, path in images]


def _inside_splits(
    images: Sequence[tuple[str, Path]], classes: set[str], left_out: Counter[str]
) -> Iterator[tuple[str, Path, str]]:
    """As :func:`_split`, of ``train/CLASS/…``."""
    for key, path in images:
        part = split_of(path[0]) if len(path) > 1 else None
        if part is None:
            left_out["beside the split folders"] += 1
        elif part == TRAIN or (len(path) > 2 and path[1] in classes):
            yield key, path[1:], part
        elif len(path) < 3:
            left_out[f"without a label in {path[0]}"] += 1
        else:
            left_out[f"in {path[0]}/{path[1]}, which is no class of the training images"] += 1


def _check_nesting(images: Sequence[tuple[str, Path, str]]) -> None:
    """Refuses folders in class folders that may be the classes themselves.

    Folders of the same names in several classes (``cats/2022``, ``dogs/2022``) and a single folder in each
    (``n01440764/images``) are parts of a class. Different ones in different classes can mean either.
    """
    inner: dict[str, set[str]] = defaultdict(set)
    for _, path, _ in images:
        inner[path[0]] |= {path[1]} if len(path) > 2 else {""}
    nested = [names for names in inner.values() if names != {""}]
    if len(nested) < len(inner) or (
        all(len(names) == 1 for names in nested) and len(set.union(*nested)) == 1
    ):
        return
    shared = Counter(name for names in nested for name in names)
    if max(shared.values()) == 1:
        outer, names = max(inner.items(), key=lambda item: len(item[1]))
        raise BadImages(
            f"{shown(outer)} holds the folders {', '.join(sorted(names)[:3])}: are these the classes, or it?",
            "put all images of a class into one folder, without folders inside",
        )
