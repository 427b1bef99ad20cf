"""Figure 6 of ``netwright compare search``: a space of one's own, and noisy evaluations that may fail.

The space has 8 places of 3 choices, 6,561 architectures. The truth of a seed is drawn: additive terms of each
choice, standard normal, and terms of each pair of choices, normal with standard deviation :data:`PAIRS`.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from benchmarks.tables import Tables
from experiments.framework.context import Context
from experiments.framework.pool import Part
from experiments.framework.row import NO_TABLE, Row
from experiments.search.optuna_rivals import available
from experiments.search.runs import FIRST, OURS, make
from search.pareto.front import pareto_front
from search.problem import Problem
from search.strategy import Strategy
from search.trial import CompletedTrial
from spaces.declared.space import DeclaredSpace, declare
from spaces.metric import Constraint, Observation, Quantity
from spaces.space import Codes, Floats

PLACES, CHOICES = 8, 3
PAIRS = 0.3
NOISE = 0.1
"""Standard deviation of a measurement's noise, in parts of the truth's own."""
FAIL = 0.1
"""Share of the architectures whose evaluation fails, those with the greatest of a further drawn quantity."""
REPEATS = 3
BUDGET = 50
KINDS = ("plain", "bound", "two", "failures", "repeats")
METHODS = (OURS, "random", "optuna-tpe", "optuna-gp")
SOURCE = "drawn truths"


@lru_cache(maxsize=1)
def own_space() -> DeclaredSpace:
    """The space, declared as a user would."""
    lines = [f'place{number} = ["a", "b", "c"]' for number in range(PLACES)]
    text = 'name = "eight_places"\n[variables]\n' + "\n".join(lines)
    return declare(text + '\n[metrics]\nf1 = "maximize"\nwait = "minimize"\n')


def drawn(codes: Codes, rng: np.random.Generator) -> Floats:
    """A quantity (b,) of codes (b, v), of mean 0 and standard deviation 1 over the space."""
    alone = rng.normal(size=(PLACES, CHOICES))
    pairs = PAIRS * rng.normal(size=(PLACES, PLACES, CHOICES, CHOICES))
    everyone = own_space().enumerate()

    def of(rows: Codes) -> Floats:
        found: Floats = alone[np.arange(PLACES), rows].sum(axis=1)
        for first in range(PLACES):
            for second in range(first):
                found += pairs[first, second, rows[:, first], rows[:, second]]
        return found

    all_of_it = of(everyone)
    result: Floats = (of(codes) - all_of_it.mean()) / all_of_it.std()
    return result


class Truth:
    """What is true at one seed, and noisy measurements of it.

    Args:
        kind: one of :data:`KINDS`.
        seed: of the truth and of the noise.
    """

    def __init__(self, kind: str, seed: int) -> None:
        self.space, self.kind = own_space(), kind
        codes = self.space.enumerate()
        rng = np.random.default_rng([seed, 6])
        self.f1, self.wait, self.broken = (drawn(codes, rng) for _ in range(3))
        self.rows = {name: row for row, name in enumerate(self.space.format(codes))}
        self.noise = np.random.default_rng([seed, 7])
        self.fails = self.broken > np.quantile(self.broken, 1 - FAIL)
        self.most = float(np.median(self.wait))

    @property
    def problem(self) -> Problem:
        """As searchers are given it."""
        own = self.space.own_metrics
        f1, wait = (Quantity(name, own=own[name]) for name in ("f1", "wait"))
        objectives = (f1, wait) if self.kind == "two" else (f1,)
        bounds = (Constraint(wait, max=self.most),) if self.kind == "bound" else ()
        return Problem(self.space, "own", objectives, bounds)

    def evaluate(self, architecture: str) -> list[Observation]:
        """Measurements of an architecture, or its failure."""
        row = self.rows[architecture]
        if self.kind == "failures" and self.fails[row]:
            return [Observation(architecture, {}, "drawn", failed="it breaks")]
        found = []
        for number in range(REPEATS if self.kind == "repeats" else 1):
            noisy = np.array([self.f1[row], self.wait[row]]) + NOISE * self.noise.normal(size=2)
            values = {"f1": float(noisy[0])}
            if self.kind in ("bound", "two"):
                values["wait"] = float(noisy[1])
            found.append(Observation(architecture, values, "drawn", details={"run": str(number)}))
        return found

    def reached(self, architectures: Sequence[str]) -> float:
        """How good what was evaluated truly is, in percent: of the way from the mean to the best, or of the
        true front's hypervolume above the nadir moved out by a tenth."""
        rows = np.array([self.rows[name] for name in architectures])
        if self.kind == "two":
            return self._volume(rows)
        within = np.ones(len(self.f1), dtype=bool)
        if self.kind == "bound":
            within = self.wait <= self.most
        elif self.kind == "failures":
            within = ~self.fails
        held = rows[within[rows]]
        best = float(self.f1[held].max()) if len(held) else float(self.f1.min())
        return 100 * best / float(self.f1[within].max())

    def _volume(self, rows: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> float:
        import torch
        from botorch.utils.multi_objective.hypervolume import Hypervolume

        values = np.stack([self.f1, -self.wait], axis=1)
        front = values[pareto_front(values)]
        reference = front.min(axis=0) - 0.1 * (front.max(axis=0) - front.min(axis=0))
        volume = Hypervolume(torch.from_numpy(reference))
        of_found, of_all = (
            volume.compute(torch.from_numpy(points[pareto_front(points)]))
            for points in (values[rows], values)
        )
        return float(100 * of_found / of_all)


def own_search(tables: Tables, kind: str, method: str, seed: int) -> float:
    """One run of a searcher: how good the best of :data:`BUDGET` evaluations truly is.

    All searchers begin with the first draws of ours; each failure counts as an evaluation. Ours is told every
    repeat, the others their mean. No table is read.
    """
    truth = Truth(kind, seed)
    problem = truth.problem
    strategy, seen = make(method, problem, seed), list[str]()
    begin = make(OURS, problem, seed)
    while len(seen) < BUDGET:
        ours = method == OURS or len(seen) >= FIRST
        (architecture,) = (strategy if ours else begin).suggest(1)
        seen.append(architecture)
        told = truth.evaluate(architecture)
        observe(strategy, told, every=method == OURS)
        if not ours:
            observe(begin, told, every=True)
    return truth.reached(seen)


def observe(strategy: Strategy, told: Sequence[Observation], *, every: bool) -> None:
    """Tells measurements of one architecture, each by itself or their mean."""
    if every or len(told) == 1:
        strategy.observe([CompletedTrial(each) for each in told])
        return
    values = {key: float(np.mean([each.values[key] for each in told])) for key in told[0].values}
    strategy.observe([CompletedTrial(Observation(told[0].architecture, values, "drawn"))])


def own_rows(context: Context) -> list[Row]:
    """The best after so many evaluations, for each kind, and how far ours is ahead of the best rival."""
    methods = [name for name in METHODS if not name.startswith("optuna") or available() is None]
    parts = {
        (kind, method, seed): Part(f"own-{kind}-{method}-{seed}", own_search, (kind, method, seed))
        for kind in KINDS
        for method in methods
        for seed in context.seeds
    }
    answers = context.all(list(parts.values()), "own space")
    rows = []
    for kind in KINDS:
        found = {
            method: [answers[parts[kind, method, seed].name] for seed in context.seeds] for method in methods
        }
        for method, values in found.items():
            rows.append(Row.measured(f"6-own-{kind}-{BUDGET}-{method}", values, "%", source=SOURCE))
        rivals = [method for method in methods if method != OURS]
        best = max(rivals, key=lambda method: sum(found[method]))
        rows.append(
            Row.ahead(
                f"6-own-{kind}-ahead",
                found[OURS],
                found[best],
                "points",
                pairs=True,
                source=f"{SOURCE}; best rival: {best}",
                evaluated_on=NO_TABLE,
            )
        )
    return rows
