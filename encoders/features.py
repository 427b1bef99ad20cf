"""Features of architectures that need no training, for any space.

Kinds (one file each in :mod:`encoders.training_free`): ``onehot``, ``path``, ``live``, ``counts``,
``statistics`` and more. Kinds that describe networks see only the networks of a space with recipes. Those
that count are looked up where the space is small: a table with a byte a number is computed once a process,
on first use; so are the embeddings of pretrained networks.
"""

from collections.abc import Sequence
from functools import cache
from math import prod

import numpy as np
from numpy.typing import NDArray

from encoders.training_free.kind import KINDS, FeatureKind, Features
from encoders.training_free.recipe import PREFIX, recipe_kind
from spaces.cached import cached_by_space
from spaces.mixed_radix import index_of
from spaces.registry import import_modules
from spaces.space import Codes, Space

DEFAULT_KINDS = ("onehot", "path", "live", "counts", "statistics")

_LARGEST_TABLE = 2**16
_CHUNK = 4096


def features(
    space: Space, codes: Codes, task: str | None = None, kinds: Sequence[str] = DEFAULT_KINDS
) -> Features:
    """Features (b, f) of canonical codes (b, v); column i is ``feature_names(space, kinds)[i]``.

    Args:
        space: any space.
        codes: (b, v), canonical.
        task: for spaces whose statistics depend on it.
        kinds: which features, in this order.

    Raises:
        KeyError: for an unknown kind.

    >>> from spaces.known import get_space
    >>> space = get_space("nasbench201")
    >>> features(space, space.enumerate()[:2], kinds=["statistics"]).shape
    (2, 5)
    """
    chosen = [_kind(name) for name in kinds]
    widths = [_width(kind, space) for kind in chosen]
    result = np.empty((len(codes), sum(widths)), dtype=np.float32)
    start = 0
    for kind, width in zip(chosen, widths, strict=True):
        result[:, start : start + width] = _values(kind, space, codes, task)
        start += width
    return result


def feature_names(space: Space, kinds: Sequence[str] = DEFAULT_KINDS) -> tuple[str, ...]:
    """Names of the columns of :func:`features`, (f,).

    Raises:
        KeyError: for an unknown kind.

    >>> from spaces.known import get_space
    >>> feature_names(get_space("nasbench201"), ["statistics"])
    ('log_params_m', 'log_macs_m', 'log_peak_memory_mb', 'depth', 'conv_depth')
    """
    return tuple(name for kind in kinds for name in _kind(kind).names(_seen_by(_kind(kind), space)))


@cache
def _discover() -> None:
    import_modules("encoders.training_free")


def _kind(name: str) -> FeatureKind:
    if name.startswith(PREFIX):
        return recipe_kind(name)
    _discover()
    if name not in KINDS:
        raise KeyError(f"unknown kind of feature {name!r}; known are {', '.join(sorted(KINDS))}")
    return KINDS[name]


@cached_by_space(maxsize=64)
def _width(kind: FeatureKind, space: Space) -> int:
    """How many features a kind has in a space; naming them all takes longer than computing few rows."""
    return len(kind.names(_seen_by(kind, space)))


def _seen_by(kind: FeatureKind, space: Space) -> Space:
    """The space that a kind is asked about: of networks alone, where it says nothing else."""
    return space.network_space if kind.of_network else space


def _values(kind: FeatureKind, space: Space, codes: Codes, task: str | None) -> Features | NDArray[np.uint8]:
    """A kind's features, from its table where the space is small enough and every row is an architecture."""
    if kind.of_network:
        space, codes = space.network_space, space.networks(codes)
    if (kind.counts or kind.tabled) and space.size <= _LARGEST_TABLE >= prod(
        len(v.choices) for v in space.variables
    ):
        rows, table = _table(kind, space)
        places = rows[index_of(codes, space.variables)]
        if not bool(np.any(places < 0)):
            return table[places]
    return _computed(kind, space, codes, task)


def _computed(kind: FeatureKind, space: Space, codes: Codes, task: str | None) -> Features:
    """A kind's features, computed in chunks that bound the memory."""
    if len(codes) <= _CHUNK:
        return kind.values(space, codes, task)
    chunks = [codes[start : start + _CHUNK] for start in range(0, len(codes), _CHUNK)]
    return np.concatenate([kind.values(space, chunk, task) for chunk in chunks])


@cached_by_space(maxsize=32)
def _table(kind: FeatureKind, space: Space) -> tuple[NDArray[np.int32], NDArray[np.uint8] | Features]:
    """For every combination of choices its architecture's row, or −1; and each architecture's features."""
    codes = space.enumerate()
    rows = np.full(prod(len(variable.choices) for variable in space.variables), -1, dtype=np.int32)
    rows[index_of(codes, space.variables)] = np.arange(len(codes), dtype=np.int32)
    values = _computed(kind, space, codes, None)
    return rows, values.astype(np.uint8) if kind.counts else values
