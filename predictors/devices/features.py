"""What a device's latency is a smooth function of: exact, training-free features of an architecture."""

import numpy as np

from encoders.features import features
from spaces.space import Codes, Floats, Space

MOST_PAIRS = 1000
MOST_RESIDUALS = 64


def latency_features(space: Space, codes: Codes) -> list[Floats]:
    """Groups of features of codes (b, v), each (b, p): choices, counts, statistics, and pairs of choices.

    A network's latency is nearly the sum of what its choices cost; what is left comes from choices that
    run beside or behind each other, so pairs are added where a space has few enough of them.

    >>> from spaces.known import get_space
    >>> space = get_space("nasbench201")
    >>> [group.shape[1] for group in latency_features(space, space.enumerate()[:2])]
    [30, 16, 5, 375]
    """
    groups = [features(space, codes, space.tasks[0], [kind]) for kind in ("onehot", "counts", "statistics")]
    return [group.astype(np.float64) for group in groups] + _pairs(space, codes) + _areas(space, codes)


def residual_features(space: Space, codes: Codes) -> Floats:
    """Few features (b, r) along which an unseen device may differ from every known one."""
    chosen = features(space, codes, kinds=["onehot"])
    if chosen.shape[1] > MOST_RESIDUALS:
        chosen = features(space, codes, kinds=["counts"])
    return chosen.astype(np.float64)


def _areas(space: Space, codes: Codes) -> list[Floats]:
    """Choices times the image's area, where the resolution is a variable: a layer's work grows with it."""
    names = [variable.name for variable in space.variables]
    if "resolution" not in names:
        return []
    sides = np.array(space.variables[names.index("resolution")].choices, dtype=np.float64)
    area = (sides[codes[:, names.index("resolution")]] / sides.max()) ** 2
    return [features(space, codes, kinds=["onehot"]).astype(np.float64) * area[:, None]]


def _pairs(space: Space, codes: Codes) -> list[Floats]:
    """Products of the choices of every two variables; nothing where there would be too many."""
    sizes = [len(variable.choices) for variable in space.variables]
    if (sum(sizes) ** 2 - sum(size**2 for size in sizes)) // 2 > MOST_PAIRS:
        return []
    picked = [codes[:, [i]] == np.arange(size) for i, size in enumerate(sizes)]
    products = [
        (picked[i][:, :, None] & picked[j][:, None, :]).reshape(len(codes), -1)
        for i in range(len(sizes))
        for j in range(i)
    ]
    return [np.concatenate(products, axis=1).astype(np.float64)]
