"""Image files to arrays, with nothing trusted: the format, the size and the amount are checked first.

An image is what a person sees who opens it: turned as its EXIF orientation says, transparency on white, the
first picture of an animation, 16 bits a channel reduced to the upper eight.
"""

import io
import warnings
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from networks.images.limits import MAX_PIXELS, SEEN_SIDE, BadImages, check_sides

FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "GIF", "TIFF")
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, TypeError, IndexError, KeyError, zlib.error)
"""How Pillow reports damaged files."""

Pixels = NDArray[np.uint8]


def decode(content: bytes, name: str, side: int | None) -> Pixels:
    """One image (h, w, 3); resized and cut to (side, side, 3) where a side is given.

    Args:
        content: of the file.
        name: of the file, for messages.
        side: in pixels; the shorter side is scaled to it, the middle of the longer one kept.

    Raises:
        BadImages: it is no image of the known formats, is damaged, or too large.
    """
    image, _ = _opened(content, name, sides=False)
    return fitted(image, side)


def fitted(image: Image.Image, side: int | None) -> Pixels:
    """An image in colour, (h, w, 3), or of a side (side, side, 3)."""
    return np.asarray(_fit(image.convert("RGB"), side), dtype=np.uint8)


def sampled(content: bytes, name: str) -> tuple[Pixels, int]:
    """The middle square of an image, (s, s, 3) or, where it is grey, (s, s); a large one made smaller.

    Returns:
        it, and how many bytes its pixels took before

    Raises:
        BadImages: as :func:`decode`; also where it is smaller or larger than a task's images may be.
    """
    image, size = _opened(content, name, sides=True)
    return seen(image), size


def seen(image: Image.Image) -> Pixels:
    """What is looked at of an image: its middle square, at most :data:`SEEN_SIDE` wide."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    if side > SEEN_SIDE:
        square = square.resize((SEEN_SIDE, SEEN_SIDE), Image.Resampling.BICUBIC)
    return np.asarray(square, dtype=np.uint8)


def _opened(content: bytes, name: str, *, sides: bool) -> tuple[Image.Image, int]:
    """An image as L or RGB, and the bytes that its pixels took."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.filterwarnings("ignore", category=UserWarning, module="PIL")  # odd EXIF data
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise BadImages(f"{name} has {image.width}×{image.height} pixels, too many")
                if sides:
                    check_sides(image.height, image.width, name)
                    # A JPEG far larger than what is looked at is unpacked at a half, a quarter or an eighth.
                    image.draft(None, (2 * SEEN_SIDE, 2 * SEEN_SIDE))
                image.load()
                size = image.width * image.height * len(image.getbands())
                return _plain(ImageOps.exif_transpose(image)), size
    except BadImages:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadImages(f"{name} says that it has many millions of pixels") from None
    except UnidentifiedImageError:
        raise BadImages(f"{name} is no image that can be read", f"known are {', '.join(FORMATS)}") from None
    except _DAMAGED as error:
        raise BadImages(f"{name} is damaged: {str(error)[:100]}") from None


def _plain(image: Image.Image) -> Image.Image:
    """An image of any mode as L or RGB."""
    if image.mode.startswith(("I", "F")):  # of 16 or more bits; Pillow would cut values off
        values = np.nan_to_num(np.asarray(image, dtype=np.float64))
        if image.mode == "F" and values.max(initial=0) <= 1:
            values = 65535 * values
        image = Image.fromarray((values.clip(0, 65535).astype(np.uint16) >> 8).astype(np.uint8))
    if "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        flat = on_white(image)
        return flat.convert("L") if image.mode in ("1", "L", "LA", "La") else flat
    return image if image.mode in ("L", "RGB") else image.convert("L" if image.mode == "1" else "RGB")


def on_white(image: Image.Image) -> Image.Image:
    """An image with transparency as RGB, on white."""
    clear = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")


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
