"""Tiny data sets whose classes can be told apart by colour and stripes; everything follows from a seed."""

import io
import tarfile
import zipfile

import numpy as np
from PIL import Image


def pictures(count, side=8, classes=3, seed=0):
    """Images (n, side, side, 3) uint8 and labels (n,)."""
    rng = np.random.default_rng(seed)
    y = rng.integers(classes, size=count)
    y[:classes] = np.arange(classes)
    x = rng.integers(0, 120, size=(count, side, side, 3))
    for index, label in enumerate(y):
        x[index, :, :, label % 3] += 100
        if label >= 3:
            x[index, ::2] //= 2
    return x.astype(np.uint8), y.astype(np.int64)


def npz(folder, name="tiny", count=60, test=20, side=8, classes=3):
    """``name.npz`` with a test part."""
    folder.mkdir(parents=True, exist_ok=True)
    x, y = pictures(count, side, classes)
    x_test, y_test = pictures(test, side, classes, seed=1)
    np.savez(folder / f"{name}.npz", x=x, y=y, x_test=x_test, y_test=y_test)
    return folder


def png(image):
    """The bytes of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def files(count=12, side=8, classes=3, parts=("train", "test")):
    """Path → content of class folders."""
    found = {}
    for seed, part in enumerate(parts):
        x, y = pictures(count, side, classes, seed)
        for index, (image, label) in enumerate(zip(x, y, strict=True)):
            prefix = f"{part}/" if part else ""
            found[f"{prefix}class{label}/{index:03}.png"] = png(image)
    return found


def folder_of(folder, name, content):
    """Class folders on disk."""
    for path, data in content.items():
        file = folder / name / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return folder


def tar_of(folder, name, content, mode="w:xz"):
    """Class folders in a tar."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / name, mode) as archive:
        for path, data in content.items():
            info = tarfile.TarInfo(path)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return folder


def zip_of(folder, name, content):
    """Class folders in a zip."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / name, "w") as archive:
        for path, data in content.items():
            archive.writestr(path, data)
    return folder
