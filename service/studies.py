"""Studies as one API process keeps them: a strategy for each that was asked lately, told what is new.

The database is the truth: a strategy can be dropped at any time and is built again from the observations.
Suggestions are worked out one at a time for each study, and taken in a transaction, so that several
processes never suggest one architecture twice.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from search.problem import Problem as SearchProblem
from search.request import DesignRequest
from search.strategy import Exhausted, Strategy
from search.study import strategy_of
from search.trial import CompletedTrial, PendingTrial
from service.bounded import Bounded
from service.problems import Problem
from spaces.metric import Observation
from store.blobs import Blobs
from store.port import Store
from store.study import Study, Suggestion

AHEAD = 24
"""Suggestions that are worked out together at most while other clients wait for theirs."""
KEPT = 16
"""Strategies that are kept; the one that was asked longest ago goes first."""
ROUNDS = 8
"""How often other processes may take what was worked out before the client is told to come back."""
SHOWN = 20
"""Of the best, in the answer about one study."""


@dataclass
class _Live:
    """A strategy, and what it has been told."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    strategy: Strategy | None = None
    last: int = 0
    told: int = 0
    spare: list[str] = field(default_factory=list)
    """Worked out for clients that wait; void as soon as something new is told."""


class Studies:
    """The strategies of one process.

    Args:
        store: where studies are kept.
        work: where suggestions are worked out: apart from predictions, which must not wait for them.
        blobs: where embeddings of tasks lie.
    """

    def __init__(self, store: Store, work: Bounded, blobs: Blobs) -> None:
        self._store = store
        self._blobs = blobs
        self.work = work
        self._lock = threading.Lock()
        self._live: OrderedDict[str, _Live] = OrderedDict()

    def suggest(self, study: Study, client_id: str, count: int) -> tuple[list[Suggestion], str | None]:
        """The client's unfinished suggestions and as many new ones as it takes to make ``count``.

        Returns:
            The suggestions, and why they are fewer; None where they are not.

        Raises:
            StudyClosed: the study was closed.
            Problem: 503 where other processes took everything that was worked out.
        """
        tenant = study.tenant_id
        mine = self._store.take_suggestions(study.id, client_id, count, [], tenant_id=tenant)
        if len(mine) >= count:
            return mine, None
        live = self._of(study.id)
        with live.lock:
            for _ in range(ROUNDS):
                self._tell(live, study)
                try:
                    proposals = self._proposals(live, study, count - len(mine))
                except Exhausted as end:
                    return mine, str(end)
                mine = self._store.take_suggestions(study.id, client_id, count, proposals, tenant_id=tenant)
                taken = {suggestion.architecture for suggestion in mine}
                live.spare = [proposal for proposal in live.spare if proposal not in taken]
                if len(mine) >= count:
                    return mine, None
                live.spare = []
        raise Problem(503, "other clients were faster; ask again", kind="busy", headers={"Retry-After": "1"})

    def forget(self, study_id: str) -> None:
        """Drops the strategy of a study that is no more."""
        with self._lock:
            self._live.pop(study_id, None)

    def _of(self, study_id: str) -> _Live:
        with self._lock:
            live = self._live.setdefault(study_id, _Live())
            self._live.move_to_end(study_id)
            while len(self._live) > KEPT:
                self._live.popitem(last=False)
            return live

    def _proposals(self, live: _Live, study: Study, count: int) -> list[str]:
        """At least ``count`` new architectures, where there are as many; more while other clients wait."""
        assert live.strategy is not None
        if len(live.spare) < count:
            waiting = self._store.unfinished(study.id, tenant_id=study.tenant_id)
            pending = [PendingTrial(suggestion.architecture) for suggestion in waiting]
            live.strategy.observe([], pending)
            live.spare = live.strategy.suggest(count + min(self.work.others, AHEAD))
        return live.spare

    def _tell(self, live: _Live, study: Study) -> None:
        """Tells the study's strategy all that is stored by now."""
        tenant = study.tenant_id
        new = self._store.study_observations(study.id, tenant_id=tenant, after=live.last)
        now = self._store.study(study.id, tenant_id=tenant)
        if live.strategy is None or live.told + len(new) != now.observed:
            # A failure gave way to values, which renumbers them: everything is told again.
            live.strategy = strategy_of(request_of(study), lambda: self._blobs)
            new = self._store.study_observations(study.id, tenant_id=tenant)
            live.last, live.told, live.spare = 0, 0, []
        if new:
            live.strategy.observe([CompletedTrial(entry.observation) for entry in new])
            live.last, live.spare = new[-1].number, []
            live.told += len(new)


def request_of(study: Study) -> DesignRequest:
    """What a stored study searches for."""
    return DesignRequest.from_dict(study.request)


def best_of(problem: SearchProblem, observations: list[Observation]) -> list[Observation]:
    """Full observations within the bounds that no other one beats, at most :data:`SHOWN`, best first."""
    import numpy as np

    from search.pareto import pareto_front

    needed = {quantity.key for quantity in problem.quantities}
    held = [
        observation
        for observation in observations
        if observation.fidelity == "full"
        and observation.failed is None
        and needed <= observation.values.keys()
        and problem.feasible(observation)
    ]
    if not held:
        return []
    scores = np.stack([problem.score(observation.values) for observation in held])
    front = np.flatnonzero(pareto_front(scores))
    return [held[row] for row in front[np.argsort(-scores[front, 0], kind="stable")][:SHOWN]]
