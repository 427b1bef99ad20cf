"""Syne Tune's searchers in the shape of a strategy, so that every searcher runs in one loop. A rival, never
used by Netwright itself: Syne Tune is a dependency of development alone.
"""

import datetime
import warnings
from collections.abc import Sequence
from typing import Any

from experiments.search.rival_space import ASKED_AGAIN, admitted_choices, choices_of, read_choices
from search.pareto.fitness import violations
from search.problem import Problem
from search.strategy import Exhausted, Strategy
from search.trial import CompletedTrial, PendingTrial
from spaces.metric import Observation

SEARCHERS = ("kde", "bore", "evolution")
"""Its TPE, density-ratio estimation by boosted trees (BORE), and evolution, of several objectives too."""
MISSED = 1000.0
"""Points that missing a bound by all of it costs, so that what violates is behind all that does not."""


def available() -> str | None:
    """None where Syne Tune is installed, else why there are no figures of it."""
    try:
        import syne_tune  # noqa: F401
    except ImportError:
        return "Syne Tune is not installed; it comes with the extra dev"
    return None


class SyneTuneStrategy(Strategy):
    """A scheduler of Syne Tune over a space's variables, one categorical choice each.

    A proposal that was evaluated before is told its value again and costs nothing; one that is not an
    architecture of the space, or outside the exact bounds, is told as an error and costs nothing either.
    These searchers know no bounds, so a missed one is taken off the objective.

    Args:
        searcher: one of :data:`SEARCHERS`, with Syne Tune's own defaults.
    """

    name = "syne-tune"

    def __init__(self, problem: Problem, *, seed: int = 0, searcher: str = "kde") -> None:
        super().__init__(problem, seed=seed)
        self.scheduler = _scheduler(problem, seed, searcher)
        self.asked: dict[str, Any] = {}
        self.known: dict[str, dict[str, float]] = {}
        self.count = 0

    def suggest(self, count: int) -> list[str]:
        """See :meth:`search.strategy.Strategy.suggest`; one at a time."""
        for _ in range(ASKED_AGAIN):
            trial = self._ask()
            places = {name: int(place) for name, place in trial.config.items()}
            architecture = read_choices(self.problem, places)
            if architecture is None:
                self.scheduler.on_trial_error(trial)
            elif architecture in self.known:
                self.scheduler.on_trial_complete(trial=trial, result=self.known[architecture])
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
                    self.scheduler.on_trial_error(asked)
                continue
            self.known[trial.architecture] = self._result(trial.observation)
            asked = asked or self._trial(
                {name: str(place) for name, place in choices_of(self.problem, trial.architecture).items()}
            )
            self.scheduler.on_trial_complete(trial=asked, result=self.known[trial.architecture])

    def _ask(self) -> Any:
        with warnings.catch_warnings():  # of statsmodels, about its own future
            warnings.simplefilter("ignore")
            config = self.scheduler.suggest().config
        return self._trial(config)

    def _trial(self, config: dict[str, Any]) -> Any:
        """A trial with the next number, of what was suggested or of what somebody else proposed."""
        from syne_tune.backend.trial_status import Trial

        self.count += 1
        return Trial(trial_id=self.count - 1, config=config, creation_time=datetime.datetime.now())

    def _result(self, observation: Observation) -> dict[str, float]:
        """The objectives that the scheduler gets, less is better."""
        missed = MISSED * float(violations(self.problem, [observation])[0])
        values = self.problem.signed_objectives(observation.values)
        return {f"objective{index}": missed - float(value) for index, value in enumerate(values)}


def _scheduler(problem: Problem, seed: int, searcher: str) -> Any:
    import logging

    from syne_tune.config_space import choice

    logging.getLogger("syne_tune").setLevel(logging.ERROR)
    # Numbers as text: with plain numbers it would take them for ordered.
    space = {
        name: choice([str(place) for place in places]) for name, places in admitted_choices(problem).items()
    }
    metrics = [f"objective{index}" for index in range(len(problem.objectives))]
    if len(metrics) > 1:
        return _of_several(space, metrics, seed, searcher)
    from syne_tune.optimizer import baselines

    kind = {"kde": baselines.TPE, "bore": baselines.BORE, "evolution": baselines.REA}[searcher]
    return kind(config_space=space, metric=metrics[0], do_minimize=True, random_seed=seed)


def _of_several(space: dict[str, Any], metrics: list[str], seed: int, searcher: str) -> Any:
    from syne_tune.optimizer.schedulers.multiobjective import MultiObjectiveRegularizedEvolution
    from syne_tune.optimizer.schedulers.single_fidelity_scheduler import SingleFidelityScheduler

    if searcher != "evolution":
        raise ValueError(f"Syne Tune's {searcher} knows one objective; evolution knows several")
    return SingleFidelityScheduler(
        config_space=space,
        metrics=metrics,
        do_minimize=True,
        searcher=MultiObjectiveRegularizedEvolution(config_space=space, random_seed=seed),
        random_seed=seed,
    )
