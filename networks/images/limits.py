"""What an upload may be: how many classes, how large, of which files; and the error of one that is not."""

IMAGES_A_CLASS = 20
IMAGES = 400
"""Looked at in each class and in all, evenly chosen; at least one of each class."""
CLASSES = (2, 1000)
SIDES = (8, 1024)
"""Least and greatest height and width of an image, in pixels."""
MOST_FILES = 50_000
"""In a zip."""
MOST_DIRECTORY_BYTES = 8 << 20
"""Of a zip's own list of its files."""
MOST_IMAGE_BYTES = 8 << 20
"""Of one file, unpacked."""
MOST_ARRAY_BYTES = 256 << 20
"""Of ``x``, unpacked; it is read piece by piece."""
LONGEST_NAME = 100
"""Of a class, in characters."""
SEEN_SIDE = 224
"""An image is cut to its middle square at once, and a larger one made so small: no more is ever looked at."""


class BadUpload(ValueError):
    """An upload that no sample can be read from; not worth a retry as it is.

    Args:
        message: what is wrong, naming the file in the upload.
        hint: what would be right.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def check_classes(count: int) -> None:
    """Refuses too few or too many classes.

    Raises:
        BadUpload: naming how many there are.
    """
    least, most = CLASSES
    if not least <= count <= most:
        raise BadUpload(f"a task has {least} to {most:,} classes, and this has {count:,}")


def check_sides(height: int, width: int, where: str) -> None:
    """Refuses an image that is too small or too large.

    Raises:
        BadUpload: naming it.
    """
    least, most = SIDES
    if not (least <= height <= most and least <= width <= most):
        raise BadUpload(
            f"{where} has {width}×{height} pixels", f"images have {least}×{least} to {most:,}×{most:,} pixels"
        )
