"""The data sets that can be trained on: those of a folder, and those that a tenant uploaded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Uploaded:
    """An uploaded data set.

    Args:
        classes: how many.
        side: of its images as they are, in pixels: of the largest square that all of them hold.
        path: of its file on this machine; None where only its size is known here.
    """

    classes: int
    side: int
    path: Path | None = None


@dataclass(frozen=True)
class ImageCatalog:
    """Data sets by name; an uploaded one stands before one of the folder.

    Args:
        folder: of image data sets; None where there is none.
        uploaded: name → data set.
    """

    folder: Path | None = None
    uploaded: Mapping[str, Uploaded] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.folder is not None or bool(self.uploaded)


Images = Path | ImageCatalog
"""A folder of data sets, or a catalog of them."""


def catalog_of(images: Images) -> ImageCatalog:
    """The catalog itself, or that of a folder."""
    return images if isinstance(images, ImageCatalog) else ImageCatalog(images)
