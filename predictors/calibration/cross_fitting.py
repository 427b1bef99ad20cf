"""Cross-fitting: what a predictor says of labels that it did not learn from (Barber et al. 2021, CV+)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from predictors.calibrated import ScoredPredictor
from spaces.space import Codes, Floats


@dataclass(frozen=True, slots=True)
class CrossFitted:
    """Labels and their predictions, on the scale of scores of the model that did not see them.

    Shapes:
        truth, mean, scale: (n,); fewer where not every fold was held out
    """

    truth: Floats
    mean: Floats
    scale: Floats


def cross_fitted(
    fit: Callable[[Codes, Floats], ScoredPredictor],
    codes: Codes,
    values: Floats,
    *,
    folds: int,
    seed: int,
    rounds: int | None = None,
) -> CrossFitted:
    """Fits once a fold on the other folds; only the first ``rounds`` of them where labels abound.

    Equal architectures lie in one fold, so that none is predicted from its own repetition.

    Shapes:
        codes: (n, v), n ≥ folds
        values: (n,)
    """
    _, group = np.unique(codes, axis=0, return_inverse=True)
    fold = np.random.default_rng(seed).permutation(int(group.max()) + 1)[group.ravel()] % folds
    truth, mean, scale = (np.full(len(values), np.nan) for _ in range(3))
    for number in range(folds if rounds is None else rounds):
        held = fold == number
        if not held.any() or (~held).sum() < 2:
            continue
        model = fit(codes[~held], values[~held])
        mean[held], scale[held] = model.scored(codes[held])
        truth[held] = model.scores.transform(values[held])
    known = np.isfinite(mean)
    return CrossFitted(truth[known], mean[known], scale[known])
