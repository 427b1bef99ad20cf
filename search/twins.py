"""Architectures that compute the same function at equal cost: strings that differ, networks that do not.

The function is what the space's ``isomorphism_key`` says (Ying et al. 2019, NAS-Bench-101), the cost what it
computes exactly. Of such twins one is enough: whoever evaluates the second learns nothing of the network.
"""

from collections.abc import Hashable
from functools import lru_cache

import numpy as np

from search.problem import Problem
from spaces.costs.network_config import NetworkConfig
from spaces.metric import METRICS
from spaces.space import Codes, Space

LISTED = 20_000
"""Spaces of this size or smaller are listed: some ten microseconds an architecture."""


def function_keys(problem: Problem, codes: Codes) -> list[Hashable]:
    """What twins have in common and others do not, for each row of codes (b, v)."""
    return _keys(problem.space, problem.network_for(problem.task), codes)


def first_of_twins(problem: Problem, codes: Codes, known: Codes, most: int) -> Codes:
    """The first rows of codes (b, v), at most so many, without twins of earlier ones and of ``known`` (k, v).

    Where the problem asks for no distinct functions, the first rows as they are.
    """
    if not problem.distinct:
        return codes[:most]
    seen = set(function_keys(problem, known))
    chosen: list[int] = []
    for start in range(0, len(codes), 256):
        for index, key in enumerate(function_keys(problem, codes[start : start + 256]), start=start):
            if len(chosen) == most:
                return codes[chosen]
            if key not in seen:
                seen.add(key)
                chosen.append(index)
    return codes[chosen]


def with_twins(problem: Problem, codes: Codes) -> Codes:
    """Codes (b, v) and all their twins, in a space that can be listed; elsewhere themselves."""
    if not problem.distinct or not len(codes) or problem.space.size > LISTED:
        return codes
    architectures, classes, rows = _classes(problem.space, problem.network_for(problem.task))
    numbers = {classes[rows[row.tobytes()]] for row in codes}
    twins: Codes = architectures[np.isin(classes, list(numbers))]
    return twins


def _keys(space: Space, network: NetworkConfig, codes: Codes) -> list[Hashable]:
    if not len(codes):
        return []
    known = space.costs(codes, network)
    counted = [np.round(known[name], 9) for name in known if name in METRICS]
    costs = np.stack([*counted, np.zeros(len(codes))], axis=1)  # a declared space may have no cost at all
    return [(space.isomorphism_key(row), *cost) for row, cost in zip(codes, costs.tolist(), strict=True)]


@lru_cache(maxsize=8)
def _classes(
    space: Space, network: NetworkConfig
) -> "tuple[Codes, np.ndarray[tuple[int], np.dtype[np.int64]], dict[bytes, int]]":
    """All architectures, the number of each one's twins, and the row of each by its codes."""
    architectures = space.enumerate()
    numbers: dict[Hashable, int] = {}
    classes = np.array(
        [numbers.setdefault(key, len(numbers)) for key in _keys(space, network, architectures)]
    )
    return architectures, classes, {row.tobytes(): number for number, row in enumerate(architectures)}
