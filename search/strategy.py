"""The abstract strategy: two verbs, immutable inputs.

A new strategy is one file in ``search/strategies``, or in a package that you install (``docs/extending.md``),
and one line of test.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from search.feasibility.exact_bounds import draw_feasible, nearest_architecture
from search.pareto.fitness import averaged, fitness
from search.problem import Problem
from search.run.merged import merged
from search.run.subset import chosen
from search.trial import CompletedTrial, PendingTrial, completed_by_models
from search.twins import with_twins
from spaces.metric import Observation
from spaces.space import Codes, Floats

FULL = "full"
"""The fidelity of a full evaluation; cheaper ones inform the surrogates and do not count as evaluations."""


class Exhausted(RuntimeError):
    """No further architecture within the exact bounds was found; not worth a retry with the same bounds."""


class Unsuitable(ValueError):
    """The strategy cannot search for the problem; never worth a retry, choose another strategy."""


class Strategy(ABC):
    """Chooses what to evaluate next.

    All state is what was observed: two strategies of one kind, problem and seed that observed the same trials
    suggest the same, so a killed search continues from its stored observations.

    What it suggests is meant for a full evaluation. Trials of a lower fidelity inform the strategies that can
    use them, and leave their architectures free to be suggested.

    What else one may be able to do is in :mod:`search.abilities`.

    Args:
        problem: objectives and constraints.
        seed: every random choice follows from it and from the number of trials observed.
        flat: whether an architecture counts by the mean over its neighbourhood and not by itself: optima
            whose neighbours are good too (Wang et al. 2021, "Neighborhood-Aware Neural Architecture Search").

    Raises:
        Unsuitable: for a problem that :meth:`why_not` refuses.
    """

    name: ClassVar[str]
    """What requests call it; its module has the same name."""

    @classmethod
    def why_not(cls, problem: Problem) -> str | None:
        """Why it cannot search for a problem, for whoever asked; None where it can. Loads no torch."""
        return None

    def __init__(self, problem: Problem, *, seed: int = 0, flat: bool = False) -> None:
        if (reason := self.why_not(problem)) is not None:
            raise Unsuitable(reason)
        self.problem = problem
        self.seed = seed
        self.flat = flat
        self.completed: tuple[CompletedTrial, ...] = ()
        self.pending: tuple[PendingTrial, ...] = ()
        self._told: dict[str, set[str]] = {}
        self._ended: tuple[int, Codes] = 0, problem.space.parse_many([])
        """How many completed trials were looked at, and the codes of those of them that are taken."""

    @abstractmethod
    def suggest(self, count: int) -> list[str]:
        """``count`` distinct architectures within the exact bounds, none of them completed or pending.

        It changes nothing: asked twice, it suggests the same; what is suggested is pending once
        :meth:`observe` says so.

        Raises:
            Exhausted: where not a single one is found; fewer than ``count`` are returned where some are.
        """

    def observe(self, completed: Sequence[CompletedTrial], pending: Sequence[PendingTrial] = ()) -> None:
        """Takes in newly completed trials, and all that are pending now.

        Example:
            strategy.observe([a], [b, c])  # knows a; b and c are pending
            strategy.observe([b], [c])     # knows a and b; c is pending
            strategy.observe([], [d])      # knows a and b; d is pending, c was given back

        Args:
            completed: trials that it has not observed yet, in the order in which they ended.
            pending: every trial that is under way, in place of those of the call before.
        """
        self.completed = (*self.completed, *completed)
        self.pending = tuple(pending)
        predictions = self.problem.predictions
        if predictions is not None:
            refined = predictions.refined([trial.observation for trial in self.completed], len(completed))
            if refined is not predictions:
                self.rebound(replace(self.problem, predictions=refined))

    def rebound(self, problem: Problem) -> None:
        """Takes the same problem with refined predictions of its bounds."""
        if problem is not self.problem:
            self.problem = problem
            self.problem_changed()

    def problem_changed(self) -> None:
        """Called when the predictions of the bounds were refined; a strategy recomputes what it derived from
        the problem."""
        return

    def rng(self) -> np.random.Generator:
        """Randomness of the next suggestion: from the seed and what was observed, nothing else."""
        return np.random.default_rng([self.seed, len(self.completed), len(self.pending)])

    def finished(self) -> list[Observation]:
        """Architectures with every value that is needed, in the order in which they had it: the means of
        repeated measurements, and of what is not measured a model's mean.

        Beyond :data:`search.run.subset.MOST` of them, those that :func:`search.run.subset.chosen` keeps.
        """
        return chosen(self.problem, completed_by_models(self.problem, self.merged()[0]))

    def merged(self) -> tuple[list[Observation], list[Observation], list[str]]:
        """Architectures with every value that is needed, those with some of them, and those that failed.

        See :func:`search.run.merged.merged`.
        """
        return merged([trial.observation for trial in self.completed], self.needed)

    @property
    def needed(self) -> set[str]:
        """Keys of the values that an evaluation must bring before it counts."""
        return {quantity.key for quantity in self.problem.to_measure}

    def fitness(self, observations: Sequence[Observation]) -> Floats:
        """How good finished observations are, (n,), more is better; see
        :func:`search.pareto.fitness.fitness`."""
        found = fitness(self.problem, observations)
        if not self.flat or not observations:
            return found
        codes = self.problem.space.parse_many([observation.architecture for observation in observations])
        return averaged(self.problem.space, codes, found)

    def taken(self) -> Codes:
        """Codes (m, v) of every pending trial, and of every architecture that failed or has all values.

        Where the problem asks for distinct functions, those of their twins too, in spaces that can be listed.
        """
        known, ended = self._ended
        if known < len(self.completed):
            needed = self.needed
            new = [trial.architecture for trial in self.completed[known:] if self._ends(trial, needed)]
            found = with_twins(self.problem, self.problem.space.parse_many(new))
            ended = np.concatenate([ended, found])
            self._ended = len(self.completed), ended
        waiting = self.problem.space.parse_many([trial.architecture for trial in self.pending])
        return np.concatenate([ended, with_twins(self.problem, waiting)])

    def _ends(self, trial: CompletedTrial, needed: set[str]) -> bool:
        """Whether nothing more is to be evaluated of a trial's architecture; asked once, in order."""
        if trial.failed or trial.observation.fidelity != FULL:
            return trial.failed
        told = self._told.setdefault(trial.architecture, set())
        before = told >= needed
        told |= trial.observation.values.keys()
        return not before and told >= needed

    def uniform(self, count: int, rng: np.random.Generator, taken: Codes) -> Codes:
        """Up to ``count`` architectures (m, v) within the exact bounds that are not taken, uniformly drawn.

        Raises:
            Exhausted: where not a single one is found.
        """
        codes = draw_feasible(self.problem, count, rng, exclude=taken)
        if len(codes):
            return codes
        nearest, gap = nearest_architecture(self.problem, rng)
        if gap > 0 or any((nearest == row).all() for row in taken):
            raise Exhausted(
                "no further architecture satisfies the bounds, predicted ones at the asked confidence"
            )
        return nearest[None]

    def free_neighbours(self, codes: Codes, taken: set[bytes]) -> Codes:
        """Neighbours (m, v) of an architecture (v,) within the exact bounds that are not taken.

        Args:
            codes: (v,).
            taken: bytes of codes, such as ``{row.tobytes() for row in self.taken()}``.
        """
        around = self.problem.space.neighbours(codes)
        free = np.array([row.tobytes() not in taken for row in around], dtype=bool)
        around = around[free]
        within: Codes = around[self.problem.gap(around) <= 0] if len(around) else around
        return within
