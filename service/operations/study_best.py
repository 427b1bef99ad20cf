"""The front of a study, computed incrementally and kept; where nothing is feasible, what is nearest.

Observations are read once for each process and kept as what they tell of each architecture; several
measurements of one count by their mean.

Notation: n architectures, o objectives.
"""

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from search.pareto.fitness import violations
from search.problem import Problem as SearchProblem
from search.run.merged import Tally
from search.trial import completed_by_models
from service.children.bounded import Bounded, checkpoint
from service.operations.studies import request_of
from spaces.metric import Observation
from spaces.recently_used import RecentlyUsed
from spaces.space import Floats
from store.blobs.blobs import Blobs
from store.port import Store
from store.studies.study import FULL, NumberedObservation, Study

SHOWN = 20
"""Of the best, in the answer about one study."""
WHOLE = 10_000
"""Of the front, in the answer about it alone."""
PAGE = 1000
"""Observations that are read at a time."""
KEPT_BYTES = 32 << 20
"""Of what is known, of all studies together; at least that of the one asked last stays."""
ARCHITECTURE_BYTES, VALUE_BYTES = 900, 400
"""Of one architecture without its values, and of each value that was told of it."""


@dataclass(frozen=True, slots=True)
class Front:
    """What is best of a study.

    Args:
        best: architectures within the bounds that no other one beats, the best by the first objective first.
        nearest: where there are none: the evaluated one that misses the bounds least.
        size: of the whole front.
    """

    best: list[Observation]
    nearest: Observation | None
    size: int


@dataclass
class _Looked:
    """What is known of a study."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held while it changes: a call that was given up may still run."""
    request: Mapping[str, object] | None = None
    last: int = 0
    values: int = 0
    """That were told, of all architectures."""
    tallies: dict[str, Tally] = field(default_factory=dict)
    scores: dict[str, Floats] = field(default_factory=dict)
    """Of architectures with all values within the bounds, (o,), more is better."""
    misses: dict[str, float] = field(default_factory=dict)
    """Of those outside: by how much."""
    front: list[str] | None = None
    """None where it must be found anew."""

    @property
    def bytes(self) -> int:
        return ARCHITECTURE_BYTES * len(self.tallies) + VALUE_BYTES * self.values


class StudyBests:
    """The best of the studies that were asked for lately.

    Args:
        store: where studies are kept.
        work: where they are read.
        blobs: where embeddings of tasks lie.
    """

    def __init__(self, store: Store, work: Bounded, blobs: Blobs) -> None:
        self._store = store
        self._blobs = blobs
        self._work = work
        self._looked = RecentlyUsed[str, _Looked](KEPT_BYTES, size=lambda looked: looked.bytes)

    async def of(self, study: Study, most: int = SHOWN) -> Front:
        """At most ``most`` of the front.

        The best by the first objective come first, of equals those by the next. However many ask, one looks;
        where that takes too long, what was seen is kept for the next one.

        Raises:
            Problem: 503 where it takes too long.
        """
        looked = self._looked.get_or_put(study.id, _Looked)
        found = await self._work.run_in_turn(looked.turn, lambda: self._look(looked, study, most))
        self._looked.trim()
        return found

    def forget(self, study_id: str) -> None:
        """Drops what is known of a study that is no more."""
        self._looked.pop(study_id)

    def _look(self, looked: _Looked, study: Study, most: int) -> Front:
        """Runs in a thread."""
        from search.models import searched_problem  # models load when they are needed

        problem = searched_problem(request_of(study), lambda: self._blobs)
        with looked.lock:
            if looked.request != study.request:  # its bounds were changed
                looked.request, looked.last, looked.values = study.request, 0, 0
                looked.tallies, looked.scores, looked.misses = {}, {}, {}
            while page := self._page(study, looked.last):
                self._take_in(looked, problem, page)
                looked.last = page[-1].number
                checkpoint()
                if len(page) < PAGE:
                    break
            if looked.front is None:
                names = list(looked.scores)
                rows = best_rows(np.stack([looked.scores[name] for name in names]), WHOLE) if names else []
                looked.front = [names[row] for row in rows]
            best = [looked.tallies[name].merged() for name in looked.front[:most]]
            nearest = None
            if not best and looked.misses:
                nearest = looked.tallies[min(looked.misses, key=lambda n: looked.misses[n])].merged()
            return Front(best, nearest, len(looked.front))

    def _take_in(self, looked: _Looked, problem: SearchProblem, page: list[NumberedObservation]) -> None:
        """What a page of observations changes; what takes the place of another one names the same run."""
        needed = {quantity.key for quantity in problem.to_measure}
        changed = dict[str, Tally]()
        for entry in page:
            told = entry.observation
            if told.fidelity == FULL:
                tally = changed[told.architecture] = looked.tallies.setdefault(told.architecture, Tally())
                tally.add(told, entry.run or entry.number)
                looked.values += len(told.values)
        for name in changed:
            looked.scores.pop(name, None)
            looked.misses.pop(name, None)
        whole = [
            tally.merged()
            for tally in changed.values()
            if tally.failed is None and tally.values and needed <= tally.values.keys()
        ]
        found = completed_by_models(problem, whole)
        for observation, miss in zip(found, violations(problem, found).tolist(), strict=True):
            if problem.feasible(observation):
                looked.scores[observation.architecture] = problem.signed_objectives(dict(observation.values))
            else:
                looked.misses[observation.architecture] = miss
        if changed:
            looked.front = None

    def _page(self, study: Study, after: int) -> list[NumberedObservation]:
        return self._store.study_observations(study.id, tenant_id=study.tenant_id, after=after, limit=PAGE)


def best_rows(values: Floats, count: int) -> list[int]:
    """Rows of values (n, o), larger is better, that none dominates; the ``count`` first of their order.

    The order is by the first objective, then by the next. Whatever dominates a row comes before it, so that
    each row is compared with at most ``count`` others.

    >>> best_rows(np.array([[1.0, 2.0], [2.0, 1.0], [0.0, 0.0]]), 2)
    [1, 0]
    """
    # Equal rows keep the order of their observation.
    left = np.lexsort(-values.T[::-1])
    ordered = values[left]
    found: list[int] = []
    while len(left) and len(found) < count:
        first = ordered[0]
        found.append(int(left[0]))
        beaten = (ordered <= first).all(axis=1) & (ordered < first).any(axis=1)
        beaten[0] = True
        left, ordered = left[~beaten], ordered[~beaten]
    return found
