"""Studies in one API process: waiting clients, and suggestions that were computed and not yet taken.

The database is the truth: the models live in child processes (:mod:`service.children.suggest_pool`), which
are sent what is stored and may be killed at any time. Suggestions are worked out one at a time for each
study, and taken in a transaction, so that several processes never suggest one architecture twice. Studies
that are slow take turns among themselves, so that the others always find a process.
"""

import asyncio
import base64
import contextlib
import logging
import math
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from search.request.design_request import DesignRequest
from search.request.uploaded_task import EmbeddingGone
from service.children.bounded import Bounded, checkpoint
from service.children.suggest_pool import Seen, SuggestPool, SuggestProcess
from service.http.problems import Problem
from spaces.recently_used import RecentlyUsed
from store.blobs.blobs import BlobDamaged, BlobNotFound, Blobs
from store.port import Store
from store.studies.study import LEASE_SECONDS, STUDY, NumberedObservation, Study, Suggestion

AHEAD = 24
"""Suggestions that are worked out together at most while other clients wait for theirs."""
REMEMBERED = 1000
"""Studies of which is known who waits for them."""
ROUNDS = 8
"""How often other processes may take what was worked out before the client shall come back."""
PAGE = 1000
"""Observations that are sent at a time."""
SLOW_SECONDS = 5.0
"""A study whose last suggestion took a process longer is a slow one; not if it was the process's first."""
SLOW_FROM = 2000
"""Observations from which on a study is taken for a slow one before it was seen."""
SLOW_OBJECTIVES = 4
"""The same by its objectives."""
MOST_WAITING = 10_000
"""Suggestions of one study without an observation."""

_log = logging.getLogger(__name__)


