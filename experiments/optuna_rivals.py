"""Optuna's samplers in the shape of a strategy, so that every searcher runs in one loop. A rival, never used
by Netwright itself: Optuna is a dependency of development alone.
"""

import warnings
from collections.abc import Sequence
from typing import Any

from search.problem import Problem
from search.strategy import Exhausted, Strategy
from search.trial import CompletedTrial, PendingTrial

SAMPLERS = ("tpe", "nsga2")
ASKED_AGAIN = 200
"""Proposals in a row that may be known, or no members, before a uniform draw takes their place."""


def available() -> str | None:
    """None where Optuna is installed, else why there are no figures of it."""
    try:
        import optuna  # noqa: F401
    except ImportError:
        return "Optuna is not installed; it comes with the extra dev"
    return None


class OptunaStrategy(Strategy):
    """An Optuna sampler over a space's variables, one categorical choice each.

    A proposal that was evaluated before is told its value again and costs nothing; one that is no member, or
    outside the exact bounds, is told to have failed and costs nothing either.

    Args:
        sampler: one of :data:`SAMPLERS`, with Optuna's own defaults.
    """

    name = "optuna"

    def __init__(self, problem: Problem, *, seed: int = 0, sampler: str = "tpe") -> None:
        super().__init__(problem, seed=seed)
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = (
                optuna.samplers.TPESampler(seed=seed)
                if sampler == "tpe"
                else optuna.samplers.NSGAIISampler(seed=seed)
            )
        directions = ["maximize"] * len(problem.objectives)
        self.study: Any = optuna.create_study(sampler=made, directions=directions)
        self.failed = optuna.trial.TrialState.FAIL
        self.asked: dict[str, Any] = {}
        self.known: dict[str, list[float]] = {}

    def suggest(self, count: int) -> list[str]:
        """See :meth:`search.strategy.Strategy.suggest`; one at a time."""
        space = self.problem.space
        for _ in range(ASKED_AGAIN):
            trial = self.study.ask()
            values = {
                variable.name: trial.suggest_categorical(variable.name, list(variable.choices))
                for variable in space.variables
            }
            try:
                codes = space.from_variables(values)
            except ValueError:
                self.study.tell(trial, state=self.failed)
                continue
            if self.problem.gap(codes[None])[0] > 0:
                self.study.tell(trial, state=self.failed)
                continue
            (architecture,) = space.format(codes[None])
            if architecture not in self.known:
                self.asked[architecture] = trial
                return [architecture]
            self.study.tell(trial, self.known[architecture])
        drawn = self.uniform(1, self.rng(), self.taken())
        if not len(drawn):
            raise Exhausted("nothing is left")
        return space.format(drawn)

    def observe(self, completed: Sequence[CompletedTrial], pending: Sequence[PendingTrial] = ()) -> None:
        """See :meth:`search.strategy.Strategy.observe`."""
        super().observe(completed, pending)
        for trial in completed:
            asked = self.asked.pop(trial.architecture, None)
            if trial.failed:
                if asked is not None:
                    self.study.tell(asked, state=self.failed)
                continue
            values = self.problem.score(trial.observation.values).tolist()
            self.known[trial.architecture] = values
            if asked is not None:
                self.study.tell(asked, values)
