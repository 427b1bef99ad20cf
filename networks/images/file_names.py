"""Names of files in archives and folders, as people's machines write them: cleaned, or refused.

Nothing is ever unpacked to disk, so no name can lead anywhere; one that tries to is still refused, because
whoever made the archive meant something else.
"""

import re
import unicodedata
import zipfile

from networks.images.limits import LONGEST_NAME, BadImages

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff")
"""Of files that are read; case does not matter."""
UNREAD = (".heic", ".heif", ".avif", ".jp2", ".jxl", ".ppm", ".pgm", ".svg", ".tga", ".dng", ".cr2", ".nef")
"""Images of other kinds: whoever sends them means them to be looked at, so they are refused by name."""
_LITTER = ("__macosx", "__pycache__", "@eadir", "$recycle.bin", "lost+found", "thumbs.db", "desktop.ini")
"""What systems and tools leave in folders; so is every name that begins with a dot or ends with a tilde."""
_BIDIRECTIONAL = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_DRIVE = re.compile(r"[A-Za-z]:(?![^/]*\.)|[A-Za-z]:/|[A-Za-z][A-Za-z0-9+.-]*://")
_UTF8 = 0x800
"""The flag of a zip's names that are UTF-8."""

Path = tuple[str, ...]


def clean(name: str) -> Path:
    r"""The parts of a path: Windows separators taken as such, every text in its composed form (Unicode NFC).

    >>> clean("set\\cafe\u0301/1 2.jpg")
    ('set', 'café', '1 2.jpg')

    Raises:
        BadImages: it is absolute, leads upwards, or holds control characters.
    """
    path = unicodedata.normalize("NFC", name.replace("\\", "/").removeprefix("\ufeff"))
    while path.startswith("./"):
        path = path[2:]
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    outside = path.startswith(("/", "~")) or ".." in parts or _DRIVE.match(path) is not None
    if outside or not parts or any(map(_unprintable, path)):
        raise BadImages(f"{shown(name)} is a name that leads elsewhere", "use names such as cats/1.jpg")
    return parts


def _unprintable(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _BIDIRECTIONAL


def litter(path: Path) -> bool:
    """Whether a path is of what systems, editors and notebooks leave behind; it is ignored and not counted.

    >>> litter((".ipynb_checkpoints", "1.jpg")), litter(("cats", "._1.jpg")), litter(("cats", "1.jpg"))
    (True, True, False)
    """
    return any(part.startswith(".") or part.endswith("~") or part.casefold() in _LITTER for part in path)


def suffix(path: Path) -> str:
    """The ending of a file's name, in small letters, with its dot; empty where it has none."""
    stem, dot, ending = path[-1].rpartition(".")
    return f".{ending.lower()}" if dot and stem else ""


def member_name(member: zipfile.ZipInfo) -> str:
    """The name of a file in a zip: UTF-8 where its bytes are, whether it says so or not, else code page 437.

    Many programs write UTF-8 without the flag for it. Names in another code page come out as other letters,
    but still one name for one folder.
    """
    name = member.orig_filename
    if member.flag_bits & _UTF8:
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name


def class_name(name: str) -> str:
    """The name of a class, as a folder or a label gives it.

    Raises:
        BadImages: it is too long.
    """
    if len(name) > LONGEST_NAME:
        raise BadImages(f"the class {name[:40]!r}… has a name of more than {LONGEST_NAME} characters")
    return name


def shown(name: str) -> str:
    """A name as messages show it."""
    return repr(name if len(name) <= 80 else name[:79] + "…")
