"""The data sets of a folder, by name.

``flowers`` is ``flowers/``, ``flowers.npz``, ``flowers.tar``, or what else ends as a task source says
(:mod:`networks.images.sources`).
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from networks.images.catalog import Images, catalog_of
from networks.images.limits import BadImages
from networks.images.source import Source, naming
from networks.images.sources import SOURCES
from spaces.names import NAME


def names(images: Images) -> list[str]:
    """The data sets that there are, by name."""
    catalog = catalog_of(images)
    folder, found = catalog.folder, set(catalog.uploaded)
    for path in folder.iterdir() if folder is not None and folder.is_dir() else ():
        for ending, _ in _formats():
            if path.name.endswith(ending) and path.is_dir() == (not ending):
                found.add(path.name.removesuffix(ending))
    return sorted(name for name in found if NAME.fullmatch(name))


def find(images: Images, name: str) -> Path | None:
    """The file or folder of a data set; None for an uploaded one that is not on this machine.

    Raises:
        BadImages: there is none of the name, or the text is no name.
    """
    uploaded = catalog_of(images).uploaded.get(name)
    return _found(images, name)[0] if uploaded is None else uploaded.path


def open_source(images: Images, name: str) -> Source:
    """A data set by its name.

    Raises:
        BadImages: there is none, or it holds no images.
    """
    uploaded = catalog_of(images).uploaded.get(name)
    if uploaded is not None:
        if uploaded.path is None:
            raise BadImages(f"the data set {name!r} is not on this machine")
        return open_file(uploaded.path)
    path, source = _found(images, name)
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
                stat = path.stat()
                return _opened(source, path, stat.st_size, stat.st_mtime_ns)
    raise BadImages(f"{path.name} is of no kind that is read")


def _found(images: Images, name: str) -> tuple[Path, type[Source]]:
    folder = catalog_of(images).folder
    if folder is not None and NAME.fullmatch(name):
        for ending, source in _formats():
            path = folder / f"{name}{ending}"
            # A link is followed only within the folder: a name must not lead elsewhere.
            inside = path.exists() and path.resolve().is_relative_to(folder.resolve())
            if inside and path.is_dir() == (not ending):
                return path, source
    raise BadImages(f"no data set {name!r}; there are {', '.join(names(images)) or 'none'}")


def _formats() -> Iterator[tuple[str, type[Source]]]:
    """Endings and what opens them, those of the built-in formats first."""
    for name in sorted(SOURCES.working(), key=lambda name: (name not in SOURCES.built_in(), name)):
        source = SOURCES.get(name)
        yield from ((ending, source) for ending in source.endings)
