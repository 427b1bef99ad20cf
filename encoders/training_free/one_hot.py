"""One-hot features: one column for each choice of each variable."""

import numpy as np

from encoders.training_free.kind import FeatureKind, Features, register
from spaces.space import Codes, Space


@register
class OneHot(FeatureKind):
    """1 where a variable has a choice, else 0."""

    name = "onehot"

    def names(self, space: Space) -> tuple[str, ...]:
        """``onehot:variable=choice``."""
        return tuple(
            f"onehot:{variable.name}={choice}" for variable in space.variables for choice in variable.choices
        )

    def values(self, space: Space, codes: Codes, task: str | None) -> Features:
        """Zeros and ones, (b, sum of choices)."""
        sizes = np.array([len(variable.choices) for variable in space.variables])
        starts = np.cumsum(sizes) - sizes
        values = np.zeros((len(codes), int(sizes.sum())), dtype=np.float32)
        places = codes + (starts + values.shape[1] * np.arange(len(codes))[:, None])
        values.ravel()[places] = 1.0
        return values
