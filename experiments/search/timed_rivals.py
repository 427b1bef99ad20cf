"""Gaussian-process searchers of Optuna and Ax, asked with the observations that ours has, to be timed.

Rivals, never used by Netwright itself. Optuna comes with the extra dev; Ax pins a version of BoTorch and a
notebook, so that no extra brings it, and its rows are absent where it is not installed.
"""

import logging
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, Protocol

from experiments.search.rival_space import admitted_choices, choices_of
from search.problem import Problem

MODULES = {"optuna-gp": "optuna", "ax": "ax"}
"""Rival → the module that it needs."""
WAYS = {
    "optuna-gp": "pip install optuna; it comes with the extra dev",
    "ax": "pip install ax-platform",
}
"""Rival → what installs it."""


class TimedRival(Protocol):
    """A searcher over one categorical choice a variable."""

    def add(self, architecture: str, values: Sequence[float]) -> None:
        """Adds one evaluated architecture and its signed objective values, of which more is better."""

    def ask(self, count: int) -> None:
        """Asks for suggestions, which are given up: only their time is of interest."""


def available(rival: str) -> str | None:
    """None where the rival is installed, else why there are no figures of it."""
    if find_spec(MODULES[rival]) is None:
        return f"{MODULES[rival]} is not installed: {WAYS[rival]}"
    return None


def make_rival(rival: str, problem: Problem, seed: int) -> TimedRival:
    """A rival by its name in the rows."""
    return OptunaGP(problem, seed) if rival == "optuna-gp" else AxClient(problem, seed)


class OptunaGP:
    """Optuna's ``GPSampler`` with its own defaults."""

    def __init__(self, problem: Problem, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the sampler is marked experimental
            sampler = optuna.samplers.GPSampler(seed=seed)
        self.problem = problem
        self.optuna = optuna
        self.choices = admitted_choices(problem)
        directions = ["maximize"] * len(problem.objectives)
        self.study: Any = optuna.create_study(sampler=sampler, directions=directions)

    def add(self, architecture: str, values: Sequence[float]) -> None:
        """See :meth:`TimedRival.add`."""
        of = self.optuna.distributions.CategoricalDistribution
        trial = self.optuna.trial.create_trial(
            params=choices_of(self.problem, architecture),
            distributions={name: of(choices) for name, choices in self.choices.items()},
            values=list(values),
        )
        self.study.add_trial(trial)

    def ask(self, count: int) -> None:
        """See :meth:`TimedRival.ask`; one after the other, each knowing those before as running."""
        trials = []
        for _ in range(count):
            trial = self.study.ask()
            for name, choices in self.choices.items():
                trial.suggest_categorical(name, choices)
            trials.append(trial)
        for trial in trials:
            self.study.tell(trial, state=self.optuna.trial.TrialState.FAIL)


class AxClient:
    """Ax's client with the search that it chooses itself."""

    def __init__(self, problem: Problem, seed: int) -> None:
        from ax.api.client import Client
        from ax.api.configs import ChoiceParameterConfig

        logging.getLogger("ax").setLevel(logging.ERROR)
        self.problem = problem
        self.client: Any = Client(random_seed=seed)
        self.client.configure_experiment(
            parameters=[
                # Numbers as text: with plain numbers it would take them for ordered.
                ChoiceParameterConfig(
                    name=name, values=list(map(str, choices)), parameter_type="str", is_ordered=False
                )
                for name, choices in admitted_choices(problem).items()
            ]
        )
        self.names = [f"objective{index}" for index in range(len(problem.objectives))]
        self.client.configure_optimization(objective=", ".join(self.names))

    def add(self, architecture: str, values: Sequence[float]) -> None:
        """See :meth:`TimedRival.add`."""
        choices = choices_of(self.problem, architecture)
        trial = self.client.attach_trial({name: str(place) for name, place in choices.items()})
        self.client.complete_trial(trial, dict(zip(self.names, map(float, values), strict=True)))

    def ask(self, count: int) -> None:
        """See :meth:`TimedRival.ask`."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries below it, about numerics and their own future
            asked = self.client.get_next_trials(max_trials=count)
        for trial in asked:
            self.client.mark_trial_abandoned(trial)
