"""A space as searchers that know nothing of architectures see it: one categorical choice a variable."""

from functools import lru_cache

import numpy as np

from search.problem import Problem
from spaces.space import ENUMERABLE, Codes, Space

LISTED = ENUMERABLE
ASKED_AGAIN = 200
"""Proposals in a row that may be known, or no architectures, before a uniform draw takes their place."""


def admitted_choices(problem: Problem) -> dict[str, list[int]]:
    """Variable → places of the choices that an architecture within the exact bounds takes; in a large space,
    all."""
    space = problem.space
    codes = _all_codes(space)
    if codes is None:
        return {variable.name: list(range(len(variable.choices))) for variable in space.variables}
    codes = codes[problem.gap(codes) <= 0]
    return {
        variable.name: np.unique(codes[:, column]).tolist() for column, variable in enumerate(space.variables)
    }


def read_choices(problem: Problem, places: dict[str, int]) -> str | None:
    """The architecture of a choice a variable; None where it is not an architecture of the space or outside
    the exact bounds."""
    space = problem.space
    values = {variable.name: variable.choices[places[variable.name]] for variable in space.variables}
    try:
        codes = space.from_variables(values)
    except ValueError:
        return None
    if problem.gap(codes[None])[0] > 0:
        return None
    return space.format(codes[None])[0]


def choices_of(problem: Problem, architecture: str) -> dict[str, int]:
    """Variable → place of the choice that an architecture takes, as :func:`read_choices` reads them."""
    space = problem.space
    values = space.to_variables(space.parse(architecture))
    return {variable.name: variable.choices.index(values[variable.name]) for variable in space.variables}


@lru_cache(maxsize=4)
def _all_codes(space: Space) -> Codes | None:
    return space.enumerate() if space.size <= LISTED else None
