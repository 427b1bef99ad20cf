"""Features of the training recipe that is chosen with an architecture."""

from functools import lru_cache

import numpy as np

from encoders.training_free.kind import FeatureKind, Features
from spaces.space import Codes, Space, Variable

PREFIX = "recipe:"


class RecipeChoice(FeatureKind):
    """One variable of the recipe, in a space with recipes (:mod:`spaces.with_recipe`).

    A number is the place of the choice among the variable's choices in rising order, between 0 and 1, so that
    neighbouring rates are alike whatever their unit; any other choice is 1 where it is made, else 0. Each
    variable is a kind of its own, so that a model can learn how much each matters.

    Args:
        variable: its name.
    """

    def __init__(self, variable: str) -> None:
        self.variable = variable
        self.name = f"{PREFIX}{variable}"

    def names(self, space: Space) -> tuple[str, ...]:
        """``recipe:epochs``, or ``recipe:optimizer=sgd`` …"""
        variable = space.variables[self._column(space)]
        if _is_number(variable):
            return (self.name,)
        return tuple(f"{self.name}={choice}" for choice in variable.choices)

    def values(self, space: Space, codes: Codes, task: str | None) -> Features:
        """(b, 1) or (b, choices)."""
        column = self._column(space)
        variable = space.variables[column]
        if _is_number(variable):
            order = np.argsort(np.argsort([float(choice) for choice in variable.choices]))
            table = (order / max(len(order) - 1, 1))[:, None]
        else:
            table = np.eye(len(variable.choices))
        values: Features = table.astype(np.float32)[codes[:, column]]
        return values

    def _column(self, space: Space) -> int:
        return [variable.name for variable in space.variables].index(self.variable)


@lru_cache(maxsize=64)
def recipe_kind(name: str) -> RecipeChoice:
    """The kind of a name that begins with :data:`PREFIX`, the same object each time."""
    return RecipeChoice(name.removeprefix(PREFIX))


def recipe_kinds(space: Space) -> tuple[str, ...]:
    """The kinds of all variables of a space's recipe; none where networks alone are chosen."""
    return tuple(f"{PREFIX}{each.name}" for each in space.variables[len(space.network_space.variables) :])


def _is_number(variable: Variable) -> bool:
    return all(isinstance(choice, int | float) for choice in variable.choices)
