"""The best observations of a study, computed incrementally and kept.

What was looked at is remembered by its objective values alone; the few that are shown are read from the
store.
"""

import asyncio
import threading
from dataclasses import dataclass, field

import numpy as np

from search.problem import Problem as SearchProblem
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
PAGE = 1000
"""Observations that are read at a time."""
KEPT_BYTES = 64 << 20
"""Of objective values, of all studies together; at least those of the one asked last stay."""


@dataclass
class _Looked:
    """What is known of a study."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held while it changes: a call that was given up may still run."""
    last: int = 0
    numbers: list[int] = field(default_factory=list)
    values: list[Floats] = field(default_factory=list)
    """Of each page, (n, o), more is better."""
    shown: list[Observation] = field(default_factory=list)
    shown_of: int = 0
    """How many numbers there were when the best were found."""

    @property
    def bytes(self) -> int:
        return 100 * len(self.numbers) + sum(page.nbytes for page in self.values)


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

    async def of(self, study: Study) -> list[Observation]:
        """Full observations within the bounds that no other one beats, at most :data:`SHOWN`.

        The best by the first objective come first, of equals those by the next. However many ask, one looks;
        where that takes too long, what was seen is kept for the next one.

        Raises:
            Problem: 503 where it takes too long.
        """
        looked = self._looked.get_or_put(study.id, _Looked)
        found = await self._work.run_in_turn(looked.turn, lambda: self._look(looked, study))
        self._looked.trim()
        return found

    def forget(self, study_id: str) -> None:
        """Drops what is known of a study that is no more."""
        self._looked.pop(study_id)

    def _look(self, looked: _Looked, study: Study) -> list[Observation]:
        """Runs in a thread."""
        from search.models import searched_problem  # models load when they are needed

        problem = searched_problem(request_of(study), lambda: self._blobs)
        with looked.lock:
            # A failure may give way to values, which get a number of their own; nothing else ever changes.
            while page := self._page(study, looked.last, PAGE):
                held = _counting(problem, page)
                if held:
                    looked.values.append(np.stack([problem.signed_objectives(values) for _, values in held]))
                    looked.numbers += [number for number, _ in held]
                looked.last = page[-1].number
                checkpoint()
                if len(page) < PAGE:
                    break
            if looked.shown_of != len(looked.numbers):
                rows = best_rows(np.concatenate(looked.values), SHOWN)
                numbers = [looked.numbers[row] for row in rows]
                looked.shown = [self._page(study, number - 1, 1)[0].observation for number in numbers]
                looked.shown_of = len(looked.numbers)
                looked.values = [np.concatenate(looked.values)]
            return looked.shown

    def _page(self, study: Study, after: int, limit: int) -> list[NumberedObservation]:
        return self._store.study_observations(study.id, tenant_id=study.tenant_id, after=after, limit=limit)


def _counting(problem: SearchProblem, page: list[NumberedObservation]) -> list[tuple[int, dict[str, float]]]:
    """Numbers and values of the full observations within the bounds; what was not told is predicted."""
    needed = {quantity.key for quantity in problem.quantities if quantity not in problem.predicted}
    whole = [
        entry
        for entry in page
        if entry.observation.fidelity == FULL
        and entry.observation.failed is None
        and needed <= entry.observation.values.keys()
    ]
    found = completed_by_models(problem, [entry.observation for entry in whole])
    return [
        (entry.number, dict(observation.values))
        for entry, observation in zip(whole, found, strict=True)
        if problem.feasible(observation)
    ]


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
