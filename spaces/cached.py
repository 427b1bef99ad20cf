"""Results kept for a space, which go when the space goes."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

import numpy as np

from spaces.space import Space

P = ParamSpec("P")
T = TypeVar("T")

KEPT_BYTES = 2**22
"""Memory of what is kept and is no array, such as a fitted model, roughly."""


def cached_by_space(maxsize: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorator: like ``lru_cache`` for a function of a space and more, but holds no transient space back.

    What is computed of a transient space is kept by the space itself, and goes when it goes.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        for_good = lru_cache(maxsize)(function)

        @wraps(function)
        def cached(*args: P.args, **kwargs: P.kwargs) -> T:
            space = next(argument for argument in args if isinstance(argument, Space))
            if not space.transient:
                return for_good(*args, **kwargs)  # type: ignore[arg-type]
            kept: dict[object, T] = space.__dict__.setdefault("_kept", {})
            key = (function, args, frozenset(kwargs.items()))
            if key not in kept:
                kept[key] = function(*args, **kwargs)
            return kept[key]

        return cached

    return decorate


def kept_bytes(space: Space) -> int:
    """Memory of what :func:`cached_by_space` keeps of a transient space, roughly."""
    return sum(_bytes(value) for value in list(space.__dict__.get("_kept", {}).values()))


def _bytes(value: object) -> int:
    if isinstance(value, np.ndarray):
        return value.nbytes
    return sum(map(_bytes, value)) if isinstance(value, tuple) else KEPT_BYTES
