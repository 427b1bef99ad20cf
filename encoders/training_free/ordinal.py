"""Choices that are numbers, as numbers: three layers lie between two and four."""

import numpy as np

from encoders.training_free.kind import FeatureKind, Features, register
from spaces.space import Codes, Space


@register
class Ordinal(FeatureKind):
    """The place of the choice among the variable's choices in rising order; for variables of numbers only."""

    name = "ordinal"

    def names(self, space: Space) -> tuple[str, ...]:
        """``ordinal:variable``; none where no variable is a number."""
        return tuple(f"ordinal:{space.variables[column].name}" for column in _numeric(space))

    def values(self, space: Space, codes: Codes, task: str | None) -> Features:
        """(b, number of numeric variables)."""
        result = np.empty((len(codes), len(_numeric(space))), dtype=np.float32)
        for place, column in enumerate(_numeric(space)):
            choices = [float(choice) for choice in space.variables[column].choices]
            result[:, place] = np.argsort(np.argsort(choices))[codes[:, column]]
        return result


def _numeric(space: Space) -> list[int]:
    """Columns whose choices are all numbers or truth values."""
    return [
        column
        for column, variable in enumerate(space.variables)
        if all(isinstance(choice, int) for choice in variable.choices)
    ]
