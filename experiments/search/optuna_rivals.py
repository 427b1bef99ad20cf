"""Optuna's samplers in the shape of a strategy, so that every searcher runs in one loop. A rival, never used
by Netwright itself: Optuna is a dependency of development alone.
"""

import warnings
from collections.abc import Sequence
from typing import Any

from experiments.search.rival_space import ASKED_AGAIN, admitted_choices, choices_of, read_choices
from search.pareto.fitness import violations
from search.problem import Problem
from search.strategy import Exhausted, Strategy
from search.trial import CompletedTrial, PendingTrial

SAMPLERS = ("tpe", "nsga2", "gp")
MISSED = "missed"
"""The attribute of an Optuna trial that says by how much it misses its bounds."""


def available() -> str | None:
    """None where Optuna is installed, else why there are no figures of it."""
    try:
        import optuna  # noqa: F401
    except ImportError:
        return "Optuna is not installed; it comes with the extra dev"
    return None


class OptunaStrategy(Strategy):
    """An Optuna sampler over a space's variables, one categorical choice each.

    A proposal that was evaluated before is told its value again and costs nothing; one that is not an
    architecture of the space, or outside the exact bounds, is told to have failed and costs nothing either.
    Measured bounds are constraints in Optuna's own sense.

    Args:
        sampler: one of :data:`SAMPLERS`, with Optuna's own defaults.
    """

    name = "optuna"

    def __init__(self, problem: Problem, *, seed: int = 0, sampler: str = "tpe") -> None:
        super().__init__(problem, seed=seed)
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        kinds = {
            "tpe": optuna.samplers.TPESampler,
            "nsga2": optuna.samplers.NSGAIISampler,
            "gp": optuna.samplers.GPSampler,
        }
        bounds = {"constraints_func": _missed} if problem.predicted_constraints else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = kinds[sampler](seed=seed, **bounds)
        directions = ["maximize"] * len(problem.objectives)
        self.study: Any = optuna.create_study(sampler=made, directions=directions)
        self.failed = optuna.trial.TrialState.FAIL
        self.choices = admitted_choices(problem)
        self.asked: dict[str, Any] = {}
        self.known: dict[str, tuple[list[float], float]] = {}

    def suggest(self, count: int) -> list[str]:
        """See :meth:`search.strategy.Strategy.suggest`; one at a time."""
        for _ in range(ASKED_AGAIN):
            trial = self.study.ask()
            places = {
                name: trial.suggest_categorical(name, choices) for name, choices in self.choices.items()
            }
            architecture = read_choices(self.problem, places)
            if architecture is None:
                self._fail(trial)
            elif architecture in self.known:
                self._tell(trial, *self.known[architecture])
            else:
                self.asked[architecture] = trial
                return [architecture]
        drawn = self.uniform(1, self.rng(), self.taken())
        if not len(drawn):
            raise Exhausted("nothing is left")
        return self.problem.space.format(drawn)

    def observe(self, completed: Sequence[CompletedTrial], pending: Sequence[PendingTrial] = ()) -> None:
        """See :meth:`search.strategy.Strategy.observe`."""
        super().observe(completed, pending)
        for trial in completed:
            asked = self.asked.pop(trial.architecture, None)
            if trial.failed:
                if asked is not None:
                    self._fail(asked)
                continue
            values = self.problem.signed_objectives(trial.observation.values).tolist()
            missed = float(violations(self.problem, [trial.observation])[0])
            self.known[trial.architecture] = values, missed
            self._tell(asked or self._enqueued(trial.architecture), values, missed)

    def _enqueued(self, architecture: str) -> Any:
        """A trial of what somebody else proposed; it passes through the sampler as the others do."""
        self.study.enqueue_trial(choices_of(self.problem, architecture))
        trial = self.study.ask()
        for name, choices in self.choices.items():
            trial.suggest_categorical(name, choices)
        return trial

    def _tell(self, trial: Any, values: list[float], missed: float) -> None:
        trial.set_user_attr(MISSED, missed)
        self.study.tell(trial, values)

    def _fail(self, trial: Any) -> None:
        trial.set_user_attr(MISSED, 1.0)
        self.study.tell(trial, state=self.failed)


def _missed(trial: Any) -> tuple[float]:
    """By how much a finished trial misses its bounds; not above 0 where it holds them."""
    return (trial.user_attrs[MISSED],)
