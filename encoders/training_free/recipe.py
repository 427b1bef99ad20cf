"""What is chosen besides the network: how it is trained."""

import numpy as np

from encoders.training_free.kind import FeatureKind, Features, register
from spaces.space import Codes, Space, Variable


@register
class RecipeChoices(FeatureKind):
    """The recipe of a member of a space with recipes (:mod:`spaces.with_recipe`); nothing in other spaces.

    A number is the place of the choice among the variable's choices in rising order, between 0 and 1, so that
    neighbouring rates are alike whatever their unit; any other choice is 1 where it is made, else 0.
    """

    name = "recipe"

    def names(self, space: Space) -> tuple[str, ...]:
        """``recipe:epochs``, ``recipe:optimizer=sgd`` …"""
        return tuple(
            name
            for variable in _variables(space)
            for name in (
                [f"recipe:{variable.name}"]
                if _is_number(variable)
                else [f"recipe:{variable.name}={choice}" for choice in variable.choices]
            )
        )

    def values(self, space: Space, codes: Codes, task: str | None) -> Features:
        """(b, f)."""
        columns: list[Features] = [np.empty((len(codes), 0), dtype=np.float32)]
        start = len(space.variables) - len(_variables(space))
        for place, variable in enumerate(_variables(space), start=start):
            if _is_number(variable):
                order = np.argsort(np.argsort([float(choice) for choice in variable.choices]))
                table = (order / max(len(order) - 1, 1))[:, None]
            else:
                table = np.eye(len(variable.choices))
            columns.append(table.astype(np.float32)[codes[:, place]])
        return np.concatenate(columns, axis=1)


def _variables(space: Space) -> tuple[Variable, ...]:
    """Those behind the network's."""
    return space.variables[len(space.network_space.variables) :]


def _is_number(variable: Variable) -> bool:
    return all(isinstance(choice, int | float) for choice in variable.choices)
