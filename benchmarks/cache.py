"""Converted tables on disk: one ``.npz`` of plain arrays for each content of a source file.

Several processes may convert the same table at once: each writes a file of its own and renames it into
place, and all write the same content.
"""

import os
import time
import uuid
import zipfile
import zlib
from pathlib import Path

import numpy as np

from benchmarks.table import Rows

_STALE_SECONDS = 3600.0

# Whatever a damaged archive makes numpy and zipfile raise: a zip's flags may claim encryption or an unknown
# compression (RuntimeError), its headers sizes that no memory holds (MemoryError), or it is a bare array
# (TypeError).
_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    RuntimeError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
)


def load(path: Path, columns: int, variables: int) -> Rows | None:
    """The rows that :func:`store` wrote; None where the file is absent or damaged.

    An entry's checksum is part of the archive, so a changed byte of the arrays is found. Object arrays, which
    would be pickles, are refused.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            codes, values = arrays["codes"], arrays["values"]
    except _DAMAGE:
        return None
    fits = (
        codes.dtype == np.int8
        and values.dtype == np.float64
        and codes.ndim == 2
        and codes.shape[1] == variables
        and values.shape == (columns, len(codes))
    )
    return Rows(codes, values) if fits else None


def store(path: Path, rows: Rows) -> None:
    """Writes the rows so that a reader sees all of them or none.

    Raises:
        OSError: where the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path.parent)
    temporary = path.parent / f"{path.stem}-{uuid.uuid4().hex}.tmp"
    try:
        with temporary.open("xb") as file:
            np.savez(file, allow_pickle=False, codes=rows.codes, values=rows.values)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Removes what a killed writer left; an hour is longer than any write takes."""
    for left in folder.glob("*.tmp"):
        try:
            if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                left.unlink()
        except FileNotFoundError:
            continue  # another process was faster
