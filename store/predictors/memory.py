"""Predictors of tenants in memory: a part of :class:`store.memory.MemoryStore`."""

import threading
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from store.database import strict_json
from store.database.ids import is_id, new_id
from store.jobs.job import IdempotencyConflict, Job, JobState, NotFound
from store.predictors.port import PredictorStore
from store.predictors.predictor import (
    KIND,
    Label,
    PredictorMoved,
    PredictorSpec,
    StoredPredictor,
    TooManyPredictors,
    TrainedVersion,
    Version,
)
from store.predictors.sql import observations_text, read_observations, spec_json


@dataclass
class _Trained:
    """A predictor and all that belongs to it."""

    id: str
    tenant_id: str
    spec: PredictorSpec
    created_at: datetime
    versions: list[Version] = field(default_factory=list)
    observations: list[str] = field(default_factory=list)
    keys: dict[str, tuple[str, str | None]] = field(default_factory=dict)


class MemoryPredictors(PredictorStore):
    """The store that it is mixed into brings the lock, the clock and the jobs."""

    _lock: threading.RLock
    _clock: Callable[[], float]
    _keys: dict[tuple[str, str], str]
    submit: Callable[..., tuple[Job, bool]]
    _replace_payload: Callable[[str, dict[str, object]], Job]

    def __init__(self) -> None:
        self._trained: dict[str, _Trained] = {}

    @abstractmethod
    def job(self, job_id: str, *, tenant_id: str = "default") -> Job:
        """See :meth:`store.port.Store.job`."""

    @abstractmethod
    def cancel(self, job_id: str, *, tenant_id: str = "default") -> Job:
        """See :meth:`store.port.Store.cancel`."""

    def create_predictor(
        self,
        spec: PredictorSpec,
        labels: Sequence[Label],
        *,
        tenant_id: str = "default",
        idempotency_key: str | None = None,
        most: int = 100,
    ) -> tuple[StoredPredictor, Job, bool]:
        text = observations_text(labels)
        content = strict_json.digest({"kind": KIND, "spec": spec_json(spec), "observations": text})
        with self._lock:
            own = [entry for entry in self._trained.values() if entry.tenant_id == tenant_id]
            now = self._clock()
            predictor_id = new_id(now)
            payload = {"predictor": predictor_id, "version": 1}
            options = {"tenant_id": tenant_id, "idempotency_key": idempotency_key, "content": content}
            if len(own) >= most and (tenant_id, idempotency_key) not in self._keys:
                raise TooManyPredictors(f"there are {most} predictors already")
            job, created = self.submit(KIND, payload, **options)
            if created:
                at = datetime.fromtimestamp(now, UTC)
                self._trained[predictor_id] = _Trained(predictor_id, tenant_id, spec, at)
                self._add(self._trained[predictor_id], text, len(labels), job.id, at)
            known = str(job.payload["predictor"])
            return self.predictor(known, tenant_id=tenant_id), job, created

    def extend_predictor(
        self,
        predictor_id: str,
        labels: Sequence[Label],
        *,
        tenant_id: str = "default",
        idempotency_key: str | None = None,
        trained: TrainedVersion | None = None,
    ) -> tuple[StoredPredictor, Job | None]:
        text = observations_text(labels)
        content = strict_json.digest({"observations": text})
        with self._lock:
            entry = self._mine(predictor_id, tenant_id)
            if idempotency_key in entry.keys:
                known, job_id = entry.keys[idempotency_key]
                if known != content:
                    raise IdempotencyConflict("this idempotency key was used with other content")
                earlier = None if job_id is None else self.job(job_id, tenant_id=tenant_id)
                return self._public(entry), earlier
            number = len(entry.versions) + 1
            if trained is not None and trained.version != number:
                raise PredictorMoved(f"version {trained.version} is taken")
            job = None
            if trained is None:
                job = self._order_version(entry, number)
            job_id = None if job is None else job.id
            at = datetime.fromtimestamp(self._clock(), UTC)
            self._add(entry, text, entry.versions[-1].labels + len(labels), job_id, at)
            if idempotency_key is not None:
                entry.keys[idempotency_key] = (content, job_id)
            if trained is not None:
                self._keep(trained, tenant_id)
            return self._public(entry), job

    def _order_version(self, entry: _Trained, number: int) -> Job:
        """The job that trains a version; a queued job for the version before trains this one instead."""
        payload: dict[str, object] = {"predictor": entry.id, "version": number}
        waiting = entry.versions[-1].job_id
        if waiting is not None and self.job(waiting, tenant_id=entry.tenant_id).state is JobState.QUEUED:
            return self._replace_payload(waiting, payload)
        return self.submit(KIND, payload, tenant_id=entry.tenant_id)[0]

    def predictor(self, predictor_id: str, *, tenant_id: str = "default") -> StoredPredictor:
        with self._lock:
            return self._public(self._mine(predictor_id, tenant_id))

    def predictors(
        self,
        *,
        tenant_id: str = "default",
        after: str | None = None,
        limit: int = 20,
        space: str | None = None,
        key: str | None = None,
        kind: str | None = None,
        trained: bool = False,
    ) -> tuple[list[StoredPredictor], bool]:
        if after is not None and not is_id(after):
            raise NotFound("the cursor is not a predictor's id")
        limit = min(max(limit, 1), 100)
        with self._lock:
            found = [
                self._public(entry)
                for name, entry in sorted(self._trained.items(), reverse=True)
                if entry.tenant_id == tenant_id
                and (after is None or name < after)
                and space in (None, entry.spec.space)
                and key in (None, entry.spec.key)
                and kind in (None, entry.spec.kind)
                and (not trained or any(version.model for version in entry.versions))
            ]
        return found[:limit], len(found) > limit

    def labels(self, predictor_id: str, version: int, *, tenant_id: str = "default") -> list[Label]:
        with self._lock:
            texts = self._mine(predictor_id, tenant_id).observations[:version]
        return [label for text in texts for label in read_observations(text)]

    def delete_predictor(self, predictor_id: str, *, tenant_id: str = "default") -> None:
        with self._lock:
            entry = self._mine(predictor_id, tenant_id)
            del self._trained[predictor_id]
            for version in entry.versions:
                if version.job_id is not None:
                    self.cancel(version.job_id, tenant_id=tenant_id)

    # parts
    def _mine(self, predictor_id: str, tenant_id: str) -> _Trained:
        entry = self._trained.get(predictor_id)
        if entry is None or entry.tenant_id != tenant_id:
            raise NotFound(f"no predictor {strict_json.clean(predictor_id, 64)!r}")
        return entry

    def _add(self, entry: _Trained, text: str, labels: int, job_id: str | None, at: datetime) -> None:
        number = len(entry.versions) + 1
        entry.versions.append(Version(number, labels, job_id, None, None, None, {}, at, None))
        entry.observations.append(text)

    def _keep(self, trained: TrainedVersion, tenant_id: str) -> None:
        """Notes what a training gave; nothing happens where the predictor is gone."""
        entry = self._trained.get(trained.predictor_id)
        if entry is None or entry.tenant_id != tenant_id:
            return
        version = entry.versions[trained.version - 1]
        if version.model is None:
            about = strict_json.load(strict_json.dump(trained.about))
            at = datetime.fromtimestamp(self._clock(), UTC)
            entry.versions[trained.version - 1] = replace(
                version, model=trained.model, about=about, trained_at=at
            )

    def _public(self, entry: _Trained) -> StoredPredictor:
        ready = [version for version in entry.versions if version.model is not None]
        current = self._with_job(entry, ready[-1]) if ready else None
        latest = self._with_job(entry, entry.versions[-1])
        return StoredPredictor(entry.id, entry.tenant_id, entry.spec, entry.created_at, latest, current)

    def _with_job(self, entry: _Trained, version: Version) -> Version:
        if version.job_id is None:
            return version
        job = self.job(version.job_id, tenant_id=entry.tenant_id)
        return replace(version, job_state=job.state, reason=job.reason)
