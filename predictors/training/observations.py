"""Training a predictor from someone's observations: cross-validated, then fitted to all of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import kendalltau, spearmanr

from predictors.calibration.support import Support
from predictors.kinds import KINDS
from predictors.prediction import Prediction
from predictors.predictor import Predictor
from spaces.space import Codes, Floats, Space

FOLDS = 5
LEAST_FOR_FOLDS = 10
"""Distinct architectures below which cross-validation says nothing."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How a predictor does on architectures that it did not learn from.

    Args:
        labels: held-out observations.
        folds: 0 where there are too few distinct architectures to hold out.
        spearman, kendall_tau: rank correlations; None where the values do not differ, or nothing was held
            out.
        coverage: share of values within the 90 % intervals; None where no interval was promised.
        mean_absolute_error: in the metric's unit.
    """

    labels: int
    folds: int = 0
    spearman: float | None = None
    kendall_tau: float | None = None
    coverage: float | None = None
    mean_absolute_error: float | None = None

    @classmethod
    def of(cls, predicted: Prediction, values: Floats, folds: int) -> "Figures":
        """Of predictions and what is true (n,)."""
        inside = (predicted.lower <= values) & (values <= predicted.upper)
        promised = np.isfinite(predicted.lower) & np.isfinite(predicted.upper)
        varied = len(values) > 1 and np.ptp(values) > 0 and np.ptp(predicted.mean) > 0
        return cls(
            labels=len(values),
            folds=folds,
            spearman=float(spearmanr(predicted.mean, values).statistic) if varied else None,
            kendall_tau=float(kendalltau(predicted.mean, values).statistic) if varied else None,
            coverage=float(inside[promised].mean()) if promised.any() else None,
            mean_absolute_error=float(np.abs(predicted.mean - values).mean()),
        )


@dataclass(frozen=True, slots=True)
class Trained:
    """A fitted predictor and what is known of it."""

    predictor: Predictor
    figures: Figures
    support: Support


def new_predictor(
    space: Space, kind: str, *, task: str | None = None, seed: int = 0, source: Predictor | None = None
) -> Predictor:
    """A predictor of a kind that has learned nothing yet.

    Args:
        source: what a kind that needs one starts from.

    Raises:
        NotRegistered: for an unknown kind.
        ValueError: for a kind that needs a source, without one.
    """
    cls = KINDS.get(kind)
    if not cls.needs_source:
        return cls(space, task=task, seed=seed)
    if source is None:
        raise ValueError(f"{kind} needs a source that it starts from")
    return cls(space, task=task, seed=seed, source=source)  # type: ignore[call-arg]


def read_predictor(kind: str, data: bytes, space: Space) -> Predictor:
    """The predictor that ``to_bytes`` of a kind wrote.

    Raises:
        NotRegistered: for an unknown kind.
        DamagedModel: for damaged bytes or another space's model.
    """
    return KINDS.get(kind).from_bytes(data, space)


def train(
    space: Space,
    kind: str,
    codes: Codes,
    values: Floats,
    *,
    task: str | None = None,
    seed: int = 0,
    source: Predictor | None = None,
    on_step: Callable[[int, int, str], None] = lambda done, total, message: None,
) -> Trained:
    """Judges a kind by cross-validation, then fits it to all labels.

    Repeated observations of one architecture are measurements with noise: all are learned, and all lie in
    one fold, so that none is evaluated by its own repetition.

    Args:
        on_step: called before each of the fits with how many are done, of how many; may raise to stop.

    Shapes:
        codes: (n, v)
        values: (n,)
    Raises:
        NotEnoughLabels: for fewer than two labels, or labels that are not finite.
    """

    def fitted(rows: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Predictor:
        model = new_predictor(space, kind, task=task, seed=seed, source=source)
        return model.fit(codes[rows], values[rows])

    _, group = np.unique(codes, axis=0, return_inverse=True)
    groups = int(group.max()) + 1 if len(codes) else 0
    folds = FOLDS if groups >= LEAST_FOR_FOLDS else 0
    fold = np.random.default_rng(seed).permutation(groups)[group.ravel()] % max(folds, 1)
    mean, std, lower, upper = np.empty((4, len(values)))
    for number in range(folds):
        on_step(number, folds + 1, f"cross-validation, fold {number + 1} of {folds}")
        held = fold == number
        predicted = fitted(~held).predict(codes[held])
        mean[held], std[held], lower[held], upper[held] = (
            predicted.mean,
            predicted.std,
            predicted.lower,
            predicted.upper,
        )
    on_step(folds, folds + 1, f"fitting {len(values)} labels")
    figures = Figures(len(values))
    if folds:
        figures = Figures.of(Prediction(mean, std, lower, upper, 0.9), values, folds)
    predictor = fitted(np.ones(len(values), dtype=bool))
    return Trained(predictor, figures, Support.of(space, codes, task))
