"""What is sent of a task: a file as it is, or a few images of each folder of a folder."""

import io
import zipfile
from pathlib import Path

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
A_CLASS = 20
"""Images sent of each class folder, evenly chosen by name: more are not looked at."""


def packed(path: Path) -> bytes:
    """The bytes of a zip or npz; of a folder of class folders, a zip of a few images of each.

    Raises:
        OSError: it cannot be read.
        ValueError: a folder holds no class folders with images.
    """
    if not path.is_dir():
        return path.read_bytes()
    made, classes = io.BytesIO(), 0
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for folder in sorted(entry for entry in path.iterdir() if entry.is_dir()):
            files = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
            step = max(1.0, (len(files) - 1) / (A_CLASS - 1))
            chosen = {round(index * step) for index in range(min(A_CLASS, len(files)))}
            for index in sorted(chosen):
                archive.write(files[index], f"{folder.name}/{files[index].name}")
            classes += bool(files)
    if classes < 2:
        raise ValueError(f"{path} holds no two class folders with images ({', '.join(SUFFIXES)})")
    return made.getvalue()
