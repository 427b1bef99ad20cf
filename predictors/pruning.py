"""Prunes a space by what boosted trees learned (Luo et al. 2020): choices that only cost are left out."""

import numpy as np

from encoders.training_free.one_hot import OneHot
from predictors.predictor import Predictor
from spaces.space import Bools, Codes


def pruned_choices(predictor: Predictor, *, samples: int = 2000, keep: float = 0.5, seed: int = 0) -> Bools:
    """Which choices are worth keeping, one entry a one-hot column, in the order of its names.

    A choice's worth is the mean prediction of random architectures that have it. Within each variable the
    best is kept and those whose worth lies at least ``keep`` of the way up from the worst to the best.

    Args:
        predictor: fitted; larger predictions are better.
        samples: random architectures.
        keep: 0 keeps all, 1 only the best of each variable.
        seed: of the sample.
    """
    space = predictor.space
    codes = space.sample(samples, np.random.default_rng(seed))
    mean = predictor.predict(codes).mean
    has = OneHot().values(space, codes, None).astype(np.float64)
    worth = np.divide(
        mean @ has, has.sum(axis=0), out=np.full(has.shape[1], np.nan), where=has.sum(axis=0) > 0
    )
    kept = np.empty(len(worth), dtype=bool)
    start = 0
    for variable in space.variables:
        part = worth[start : start + len(variable.choices)]
        low, high = np.nanmin(part), np.nanmax(part)
        # A choice that no sampled architecture has stays.
        kept[start : start + len(part)] = np.isnan(part) | (part >= low + keep * (high - low))
        start += len(part)
    return kept


def within(kept: Bools, predictor: Predictor, codes: Codes) -> Bools:
    """Which of codes (b, v) have only choices that are kept, (b,)."""
    has = OneHot().values(predictor.space, codes, None).astype(bool)
    return np.asarray(~(has & ~kept).any(axis=1))
