"""Image files to arrays, with nothing trusted: the format, the size and the amount are checked first.

Only JPEG, PNG, BMP and WebP are opened, and only after the file's header has said that it is small enough.
"""

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "BMP", "WEBP")
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
MAX_FILE_BYTES = 32 << 20
MAX_PIXELS = 32_000_000

Pixels = NDArray[np.uint8]


class BadImages(ValueError):
    """A data set that cannot be used as it is; retry once it is mended."""


def decode(content: bytes, name: str, side: int | None) -> Pixels:
    """One image (h, w, 3); resized and cut to (side, side, 3) where a side is given.

    Args:
        content: of the file.
        name: of the file, for messages.
        side: in pixels; the shorter side is scaled to it, the middle of the longer one kept.

    Raises:
        BadImages: it is no image of the known formats, or too large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise BadImages(f"{name} has {image.width}×{image.height} pixels, too many")
                fitted = _fit(eight_bit(image).convert("RGB"), side)
    except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadImages(f"{name} is no image that can be read: {error}") from None
    except (OSError, SyntaxError, ValueError) as error:  # how Pillow reports damaged files
        if isinstance(error, BadImages):
            raise
        raise BadImages(f"{name} is damaged: {error}") from None
    return np.asarray(fitted, dtype=np.uint8)


def eight_bit(image: Image.Image) -> Image.Image:
    """The image; of a grey one of 16 bits the upper eight, where Pillow would cut values off."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).clip(0, 65535) >> 8).astype(np.uint8))


def _fit(image: Image.Image, side: int | None) -> Image.Image:
    """The middle square of an image at a side."""
    if side is None or image.size == (side, side):
        return image
    scale = side / min(image.size)
    wide, high = max(side, round(image.width * scale)), max(side, round(image.height * scale))
    if (wide, high) != image.size:
        image = image.resize((wide, high), Image.Resampling.BILINEAR)
    left, top = (wide - side) // 2, (high - side) // 2
    return image.crop((left, top, left + side, top + side))


def resize(images: Pixels, side: int) -> Pixels:
    """Images (n, h, w, 3) at (n, side, side, 3)."""
    if images.shape[1:3] == (side, side):
        return images
    return np.stack([np.asarray(_fit(Image.fromarray(image), side)) for image in images])