@dataclass
class _Live:
    """Who waits for a study, and what was worked out for it."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0
    seconds: float | None = None
    """What the last suggestion took; None before the first."""
    last: int = 0
    """The observation up to which what was worked out knows the study."""
    request: Mapping[str, object] = field(default_factory=dict)
    spare: list[str] = field(default_factory=list)
    """Worked out for clients that wait; void as soon as something new is observed."""


class Studies:
    """The studies that one process is asked for.

    Args:
        store: where studies are kept.
        work: where suggestions are worked out: apart from predictions, which must not wait for them.
        pool: of processes, as many as ``work`` has threads.
        blobs: where embeddings of tasks lie.
        most_waiting: clients of one study that may wait.
    """

    def __init__(
        self, store: Store, work: Bounded, pool: SuggestPool, blobs: Blobs, *, most_waiting: int
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._work = work
        self._pool = pool
        self._most_waiting = most_waiting
        self._slow = asyncio.Lock()
        self._live = RecentlyUsed[str, _Live](REMEMBERED, busy=lambda live: live.waiting > 0)

    async def suggest(self, study: Study, client_id: str, count: int) -> tuple[list[Suggestion], str | None]:
        """The client's unfinished suggestions and as many new ones as it takes to make ``count``.

        Returns:
            The suggestions, and why they are fewer; None where they are not.

        Raises:
            StudyClosed: the study was closed.
            EmbeddingGone: its task's embedding cannot be read.
            Problem: 503 where too many wait, it takes too long, or other processes took everything that was
                worked out; 409 where too many suggestions are unfinished.
        """
        live = self._of(study.id)
        if live.waiting >= self._most_waiting:
            raise _busy("too many clients wait for this study")
        live.waiting += 1
        try:
            function = partial(self._suggest, live, study, client_id, count)
            return await self._work.run_in_turn(self._in_turn(live, study), function)
        finally:
            live.waiting -= 1

    def forget(self, study_id: str) -> None:
        """Drops what is kept of a study that is no more."""
        self._live.pop(study_id)
        self._pool.forget(study_id)

    def close(self) -> None:
        """Ends the processes."""
        self._pool.close()

    def _of(self, study_id: str) -> _Live:
        return self._live.get_or_put(study_id, _Live)

    @contextlib.asynccontextmanager
    async def _in_turn(self, live: _Live, study: Study) -> AsyncIterator[None]:
        """One call of a study at a time, and one of all slow studies."""
        async with live.turn, self._slow if _is_slow(live, study) else contextlib.nullcontext():
            yield

    # what follows runs in a thread
    def _suggest(
        self, live: _Live, study: Study, client_id: str, count: int
    ) -> tuple[list[Suggestion], str | None]:
        tenant = study.tenant_id
        take = partial(
            self._store.take_suggestions,
            study.id,
            client_id,
            count,
            lease_seconds=lease_seconds(study),
            tenant_id=tenant,
        )
        mine = take([])
        if len(mine) >= count:
            return mine, None
        if study.waiting + count - len(mine) > MOST_WAITING:
            detail = f"{study.waiting:,} suggestions have no observation yet; observe those first"
            raise Problem(409, detail, kind="too-many-suggestions")
        for _ in range(ROUNDS):
            exhausted = self._work_out(live, study, count - len(mine))
            checkpoint()  # of a client that has left nothing is taken; what was worked out stays
            if exhausted is not None:
                return mine, exhausted
            mine = take(live.spare)
            taken = {suggestion.architecture for suggestion in mine}
            live.spare = [proposal for proposal in live.spare if proposal not in taken]
            if len(mine) >= count:
                return mine, None
            live.spare = []
        raise _busy("other clients were faster; ask again")

    def _work_out(self, live: _Live, study: Study, count: int) -> str | None:
        """Sees to at least ``count`` spare ones, more while other clients wait; or says why there are
        none."""
        with self._pool.taken(study.id, slow=_is_slow(live, study)) as process:
            last = self._tell(process, study)
            if (last, study.request) != (live.last, live.request):
                live.last, live.request, live.spare = last, study.request, []
            if len(live.spare) >= count:
                return None
            waiting = self._store.unfinished(study.id, tenant_id=study.tenant_id)
            order = {
                "suggest": study.id,
                "pending": [suggestion.architecture for suggestion in waiting],
                "count": count + min(max(live.waiting - 1, 0), AHEAD),
            }
            began, is_first = time.monotonic(), process.bytes == 0
            try:
                answer = process.ask(order)
            except (OSError, EOFError):
                live.seconds = math.inf  # how long it would have taken nobody knows
                raise
            if not is_first:
                live.seconds = time.monotonic() - began
        if "architectures" in answer:
            live.spare = answer["architectures"]
            return None
        if "exhausted" in answer:
            return str(answer["exhausted"])
        if "gone" in answer:
            raise EmbeddingGone(answer["gone"])
        if "memory" in answer:
            raise _busy("the suggestion needs more memory than there is for it", seconds=10)
        _log.error("a suggestion of study %s failed: %s", study.id, answer["failed"])
        raise Problem(500, "this is a fault of the server, not of the request")

    def _tell(self, process: SuggestProcess, study: Study) -> int:
        """Tells a process all that is stored of a study by now; the number of the last observation."""
        seen = process.seen.get(study.id)
        if seen is None or seen.request != study.request:  # its bounds were changed
            seen = self._open(process, study)
        self._tell_news(process, study, seen)
        if seen.count > self._store.study(study.id, tenant_id=study.tenant_id).observed:
            # Something took the place of what was sent, which renumbers it: everything is sent again.
            seen = self._open(process, study)
            self._tell_news(process, study, seen)
        return seen.last

    def _tell_news(self, process: SuggestProcess, study: Study, seen: Seen) -> None:
        while True:
            checkpoint()
            page = self._store.study_observations(
                study.id, tenant_id=study.tenant_id, after=seen.last, limit=PAGE
            )
            if page:
                rows = [_row(entry) for entry in page]
                process.tell({"tell": study.id, "observations": rows})
                seen.last, seen.count = page[-1].number, seen.count + len(page)
            if len(page) < PAGE:
                return

    def _open(self, process: SuggestProcess, study: Study) -> Seen:
        request = request_of(study)
        embedding = None
        if request.uploaded is not None:
            try:
                embedding = base64.b64encode(self._blobs.get(request.uploaded.embedding)).decode()
            except (BlobNotFound, BlobDamaged) as error:
                named = request.uploaded.name
                message = f"the embedding of {named!r} cannot be used: {error}; add the task again"
                raise EmbeddingGone(message) from error
        models = []
        for own in request.predictors:
            try:
                models.append(base64.b64encode(self._blobs.get(own.model)).decode())
            except (BlobNotFound, BlobDamaged) as error:
                raise EmbeddingGone(f"predictor {own.id} cannot be used: {error}; train it again") from error
        opened = {"open": study.id, "request": dict(study.request), "embedding": embedding, "models": models}
        process.tell(opened)
        seen = Seen(study.request)
        for oldest in process.seen.put(study.id, seen):
            process.tell({"forget": oldest})
        return seen


def _row(entry: NumberedObservation) -> list[object]:
    """An observation as a process is told it; one run of an architecture is one measurement."""
    told = entry.observation
    details = dict(told.details)
    return [told.architecture, dict(told.values), told.failed, told.fidelity, told.seconds, details]


def own_part(study: Study) -> Mapping[str, Any]:
    """What a study has that no design has: ``lease_seconds`` and ``tracked``."""
    part: Any = study.request.get(STUDY, {})
    return part if isinstance(part, Mapping) else {}


def lease_seconds(study: Study) -> float:
    """How long a suggestion is its client's without any call of his."""
    return float(own_part(study).get("lease_seconds", LEASE_SECONDS))


def _is_slow(live: _Live, study: Study) -> bool:
    if live.seconds is not None:
        return live.seconds > SLOW_SECONDS
    objectives = study.request.get("objectives")
    several = isinstance(objectives, list) and len(objectives) >= SLOW_OBJECTIVES
    return several or study.observed >= SLOW_FROM


def _busy(detail: str, seconds: int = 1) -> Problem:
    return Problem(503, detail, kind="busy", headers={"Retry-After": str(seconds)})


def request_of(study: Study) -> DesignRequest:
    """What a stored study searches for."""
    return DesignRequest.from_dict(study.request)
