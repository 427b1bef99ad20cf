"""What images may be: how many, how large, in how many classes; and the error of those that cannot be
used."""

IMAGES_A_CLASS = 20
IMAGES = 400
"""Looked at in each class and in all, evenly chosen; at least one of each class."""
CLASSES = (2, 1000)
SIDES = (8, 4096)
"""Least and greatest height and width of an image, in pixels."""
MOST_FILES = 50_000
"""In an upload."""
MAX_FILES = 2_000_000
"""In a data set to train on."""
MAX_BYTES = 8 << 30
"""Of a data set's pixels in memory, and of an archive that is unpacked."""
MAX_FILE_BYTES = 32 << 20
"""Of one image file of a data set."""
MAX_PIXELS = 32_000_000
"""Of one image."""
MOST_DIRECTORY_BYTES = 8 << 20
"""Of a zip's own list of its files."""
MOST_IMAGE_BYTES = 8 << 20
"""Of one file, unpacked."""
MOST_ARRAY_BYTES = 256 << 20
"""Of ``x``, unpacked; it is read piece by piece."""
LONGEST_NAME = 100
"""Of a class, in characters."""
LONGEST_MESSAGE = 250
"""Characters of what is said to be wrong."""
SEEN_SIDE = 224
"""An image is cut to its middle square at once, and a larger one made so small: no more is ever looked at."""


class BadImages(ValueError):
    """Images that cannot be used as they are; retry once they are mended.

    Args:
        message: what is wrong, naming the file.
        hint: what would be right.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        # Libraries quote what they found in a damaged file, however long it is.
        message = message if len(message) <= LONGEST_MESSAGE else f"{message[: LONGEST_MESSAGE - 1]}…"
        super().__init__(f"{message} ({hint})" if hint else message)
        self.message = message
        self.hint = hint


def check_classes(count: int) -> None:
    """Refuses too few or too many classes.

    Raises:
        BadImages: naming how many there are.
    """
    least, most = CLASSES
    if not least <= count <= most:
        raise BadImages(f"a task has {least} to {most:,} classes, and this has {count:,}")


def check_sides(height: int, width: int, where: str) -> None:
    """Refuses an image that is too small or too large.

    Raises:
        BadImages: naming it.
    """
    least, most = SIDES
    if not (least <= height <= most and least <= width <= most):
        raise BadImages(
            f"{where} has {width}×{height} pixels", f"images have {least}×{least} to {most:,}×{most:,} pixels"
        )
