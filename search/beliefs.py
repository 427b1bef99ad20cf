"""What a search believes of every measured quantity, learned from its own observations alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from predictors.normal_scores import normal_scores
from search.candidates import chosen_rows, listed
from search.problem import Problem
from search.surrogate import Field, Group, Halves, hyperparameters, view
from search.trial import CompletedTrial
from spaces.metric import Observation, Quantity
from spaces.space import Codes, Floats

LEARNED = 500
"""Observations that a process learns at most: the best half of them, and an even choice of the others."""
IN_ALL = 2000
"""Observations that all processes of a search learn together: beyond four quantities each learns fewer."""
FORETELLING = 5
"""Evaluations of a lower fidelity from which on they are learned from."""
SOURCE_LENGTH = 1.0
"""Where the log lengthscale of what a lower fidelity foretells is looked for."""
FULL = "full"
FIRST = 5
"""Observations at the first checkpoint."""
APART = 3
"""Observations from a checkpoint of one quantity to the next one's: beyond 22 no suggestion bears two."""

Rows = np.ndarray[tuple[int], np.dtype[np.int64]]


def checkpoint(count: int) -> int:
    """The last of 5, 6, 7, 8, 9, 10, 12, 14 … (a fifth more, at most 50) that a count has reached.

    Hyperparameters belong to checkpoints, so that a search that continues from stored observations finds
    those it would have had.

    >>> [checkpoint(count) for count in (5, 9, 13, 300, 5000)]
    [5, 9, 12, 260, 4960]
    """
    reached = FIRST
    while (further := reached + min(max(1, reached // 5), 50)) <= count:
        reached = further
    return reached


@dataclass(slots=True)
class _Kept:
    """A field over candidates that stay the same, and what it has learned."""

    field: Field
    inputs: tuple[Halves, ...]
    reached: int
    names: list[str]


class Beliefs:
    """Gaussian processes of the quantities that an evaluation brings.

    Args:
        problem: names the quantities.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.views = {
            quantity.key: view(problem.space, problem.task_of(quantity)) for quantity in problem.to_measure
        }
        """Quantity key → how architectures look to its process: their costs are those on its own task."""
        self.names: list[str] = []
        self.values: dict[str, Floats] = {}
        self.labels: dict[str, Floats] = {}
        """Quantity key → normal scores (n,) of the observations that its field has learned, in that order."""
        self._rows: dict[str, Rows] = {}
        self._codes: Codes = np.empty((0, 0), dtype=np.int8)
        self._reached: dict[str, int] = {}
        self._theta: dict[str, tuple[object, Floats]] = {}
        self._kept: dict[str, _Kept] = {}
        self._low: dict[str, tuple[Codes, Floats, Floats]] = {}

    def learn(self, completed: Sequence[CompletedTrial], finished: Sequence[Observation]) -> None:
        """Takes in all observations; what was learned of the same ones before is kept.

        Args:
            completed: all trials, those of lower fidelities among them.
            finished: full ones with all values, in the order of observation.
        """
        self.names = [observation.architecture for observation in finished]
        self._codes = self.problem.space.parse_many(self.names)
        first = self.problem.objectives[0]
        order = first.sign * values_of(finished, first.key)
        self._low = self._foretold(completed)
        most = min(LEARNED, IN_ALL // max(len(self.problem.to_measure), 1))
        for number, quantity in enumerate(self.problem.to_measure):
            key = quantity.key
            reached = self._reached[key] = checkpoint(max(len(finished) - APART * number, FIRST))
            early = chosen_rows(reached, order[:reached], most)
            self._rows[key] = np.concatenate([early, np.arange(reached, len(finished))])
            self.values[key] = values_of(finished, key)
            self.labels[key] = normal_scores(self.values[key])[self._rows[key]]
            question = (self.names[:reached], len(self._low.get(key, ((), (), ()))[1]))
            if self._theta.get(key, (None,))[0] != question:
                self._theta[key] = question, self._fitted(quantity)

    def fields(self, codes: Codes, inputs: tuple[Halves, ...] | None = None) -> dict[str, Field]:
        """Quantity key → the posterior over codes (c, v).

        Args:
            codes: candidates.
            inputs: how they look on the problem's task, for candidates that stay the same
                (:func:`search.candidates.listed`): then only what is new is learned.
        """
        found: dict[str, Field] = {}
        for quantity in self.problem.to_measure:
            key, task = quantity.key, self.problem.task_of(quantity)
            rows, look = self._rows[key], self.views[key]
            points = look(self._codes[rows])
            own = inputs
            if inputs is not None and task != self.problem.task:
                own = listed(self.problem, task)[1]
            if own is not None and key not in self._low:
                found[key] = self._continued(key, own, points)
                continue
            looks: Sequence[Group] = look(codes) if own is None else own
            field = Field(self._told(key, codes, looks), self._theta[key][1], len(rows) + 16)
            field.learn(self._told(key, self._codes[rows], points))
            found[key] = field
        return found

    def looks(self, key: str, codes: Codes) -> list[Group]:
        """How codes (b, v) look to the field of a quantity, a group each."""
        return self._told(key, codes, self.views[key](codes))

    def _continued(self, key: str, inputs: tuple[Halves, ...], points: Sequence[Group]) -> Field:
        """The kept field, with what it has not learned yet; the same numbers as one made anew."""
        kept = self._kept.get(key)
        known = None if kept is None else len(kept.names)
        if (
            kept is None
            or kept.inputs is not inputs
            or kept.reached != self._reached[key]
            or kept.names != self.names[:known]
            or kept.field.theta is not self._theta[key][1]
        ):
            memory = kept.field.columns if kept is not None and kept.inputs is inputs else None
            field = Field(inputs, self._theta[key][1], len(self._rows[key]) + 64, memory)
            reached = self._reached[key]
            early = int((self._rows[key] < reached).sum())
            field.learn([group[:early] for group in points])
            kept = self._kept[key] = _Kept(field, inputs, reached, self.names[:reached])
        new = len(self.names) - len(kept.names)
        if new:
            kept.field.learn([group[len(group) - new :] for group in points])
            kept.names = list(self.names)
        return kept.field

    def _fitted(self, quantity: Quantity) -> Floats:
        """Hyperparameters from the observations up to the checkpoint."""
        key = quantity.key
        reached = self._reached[key]
        early = self._rows[key][self._rows[key] < reached]
        labels = normal_scores(self.values[key][:reached])[early]
        codes = self._codes[early]
        look = self.views[key]
        lengths = look.sought(quantity)
        if key in self._low:
            lengths = np.append(lengths, SOURCE_LENGTH)
        return hyperparameters(self._told(key, codes, look(codes)), labels, lengths)

    def _foretold(self, completed: Sequence[CompletedTrial]) -> dict[str, tuple[Codes, Floats, Floats]]:
        """Quantity key → codes, labels and hyperparameters of its commonest lower fidelity."""
        cheap = [
            trial.observation
            for trial in completed
            if not trial.failed and trial.observation.fidelity != FULL
        ]
        found = {}
        for quantity in self.problem.to_measure:
            with_key = [observation for observation in cheap if quantity.key in observation.values]
            names = [observation.fidelity for observation in with_key]
            if not names:
                continue
            commonest = max(sorted(set(names)), key=names.count)
            own = [observation for observation in with_key if observation.fidelity == commonest][-LEARNED:]
            if len(own) < FORETELLING:
                continue
            known = self._low.get(quantity.key)
            if known is not None and len(known[1]) == len(own) < LEARNED:
                found[quantity.key] = known
                continue
            codes = self.problem.space.parse_many([observation.architecture for observation in own])
            labels = normal_scores(values_of(own, quantity.key))
            look = self.views[quantity.key]
            theta = hyperparameters(look(codes), labels, look.sought(quantity))
            found[quantity.key] = codes, labels, theta
        return found

    def _told(self, key: str, codes: Codes, looks: Sequence[Group]) -> list[Group]:
        """Groups of features, and what the lower fidelity foretells where there is one."""
        if key not in self._low:
            return list(looks)
        known, labels, theta = self._low[key]
        field = Field(looks, theta, len(known))
        field.learn(self.views[key](known))
        return [*looks, field.mean(labels)[:, None]]


def values_of(observations: Sequence[Observation], key: str) -> Floats:
    """Values (n,) of one quantity."""
    return np.array([observation.values[key] for observation in observations])
