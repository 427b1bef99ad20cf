"""Predictors of tenants on a database: a part of :class:`store.sql.SqlStore`."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from store.database import strict_json
from store.database.ids import is_id, new_id
from store.database.rows import job_of, utc
from store.database.tables import jobs, predictor_versions, predictors
from store.database.transactions import SqlTransactions
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


class SqlPredictors(SqlTransactions, PredictorStore):
    """The statements about predictors; the store that it is mixed into brings the jobs."""

    _submit: Callable[..., tuple[Job, bool]]

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
        with self._write() as connection:
            self._one_at_a_time(connection, f"predictors of {tenant_id}")
            now = self._now(connection)
            predictor_id = new_id(now)
            job, created = self._submit(
                connection,
                KIND,
                {"predictor": predictor_id, "version": 1},
                tenant_id=tenant_id,
                idempotency_key=idempotency_key,
                content=content,
            )
            if not created:
                known = str(job.payload["predictor"])
                return self._predictor(connection, known, tenant_id), job, False
            count = select(func.count()).select_from(predictors).where(predictors.c.tenant_id == tenant_id)
            if connection.execute(count).scalar_one() >= most:
                raise TooManyPredictors(f"there are {most} predictors already")
            connection.execute(
                insert(predictors).values(
                    id=predictor_id,
                    tenant_id=tenant_id,
                    **{name: getattr(spec, name) for name in ("space", "key", "metric", "task", "device")},
                    kind=spec.kind,
                    source=None if spec.source is None else strict_json.dump(spec.source),
                    created_at=now,
                    last_version=1,
                )
            )
            self._add_version(
                connection,
                predictor_id=predictor_id,
                version=1,
                tenant_id=tenant_id,
                observations=text,
                labels=len(labels),
                digest=content,
                job_id=job.id,
                created_at=now,
            )
            return self._predictor(connection, predictor_id, tenant_id), job, True

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
        key = None if idempotency_key is None else strict_json.digest({"key": idempotency_key})
        with self._write() as connection:
            before = self._predictor(connection, predictor_id, tenant_id, lock=True)
            repeated = self._repeated(connection, predictor_id, key, content)
            if repeated is not None:
                return before, self._training(connection, repeated.job_id)
            number = before.latest.number + 1
            if trained is not None and trained.version != number:
                raise PredictorMoved(f"version {trained.version} is taken")
            now, job = self._now(connection), None
            if trained is None:
                job = self._order_version(connection, before, number)
            self._add_version(
                connection,
                predictor_id=predictor_id,
                version=number,
                tenant_id=tenant_id,
                observations=text,
                labels=before.latest.labels + len(labels),
                digest=content,
                idempotency_digest=key,
                job_id=None if job is None else job.id,
                created_at=now,
            )
            chosen = predictors.c.id == predictor_id
            connection.execute(update(predictors).where(chosen).values(last_version=number))
            if trained is not None:
                self._keep(connection, trained, tenant_id, now)
            return self._predictor(connection, predictor_id, tenant_id), job

    def _order_version(self, connection: Connection, before: StoredPredictor, number: int) -> Job:
        """The job that trains a version: one that waits to train the version before takes it along.

        Whoever ends a training locks its job, then the predictor; here it is the other way round, so a job
        that somebody holds is not waited for.
        """
        payload = {"predictor": before.id, "version": number}
        waits = (jobs.c.id == before.latest.job_id, jobs.c.state == JobState.QUEUED)
        queued = select(jobs.c.id).where(*waits).with_for_update(skip_locked=True)
        if connection.execute(queued).first() is None:
            return self._submit(connection, KIND, payload, tenant_id=before.tenant_id)[0]
        connection.execute(update(jobs).where(*waits).values(payload=strict_json.dump(payload)))
        return job_of(connection.execute(select(jobs).where(jobs.c.id == before.latest.job_id)).one())

    def predictor(self, predictor_id: str, *, tenant_id: str = "default") -> StoredPredictor:
        with self._read() as connection:
            return self._predictor(connection, predictor_id, tenant_id)

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
        limit = min(max(limit, 1), 100)
        query = _query().where(predictors.c.tenant_id == tenant_id)
        if after is not None:
            if not is_id(after):
                raise NotFound("the cursor is not a predictor's id")
            query = query.where(predictors.c.id < after)
        for column, wanted in (("space", space), ("key", key), ("kind", kind)):
            if wanted is not None:
                query = query.where(predictors.c[column] == wanted)
        if trained:
            query = query.where(predictors.c.current_version.is_not(None))
        with self._read() as connection:
            rows = connection.execute(query.order_by(predictors.c.id.desc()).limit(limit + 1)).all()
        return [_stored(row) for row in rows[:limit]], len(rows) > limit

    def labels(self, predictor_id: str, version: int, *, tenant_id: str = "default") -> list[Label]:
        query = (
            select(predictor_versions.c.observations)
            .where(predictor_versions.c.predictor_id == predictor_id, predictor_versions.c.version <= version)
            .order_by(predictor_versions.c.version)
        )
        with self._read() as connection:
            self._predictor(connection, predictor_id, tenant_id)
            texts = connection.execute(query).scalars().all()
        return [label for text in texts for label in read_observations(text)]

    def delete_predictor(self, predictor_id: str, *, tenant_id: str = "default") -> None:
        versions = predictor_versions.c
        with self._write() as connection:
            self._predictor(connection, predictor_id, tenant_id, lock=True)
            trainings = connection.execute(
                select(jobs.c.id)
                .join(predictor_versions, versions.job_id == jobs.c.id)
                .where(versions.predictor_id == predictor_id, jobs.c.finished_at.is_(None))
            ).scalars()
            unfinished = sorted(set(trainings))
            connection.execute(delete(predictors).where(predictors.c.id == predictor_id))
        for job_id in unfinished:
            self.cancel(job_id, tenant_id=tenant_id)

    # parts
    def _keep(self, connection: Connection, trained: TrainedVersion, tenant_id: str, now: float) -> None:
        """Notes what a training gave; nothing happens where the predictor is gone."""
        which = (
            predictor_versions.c.predictor_id == trained.predictor_id,
            predictor_versions.c.version == trained.version,
            predictor_versions.c.tenant_id == tenant_id,
            predictor_versions.c.model.is_(None),
        )
        about = strict_json.dump(trained.about)
        kept = connection.execute(
            update(predictor_versions).where(*which).values(model=trained.model, about=about, trained_at=now)
        )
        if kept.rowcount:
            older = predictors.c.current_version.is_(None) | (predictors.c.current_version < trained.version)
            connection.execute(
                update(predictors)
                .where(predictors.c.id == trained.predictor_id, older)
                .values(current_version=trained.version)
            )

    def _add_version(self, connection: Connection, **values: object) -> None:
        connection.execute(insert(predictor_versions).values(values))

    def _repeated(self, connection: Connection, predictor_id: str, key: str | None, content: str) -> Any:
        """The version that an earlier call with the same key made."""
        if key is None:
            return None
        versions = predictor_versions.c
        row = connection.execute(
            select(versions.digest, versions.job_id).where(
                versions.predictor_id == predictor_id, versions.idempotency_digest == key
            )
        ).one_or_none()
        if row is not None and row.digest != content:
            raise IdempotencyConflict("this idempotency key was used with other content")
        return row

    def _training(self, connection: Connection, job_id: str | None) -> Job | None:
        row = connection.execute(select(jobs).where(jobs.c.id == job_id)).one_or_none()
        return None if row is None else job_of(row)

    def _predictor(
        self, connection: Connection, predictor_id: str, tenant_id: str, *, lock: bool = False
    ) -> StoredPredictor:
        if is_id(predictor_id):
            if lock:
                connection.execute(
                    select(predictors.c.id).where(predictors.c.id == predictor_id).with_for_update()
                )
            row = connection.execute(_query().where(predictors.c.id == predictor_id)).one_or_none()
            if row is not None and row.tenant_id == tenant_id:
                return _stored(row)
        raise NotFound(f"no predictor {strict_json.clean(predictor_id, 64)!r}")


def observations_text(labels: Sequence[Label]) -> str:
    """Labels as they are stored.

    Raises:
        InvalidJson: a value is NaN or infinite.
    """
    return strict_json.dump({"observations": [[architecture, value] for architecture, value in labels]})


def read_observations(text: str) -> list[Label]:
    """What :func:`observations_text` wrote."""
    pairs = strict_json.load(text)["observations"]
    assert isinstance(pairs, list)
    return [(str(architecture), float(value)) for architecture, value in pairs]


def spec_json(spec: PredictorSpec) -> dict[str, object]:
    """A specification as plain JSON."""
    names = ("space", "key", "kind")
    return {**{name: getattr(spec, name) for name in names}, "source": spec.source}


_SHOWN = ("version", "labels", "job_id", "model", "about", "created_at", "trained_at")
_last = predictor_versions.alias("newest")
_current = predictor_versions.alias("answering")
_last_job = jobs.alias("newest_job")
_current_job = jobs.alias("answering_job")


def _query() -> Select[Any]:
    """Predictors with the version ordered last and the one that answers."""
    columns = [
        *predictors.c,
        *(
            version.c[name].label(f"{version.name}_{name}")
            for version in (_last, _current)
            for name in _SHOWN
        ),
        *(
            job.c[name].label(f"{job.name}_{name}")
            for job in (_last_job, _current_job)
            for name in ("state", "reason")
        ),
    ]
    last = (_last.c.predictor_id == predictors.c.id) & (_last.c.version == predictors.c.last_version)
    current = (_current.c.predictor_id == predictors.c.id) & (
        _current.c.version == predictors.c.current_version
    )
    return select(*columns).select_from(
        predictors.join(_last, last)
        .outerjoin(_current, current)
        .outerjoin(_last_job, _last_job.c.id == _last.c.job_id)
        .outerjoin(_current_job, _current_job.c.id == _current.c.job_id)
    )


def _stored(row: Row[Any]) -> StoredPredictor:
    source = None if row.source is None else strict_json.load(row.source)
    return StoredPredictor(
        row.id,
        row.tenant_id,
        PredictorSpec(row.space, row.key, row.metric, row.task, row.device, row.kind, source),
        utc(row.created_at),
        _version(row, "newest"),
        None if row.current_version is None else _version(row, "answering"),
    )


def _version(row: Row[Any], which: str) -> Version:
    columns = {name: getattr(row, f"{which}_{name}") for name in _SHOWN}
    state = getattr(row, f"{which}_job_state")
    trained_at = columns["trained_at"]
    return Version(
        number=columns["version"],
        labels=columns["labels"],
        job_id=columns["job_id"],
        job_state=None if state is None else JobState(state),
        reason=getattr(row, f"{which}_job_reason"),
        model=columns["model"],
        about={} if columns["about"] is None else strict_json.load(columns["about"]),
        created_at=utc(columns["created_at"]),
        trained_at=None if trained_at is None else utc(trained_at),
    )
