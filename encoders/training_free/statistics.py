"""The space's exact statistics as features."""

import numpy as np

from encoders.training_free.kind import FeatureKind, Features, register
from spaces.metric import METRICS
from spaces.space import Codes, Space

_SMALLEST = 1e-6


@register
class Statistics(FeatureKind):
    """Metrics as logarithms, for they span orders of magnitude; other numbers as they are."""

    name = "statistics"

    def names(self, space: Space) -> tuple[str, ...]:
        """``log_params_m``, ``depth`` …, as the space names them."""
        return tuple(f"log_{name}" if name in METRICS else name for name in space.statistics_names)

    def values(self, space: Space, codes: Codes, task: str | None) -> Features:
        """(b, number of statistics)."""
        statistics = space.statistics(codes, task)
        columns = [
            np.log(np.maximum(values, _SMALLEST)) if name in METRICS else values
            for name, values in statistics.items()
        ]
        return np.stack(columns, axis=1).astype(np.float32)
