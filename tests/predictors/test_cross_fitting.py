"""Cross-fitting predicts no label from a model that saw it."""

import numpy as np

from predictors.calibration.cross_fitting import cross_fitted
from predictors.kinds.gp import GpPredictor
from spaces.known import get_space
from spaces.space import Codes, Floats

SPACE = get_space("nasbench201")


def test_no_model_sees_what_it_is_evaluated_on_nor_its_repetition() -> None:
    codes = SPACE.sample(24, np.random.default_rng(0))
    codes = np.concatenate([codes, codes])
    values = np.random.default_rng(1).normal(size=48)
    learned: list[set[bytes]] = []

    class Watched(GpPredictor):
        def scored(self, asked: Codes) -> tuple[Floats, Floats]:
            assert not {row.tobytes() for row in asked} & learned[-1]
            return super().scored(asked)

    def fit(rows: Codes, labels: Floats) -> GpPredictor:
        learned.append({row.tobytes() for row in rows})
        return Watched(SPACE, inflate=False).fit(rows, labels)

    assert len(cross_fitted(fit, codes, values, folds=4, seed=0).truth) == 48
    assert len(learned) == 4
    assert len(cross_fitted(fit, codes, values, folds=4, seed=0, rounds=1).truth) < 24
