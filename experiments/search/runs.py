"""Runs of searchers on tables, and what a run reached: the parts of ``netwright compare search``."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.tables import Tables
from encoders.proxies import table as score_table
from experiments.search.optuna_rivals import OptunaStrategy
from experiments.search.optuna_rivals import available as optuna_available
from experiments.search.syne_tune_rivals import SyneTuneStrategy
from experiments.search.syne_tune_rivals import available as syne_tune_available
from search.evaluators.table import TableEvaluator
from search.pareto.front import pareto_front
from search.problem import Problem
from search.strategies import STRATEGIES
from search.strategy import Exhausted, Strategy
from search.trial import CompletedTrial
from spaces.known import get_space
from spaces.metric import Constraint, Observation, Quantity
from spaces.space import Floats

OURS = "bayes"
FIRST = 5
"""Draws before the first model of ours, which the rivals are given too."""
RIVALS = ("random", "evolution", "local", "optuna-tpe", "optuna-nsga2", "syne-kde")
"""Everything is compared with these; ``evolution`` is regularized evolution, ``local`` local search."""
OF_SEVERAL = ("random", "evolution", "local", "optuna-tpe", "optuna-nsga2", "syne-evolution")
"""The rivals where there are several objectives."""

Run = dict[str, list[list[float]] | list[float]]
"""``values``: signed objective values of each evaluation, more is better; ``seconds``: of each suggestion."""


@dataclass(frozen=True, slots=True)
class Quest:
    """What is searched for.

    Args:
        space, task: where, and what for.
        objectives: what is to be made good.
        constraints: bounds that must hold.
    """

    space: str
    task: str
    objectives: tuple[Quantity, ...]
    constraints: tuple[Constraint, ...] = ()

    @property
    def problem(self) -> Problem:
        """As searchers are given it."""
        return Problem(get_space(self.space), self.task, self.objectives, self.constraints)


def methods(objectives: int = 1) -> tuple[str, ...]:
    """Our strategy, and the rivals that can run here."""
    rivals = RIVALS if objectives == 1 else OF_SEVERAL
    absent = [
        family
        for family, reason in (("optuna", optuna_available()), ("syne", syne_tune_available()))
        if reason is not None
    ]
    return OURS, *(name for name in rivals if name.partition("-")[0] not in absent)


def make(method: str, problem: Problem, seed: int) -> Strategy:
    """A searcher by its name in the rows."""
    if method.startswith("optuna-"):
        return OptunaStrategy(problem, seed=seed, sampler=method.removeprefix("optuna-"))
    if method.startswith("syne-"):
        return SyneTuneStrategy(problem, seed=seed, searcher=method.removeprefix("syne-"))
    return STRATEGIES.get(method)(problem, seed=seed)


def follow(
    strategy: Strategy,
    evaluate: Callable[[str], Observation],
    evaluations: int,
    start: Sequence[Observation] = (),
) -> Iterator[tuple[Observation, float | None]]:
    """One suggestion, its evaluation, the next suggestion: observations that brought values, and the seconds
    that each suggestion took; ends where nothing is left to suggest.

    Args:
        start: what was evaluated before the first suggestion; it counts, with None for seconds.
    """
    strategy.observe([CompletedTrial(observation) for observation in start])
    yield from ((observation, None) for observation in start[:evaluations])
    found = len(start)
    while found < evaluations:
        begin = time.perf_counter()
        try:
            (architecture,) = strategy.suggest(1)
        except Exhausted:
            return
        seconds = time.perf_counter() - begin
        observation = evaluate(architecture)
        strategy.observe([CompletedTrial(observation)])
        if observation.failed is None:
            found += 1
            yield observation, seconds


def first_draws(
    problem: Problem, evaluate: Callable[[str], Observation], method: str, seed: int
) -> list[Observation]:
    """What every searcher has evaluated before its first suggestion: the first draws of ours with this seed.

    They are uniform, but where zero-cost proxies ship; there random search draws its own, to stay random.
    """
    if method == OURS or (method == "random" and score_table.ships(problem.space.name)):
        return []
    return [observation for observation, _ in follow(make(OURS, problem, seed), evaluate, FIRST)]


def begun_alike(
    problem: Problem, evaluate: Callable[[str], Observation], method: str, seed: int, evaluations: int
) -> Iterator[tuple[Observation, float | None]]:
    """A run of a searcher from :func:`first_draws` on, so that runs of one seed pair."""
    start = first_draws(problem, evaluate, method, seed)
    return follow(make(method, problem, seed), evaluate, evaluations, start)


def looked_up(tables: Tables, problem: Problem) -> Callable[[str], Observation]:
    """Evaluates by looking a table up."""
    table = TableEvaluator(problem, tables)
    return lambda architecture: table.evaluate(architecture, lambda: False)


def search(
    tables: Tables, quest: Quest, method: str, seed: int, evaluations: int, target: float | None = None
) -> Run:
    """One run; with a target it ends where the first objective has reached it."""
    problem = quest.problem
    values: list[list[float]] = []
    seconds: list[float] = []
    for observation, spent in begun_alike(problem, looked_up(tables, problem), method, seed, evaluations):
        values.append(problem.signed_objectives(observation.values).tolist())
        if spent is not None:
            seconds.append(spent)
        if target is not None and values[-1][0] >= target:
            break
    return {"values": values, "seconds": seconds}


def honest(tables: Tables, quest: Quest, held_out: str, method: str, seed: int, evaluations: int) -> float:
    """The evaluated value of what was best by another column: search on one reading, report the other."""
    problem = quest.problem
    best: tuple[float, str] = (-np.inf, "")
    for observation, _ in begun_alike(problem, looked_up(tables, problem), method, seed, evaluations):
        best = max(best, (float(problem.signed_objectives(observation.values)[0]), observation.architecture))
    codes = problem.space.parse(best[1])[None]
    return float(tables.values(quest.space, held_out, codes)[0])


def everything(tables: Tables, quest: Quest) -> Floats:
    """Signed objective values (n, o) of all architectures that the table measured and the task admits."""
    problem = quest.problem
    codes = tables.architectures(quest.space, quest.objectives[0].key)
    codes = codes[problem.gap(codes) <= 0]
    columns = [
        quantity.sign
        * (
            problem.exact(quantity, codes)
            if problem.is_exact(quantity)
            else tables.values(quest.space, quantity.key, codes)
        )
        for quantity in quest.objectives
    ]
    values = np.stack(columns, axis=1)
    result: Floats = values[np.isfinite(values).all(axis=1)]
    return result


def best_after(run: Run, evaluations: int) -> float:
    """The best first objective among the first so many evaluations."""
    return float(max(row[0] for row in _values(run)[:evaluations]))


def reached_after(run: Run, target: float) -> float | None:
    """Evaluations until the first objective reached a target; None where it did not."""
    values = [row[0] for row in _values(run)]
    return next((float(number) for number, value in enumerate(values, 1) if value >= target), None)


def _values(run: Run) -> list[list[float]]:
    return [list(row) for row in run["values"]]  # type: ignore[arg-type]


def front_reference(values: Floats) -> Floats:
    """The nadir (o,) of the true front of values (n, o), moved out by a tenth of the front's range."""
    front = values[pareto_front(values)]
    low, high = front.min(axis=0), front.max(axis=0)
    result: Floats = low - 0.1 * (high - low)
    return result


def volume_after(run: Run, evaluations: int, values: Floats) -> float:
    """The hypervolume of the first so many evaluations, in percent of the true front's."""
    import torch
    from botorch.utils.multi_objective.hypervolume import Hypervolume

    reference = front_reference(values)
    found = np.array(_values(run)[:evaluations])
    volume = Hypervolume(torch.from_numpy(reference))
    of_found, of_all = (
        volume.compute(torch.from_numpy(rows[pareto_front(rows)])) for rows in (found, values)
    )
    return float(100 * of_found / of_all)
