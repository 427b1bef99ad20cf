"""The data sets of a folder, by name.

``flowers`` is ``flowers/``, ``flowers.npz``, ``flowers.tar``, or what else ends as a task source says
(:mod:`networks.images.sources`).
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from networks.images.limits import BadImages
from networks.images.source import Source, naming
from networks.images.sources import SOURCES
from spaces.names import NAME


def names(folder: Path) -> list[str]:
    """The data sets of a folder, by name."""
    found = set()
    for path in folder.iterdir() if folder.is_dir() else ():
        for ending, _ in _formats():
            if path.name.endswith(ending) and path.is_dir() == (not ending):
                found.add(path.name.removesuffix(ending))
    return sorted(name for name in found if NAME.fullmatch(name))


def find(folder: Path, name: str) -> Path:
    """The file or folder of a data set.

    Raises:
        BadImages: there is none of the name, or the text is no name.
    """
    return _found(folder, name)[0]


def open_source(folder: Path, name: str) -> Source:
    """A data set by its name.

    Raises:
        BadImages: there is none, or it holds no images.
    """
    path, source = _found(folder, name)
    with naming(path):
        if path.is_dir():
            return source(path)
        stat = path.stat()
        return _opened(source, path, stat.st_size, stat.st_mtime_ns)


@lru_cache(2)
def _opened(source: type[Source], path: Path, size: int, changed: int) -> Source:
    """A file's source, kept while the file stays as it is: an archive is read to its end to list it."""
    return source(path)


def open_file(path: Path) -> Source:
    """A data set that lies at a path, of the format that its ending says.

    Raises:
        BadImages: of no known format, or it holds no images.
    """
    for ending, source in _formats():
        if ending and path.name.endswith(ending):
            with naming(path):
                return source(path)
    raise BadImages(f"{path.name} is of no kind that is read")


def _found(folder: Path, name: str) -> tuple[Path, type[Source]]:
    if NAME.fullmatch(name):
        for ending, source in _formats():
            path = folder / f"{name}{ending}"
            # A link is followed only within the folder: a name must not lead elsewhere.
            inside = path.exists() and path.resolve().is_relative_to(folder.resolve())
            if inside and path.is_dir() == (not ending):
                return path, source
    raise BadImages(f"no data set {name!r}; there are {', '.join(names(folder)) or 'none'}")


def _formats() -> Iterator[tuple[str, type[Source]]]:
    """Endings and what opens them, those of the built-in formats first."""
    for name in sorted(SOURCES.working(), key=lambda name: (name not in SOURCES.built_in(), name)):
        source = SOURCES.get(name)
        yield from ((ending, source) for ending in source.endings)
