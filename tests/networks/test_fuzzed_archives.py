"""Damaged archives: whatever is in them, they are read or refused with a reason, never anything else."""

import io
import os
import random
import tarfile

import numpy as np
import pytest

from networks.images.describe import describe
from networks.images.limits import BadImages
from networks.images.read import write_sample
from tests.networks.test_archives import ARRAYS, GRADIENT, LAYOUTS, saved, zipped

CASES = int(os.environ.get("NETWRIGHT_TEST_CASES", "60"))
"""Of each kind; the long form takes thousands."""


def _tar(content):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for path, item in content.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(item)
            archive.addfile(entry, io.BytesIO(item))
    return made.getvalue()


def _npz(arrays):
    made = io.BytesIO()
    np.savez_compressed(made, **arrays)
    return made.getvalue()


def _all_formats():
    from PIL import Image

    image = Image.fromarray(GRADIENT)
    kinds = {"png": "PNG", "jpg": "JPEG", "gif": "GIF", "webp": "WEBP", "tif": "TIFF", "bmp": "BMP"}
    return {f"{name}/1.{end}": saved(image, form) for end, form in kinds.items() for name in ("cats", "dogs")}


WHOLE = {
    "folders.zip": zipped(_all_formats()),
    "splits.zip": zipped(LAYOUTS["splits"][0]),
    "folders.tar.gz": _tar(_all_formats()),
    "arrays.npz": _npz(ARRAYS["x and y"][0]),
    "texts.npz": _npz(ARRAYS["texts"][0]),
}


def mutated(content, rng):
    """A content with some bytes changed, cut out, repeated or zeroed, as disks and networks do it."""
    found = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(found))
        size = rng.choice((1, 1, 2, 4, 16, 200))
        how = rng.randrange(4)
        if how == 0:
            found[at : at + size] = rng.randbytes(len(found[at : at + size]))
        elif how == 1:
            del found[at : at + size]
        elif how == 2:
            found[at:at] = found[at : at + size]
        else:
            found[at : at + size] = bytes(len(found[at : at + size]))
        if not found:
            return b"\0"
    return bytes(found)


@pytest.mark.parametrize("name", WHOLE)
def test_a_damaged_archive_is_read_or_refused(tmp_path, name):
    rng = random.Random(name)
    for case in range(CASES):
        content = mutated(WHOLE[name], rng)
        if not name.endswith(".tar.gz"):
            try:
                write_sample(io.BytesIO(content), io.BytesIO(), a_class=20, in_all=400)
            except BadImages as error:
                assert error.message and len(error.message) < 400, case
        path = tmp_path / f"{case}-{name}"
        path.write_bytes(content)
        try:
            assert describe(path)["classes"]
        except BadImages as error:
            assert error.message and "Traceback" not in error.message, case
        path.unlink()
