"""Arrays in an npz, under the names that people give them (:mod:`networks.images.arrays`)."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from networks.images.arrays import Arrays
from networks.images.decode import Pixels, fitted
from networks.images.layout import Entry, Layout, checked
from networks.images.limits import MAX_BYTES
from networks.images.source import Source
from networks.images.sources import SOURCES
from networks.images.sources.zip import opened


@SOURCES.register
class NpzSource(Source):
    """Arrays in an npz file; their headers are checked before anything is read, and pickles are refused."""

    name = "npz"
    endings = (".npz",)

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with opened(path) as archive:
            arrays = Arrays(archive, most_bytes=MAX_BYTES)
        entries = tuple(
            Entry(f"{part}/{row}", label, part)
            for part, labels in arrays.labels.items()
            for row, label in enumerate(labels.tolist())
        )
        self.arrange(checked(Layout(arrays.classes, entries), path.name))

    def images(self, entries: Sequence[Entry], side: int | None) -> Iterator[tuple[int, Pixels]]:
        wanted: dict[str, dict[int, int]] = {}
        for index, entry in enumerate(entries):
            part, _, row = entry.key.partition("/")
            wanted.setdefault(part, {})[int(row)] = index
        with opened(self.path) as archive:
            arrays = Arrays(archive, most_bytes=MAX_BYTES)
            for part, own in wanted.items():
                lengths = arrays.side_lengths(part)
                square = min(lengths) if side is None and lengths[0] != lengths[1] else side
                for number, image in arrays.images(part, list(own)):
                    yield own[number], fitted(Image.fromarray(image), square)
