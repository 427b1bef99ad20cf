"""Evaluations outside, in memory: a part of :class:`store.memory.MemoryStore`."""

import secrets
import threading
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from store.database import strict_json
from store.database.ids import new_id
from store.external.evaluation import VANISHED, Claim, Ended, Offer
from store.external.port import ExternalStore
from store.jobs.job import Job, JobState, LeaseLost, NotFound


@dataclass
class _Kept:
    id: str
    tenant_id: str
    offer: Offer
    attempt: int = 0
    token: str | None = None
    client_id: str | None = None
    lease_until: float = 0.0
    ended: Ended | None = None


class MemoryExternal(ExternalStore):
    """The store that it is mixed into brings the lock, the clock and the jobs."""

    _lock: threading.RLock
    _clock: Callable[[], float]

    def __init__(self) -> None:
        self._offers: dict[str, _Kept] = {}

    def offer_evaluation(self, offer: Offer, *, tenant_id: str = "default") -> None:
        order = strict_json.load(strict_json.dump(offer.order))
        with self._lock:
            place = offer.job_id, offer.architecture
            known = {(kept.offer.job_id, kept.offer.architecture) for kept in self._offers.values()}
            if place not in known:
                made = new_id(self._clock())
                self._offers[made] = _Kept(made, tenant_id, replace(offer, order=order))

    def claim_evaluation(
        self, client_id: str, *, job_id: str | None = None, tenant_id: str = "default"
    ) -> Claim | None:
        with self._lock:
            now = self._clock()
            for kept in self._offers.values():
                free = kept.ended is None and (kept.token is None or kept.lease_until <= now)
                mine = kept.tenant_id == tenant_id and job_id in (None, kept.offer.job_id)
                if not (free and mine and kept.attempt < kept.offer.attempts) or self._stopped(kept):
                    continue
                kept.attempt, kept.token = kept.attempt + 1, secrets.token_hex(16)
                kept.client_id, kept.lease_until = client_id, now + kept.offer.lease_seconds
                return self._claim(kept)
            return None

    def renew_claim(self, evaluation_id: str, token: str, *, tenant_id: str = "default") -> Claim:
        with self._lock:
            kept = self._held(evaluation_id, token, tenant_id)
            if kept.ended is not None:
                raise LeaseLost("the evaluation has ended")
            kept.lease_until = self._clock() + kept.offer.lease_seconds
            return self._claim(kept)

    def end_evaluation(
        self, evaluation_id: str, token: str, ended: Ended, *, tenant_id: str = "default"
    ) -> bool:
        text = strict_json.dump({"values": ended.values, "seconds": ended.seconds, "d": ended.details})
        failed = None if ended.failed is None else strict_json.clean(ended.failed)
        with self._lock:
            kept = self._held(evaluation_id, token, tenant_id)
            if kept.ended is not None:
                return False
            stored = strict_json.load(text)
            kept.ended = Ended(stored["values"], failed, ended.seconds, kept.client_id, stored["d"])  # type: ignore[arg-type]
            return True

    def evaluation_of_claim(self, evaluation_id: str, token: str, *, tenant_id: str = "default") -> Offer:
        with self._lock:
            return self._held(evaluation_id, token, tenant_id).offer

    def external_results(self, job_id: str, *, tenant_id: str = "default") -> Mapping[str, Ended | None]:
        with self._lock:
            now, found = self._clock(), dict[str, Ended | None]()
            for kept in self._offers.values():
                if (kept.tenant_id, kept.offer.job_id) != (tenant_id, job_id):
                    continue
                ended = kept.ended
                if ended is None and kept.attempt >= kept.offer.attempts and kept.lease_until <= now:
                    why = VANISHED.format(attempts=kept.attempt)
                    ended = kept.ended = Ended({}, why, 0.0, kept.client_id, {})
                    kept.token = None  # what its last client tells now is refused
                found[kept.offer.architecture] = ended
            return found

    # parts
    @abstractmethod
    def job(self, job_id: str, *, tenant_id: str = "default") -> Job:
        """Of the store that it is mixed into."""

    def _stopped(self, kept: _Kept) -> bool:
        try:
            job = self.job(kept.offer.job_id, tenant_id=kept.tenant_id)
        except NotFound:
            return True
        return job.state not in (JobState.QUEUED, JobState.RUNNING)

    def _held(self, evaluation_id: str, token: str, tenant_id: str) -> _Kept:
        kept = self._offers.get(evaluation_id)
        if kept is None or kept.tenant_id != tenant_id:
            raise NotFound(f"no evaluation {strict_json.clean(evaluation_id, 64)!r}")
        if kept.token != token:
            raise LeaseLost("the evaluation is someone else's by now")
        return kept

    def _claim(self, kept: _Kept) -> Claim:
        assert kept.token is not None and kept.client_id is not None
        until = datetime.fromtimestamp(kept.lease_until, UTC)
        return Claim(
            kept.id, kept.token, kept.offer, kept.client_id, kept.attempt, until, self._stopped(kept)
        )
