"""Boosted trees on which searches in mnasnet are evaluated, fitted to the measured networks.

The table has 4,616 of about 10¹¹ architectures: of what a searcher proposes almost nothing was measured.
These trees see the 28 choices as plain numbers and nothing else, and no model of Netwright sees them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from benchmarks.tables import Tables
from search.problem import Problem
from spaces.metric import Observation
from spaces.space import Codes, Floats

TREES = {
    "n_estimators": 800,
    "max_depth": 4,
    "learning_rate": 0.05,
    "subsample": 0.8,
    "colsample_bytree": 0.5,
    "random_state": 20_240,
    "n_jobs": 1,
}
HELD_OUT = 0.1
"""Share of the measured networks that the trees never see; they say how good the trees are."""


@dataclass(frozen=True, slots=True)
class Truth:
    """A value for every architecture.

    Args:
        models: quantity key → fitted trees.
        quality: quantity key → R² and Spearman correlation on the networks held out.
    """

    models: dict[str, Any]
    quality: dict[str, tuple[float, float]]

    @classmethod
    def fit(cls, tables: Tables, space: str, keys: tuple[str, ...]) -> "Truth":
        """Fitted to nine tenths of what the table measured of each quantity."""
        from xgboost import XGBRegressor

        models, quality = {}, {}
        for key in keys:
            codes = tables.architectures(space, key)
            values = tables.values(space, key, codes)
            order = np.random.default_rng(0).permutation(len(codes))
            held, learned = np.split(order, [int(HELD_OUT * len(codes))])
            models[key] = XGBRegressor(**TREES).fit(codes[learned], values[learned])
            found = models[key].predict(codes[held]).astype(np.float64)
            left = ((found - values[held]) ** 2).mean() / values[held].var()
            quality[key] = float(1 - left), float(spearmanr(found, values[held]).statistic)
        return cls(models, quality)

    def values(self, key: str, codes: Codes) -> Floats:
        """The values (b,) of codes (b, v)."""
        result: Floats = self.models[key].predict(codes).astype(np.float64)
        return result

    def evaluator(self, problem: Problem) -> Callable[[str], Observation]:
        """What evaluates an architecture: every quantity of the problem that must be measured."""

        def evaluate(architecture: str) -> Observation:
            codes = problem.space.parse(architecture)[None]
            values = {
                quantity.key: float(
                    problem.exact(quantity, codes)[0]
                    if problem.is_exact(quantity)
                    else self.values(quantity.key, codes)[0]
                )
                for quantity in problem.quantities
            }
            return Observation(architecture, values, "trees of the experiment")

        return evaluate
