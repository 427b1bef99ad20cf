"""Labels of arrays as people save them: numbers with gaps, strings, columns, one-hot rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from networks.images.file_names import class_name
from networks.images.layout import TRAIN
from networks.images.limits import BadImages

HINT = "labels are n whole numbers or texts, or n rows of one-hot"

Indices = NDArray[np.int64]


def class_indices(labels: Mapping[str, NDArray[Any]]) -> tuple[tuple[str, ...], dict[str, Indices]]:
    """The classes' names in order, and the index of each image's class, by split.

    Numbers are classes by what they are, not by how large: 97 and 98 are two classes. Classes are those of
    the training images.

    Args:
        labels: split → labels (n,), (n, 1) or one-hot (n, k).

    Raises:
        BadImages: naming what is wrong.
    """
    flat = {part: _flat(values, part) for part, values in labels.items()}
    kinds = {values.dtype.kind in "iu" for values in flat.values()}
    if len(kinds) > 1:
        raise BadImages("some labels are numbers and some are texts", HINT)
    known = np.unique(flat[TRAIN])
    indices = {}
    for part, values in flat.items():
        found = np.searchsorted(known, values).clip(max=len(known) - 1)
        if len(strange := values[known[found] != values]):
            raise BadImages(f"the {part} images have the label {strange[0]!s}, which no training image has")
        indices[part] = found.astype(np.int64)
    return tuple(class_name(str(name)) for name in known), indices


def _flat(values: NDArray[Any], part: str) -> NDArray[Any]:
    """Labels (n,) of whole numbers or texts."""
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 2 and values.shape[1] > 1 and values.dtype.kind in "biuf":
        ones = values != 0
        if not ((ones.sum(axis=1) == 1) & (values.astype(np.float64).sum(axis=1) == 1)).all():
            raise BadImages(f"the {part} labels are {values.shape}, and their rows are not one-hot", HINT)
        hot: NDArray[Any] = ones.argmax(axis=1)
        return hot
    if values.ndim != 1 or values.dtype.kind not in "biufSU":
        raise BadImages(f"the {part} labels are {values.dtype} {values.shape}"[:100], HINT)
    if values.dtype.kind == "f":
        if not np.isfinite(values).all() or (values != np.floor(values)).any():
            raise BadImages(f"the {part} labels are {values.dtype} and not whole", HINT)
        return values.astype(np.int64)
    if values.dtype.kind == "b":
        return values.astype(np.int64)
    if values.dtype.kind == "S":
        return np.char.decode(values, "utf-8", "replace")
    return values
