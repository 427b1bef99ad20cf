"""Studies on a database: a part of :class:`store.sql.SqlStore`.

A study's row is locked first, so that numbers have one order and no two clients take one architecture.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from spaces.metric import Observation
from store.database import strict_json
from store.database.ids import is_id, new_id
from store.database.rows import utc
from store.database.tables import studies, study_observations, study_suggestions
from store.database.transactions import SqlTransactions
from store.jobs.job import IdempotencyConflict, NotFound
from store.studies.port import StudyStore
from store.studies.study import (
    FULL,
    NumberedObservation,
    Study,
    StudyClosed,
    Suggestion,
    TooManyObservations,
    TooManyStudies,
    ends_suggestion,
    is_news,
)

T = TypeVar("T")
CHUNK = 500
"""Values that one statement names at most: SQLite and PostgreSQL bound their parameters."""


class SqlStudies(SqlTransactions, StudyStore):
    """The statements about studies."""

    def create_study(
        self,
        request: Mapping[str, object],
        *,
        tenant_id: str = "default",
        idempotency_key: str | None = None,
        most: int = 1000,
    ) -> tuple[Study, bool]:
        text, content = strict_json.dump(request), strict_json.digest(request)
        key = None if idempotency_key is None else strict_json.digest({"key": idempotency_key})
        with self._write() as connection:
            self._one_at_a_time(connection, f"studies of {tenant_id}")
            now = self._now(connection)
            created = connection.execute(
                self._insert_or_ignore(studies)
                .values(
                    id=new_id(now),
                    tenant_id=tenant_id,
                    request=text,
                    digest=content,
                    idempotency_digest=key,
                    created_at=now,
                    suggested=0,
                    waiting=0,
                    observed=0,
                    failed=0,
                    last_observation=0,
                )
                .returning(studies)
            ).one_or_none()
            if created is None:
                where = (studies.c.tenant_id == tenant_id) & (studies.c.idempotency_digest == key)
                before = connection.execute(select(studies).where(where)).one()
                if before.digest != content:
                    raise IdempotencyConflict("this idempotency key was used with other content")
                return _study(before), False
            count = select(func.count()).select_from(studies).where(studies.c.tenant_id == tenant_id)
            if connection.execute(count).scalar_one() > most:
                raise TooManyStudies(f"there are {most} studies already")
            return _study(created), True

    def study(self, study_id: str, *, tenant_id: str = "default") -> Study:
        with self._read() as connection:
            return _study(self._own(connection, study_id, tenant_id))

    def studies(
        self, *, tenant_id: str = "default", after: str | None = None, limit: int = 20
    ) -> tuple[list[Study], bool]:
        limit = min(max(limit, 1), 100)
        query = select(studies).where(studies.c.tenant_id == tenant_id)
        if after is not None:
            if not is_id(after):
                raise NotFound("the cursor is not a study's id")
            query = query.where(studies.c.id < after)
        with self._read() as connection:
            page = [
                _study(row)
                for row in connection.execute(query.order_by(studies.c.id.desc()).limit(limit + 1))
            ]
        return page[:limit], len(page) > limit

    def close_study(self, study_id: str, *, tenant_id: str = "default") -> Study:
        with self._write() as connection:
            row = self._own(connection, study_id, tenant_id, lock=True)
            if row.closed_at is None:
                closed = {"closed_at": self._now(connection)}
                connection.execute(update(studies).where(studies.c.id == study_id).values(closed))
            return _study(self._own(connection, study_id, tenant_id))

    def delete_study(self, study_id: str, *, tenant_id: str = "default") -> None:
        with self._write() as connection:
            self._one_at_a_time(connection, f"studies of {tenant_id}")
            self._own(connection, study_id, tenant_id, lock=True)
            connection.execute(delete(studies).where(studies.c.id == study_id))

    def unfinished(
        self, study_id: str, *, client_id: str | None = None, tenant_id: str = "default"
    ) -> list[Suggestion]:
        with self._read() as connection:
            self._own(connection, study_id, tenant_id)
            return self._unfinished(connection, study_id, client_id)

    def take_suggestions(
        self,
        study_id: str,
        client_id: str,
        count: int,
        proposals: Sequence[str],
        *,
        tenant_id: str = "default",
    ) -> list[Suggestion]:
        with self._write() as connection:
            row = self._own(connection, study_id, tenant_id, lock=True)
            if row.closed_at is not None:
                raise StudyClosed("the study is closed")
            mine = self._unfinished(connection, study_id, client_id)[:count]
            number, now = row.suggested, self._now(connection)
            for architecture in dict.fromkeys(proposals):
                if len(mine) >= count:
                    break
                if self._taken(connection, study_id, architecture):
                    continue
                number += 1
                connection.execute(
                    insert(study_suggestions).values(
                        study_id=study_id,
                        architecture=architecture,
                        tenant_id=tenant_id,
                        number=number,
                        client_id=client_id,
                        finished=False,
                        at=now,
                    )
                )
                mine.append(Suggestion(number, architecture, client_id))
            new = number - row.suggested
            values = {"suggested": number, "waiting": row.waiting + new}
            connection.execute(update(studies).where(studies.c.id == study_id).values(values))
            return mine

    def observe_study(
        self,
        study_id: str,
        observations: Sequence[Observation],
        *,
        tenant_id: str = "default",
        most: int = 150_000,
    ) -> tuple[Study, int]:
        # Everything that needs no lock is done before there is one: others wait for it.
        for observation in observations:
            strict_json.check_observation(observation)
        rows = [_row(study_id, tenant_id, given) for given in observations]
        with self._write() as connection:
            row = self._own(connection, study_id, tenant_id, lock=True)
            now, number = self._now(connection), row.last_observation
            before = self._known(connection, study_id, [given.architecture for given in observations])
            known, new = dict(before), {}
            counts = {"waiting": row.waiting, "observed": row.observed, "failed": row.failed}
            news, ended = 0, []
            for index, given in enumerate(observations):
                place = (given.architecture, given.fidelity)
                last = known.get(place)
                if not is_news(None if last is None else last.observation, given, index):
                    continue
                news, number = news + 1, number + 1
                counts["observed"] += last is None
                counts["failed"] += (given.failed is not None) - (last is not None)
                known[place] = NumberedObservation(number, given)
                new[place] = rows[index] | {"number": number, "at": now}
                if ends_suggestion(given):
                    ended.append(given.architecture)
            if counts["observed"] > max(most, row.observed):
                raise TooManyObservations(f"more than {most:,} observations")
            replaced = [before[place].number for place in new if place in before]
            for chunk in _chunks(replaced):
                numbers = study_observations.c.number.in_(chunk)
                connection.execute(
                    delete(study_observations).where(study_observations.c.study_id == study_id, numbers)
                )
            if new:
                connection.execute(insert(study_observations), list(new.values()))
            counts["waiting"] -= self._finish(connection, study_id, ended)
            connection.execute(
                update(studies).where(studies.c.id == study_id).values(counts | {"last_observation": number})
            )
            return _study(self._own(connection, study_id, tenant_id)), news

    def study_observations(
        self, study_id: str, *, tenant_id: str = "default", after: int = 0, limit: int | None = None
    ) -> list[NumberedObservation]:
        query = (
            select(study_observations)
            .where(
                study_observations.c.study_id == study_id,
                study_observations.c.number > min(max(after, 0), 2**62),
            )
            .order_by(study_observations.c.number)
        )
        with self._read() as connection:
            self._own(connection, study_id, tenant_id)
            found = connection.execute(query if limit is None else query.limit(max(limit, 1)))
            return [_observation(row) for row in found]

    # parts
    def _own(self, connection: Connection, study_id: str, tenant_id: str, *, lock: bool = False) -> Any:
        query = select(studies).where(studies.c.id == study_id, studies.c.tenant_id == tenant_id)
        row = (
            connection.execute(query.with_for_update() if lock else query).one_or_none()
            if is_id(study_id)
            else None
        )
        if row is None:
            raise NotFound(f"no study {strict_json.clean(study_id, 64)!r}")
        return row

    def _unfinished(self, connection: Connection, study_id: str, client_id: str | None) -> list[Suggestion]:
        query = select(study_suggestions).where(
            study_suggestions.c.study_id == study_id, study_suggestions.c.finished.is_(False)
        )
        if client_id is not None:
            query = query.where(study_suggestions.c.client_id == client_id)
        rows = connection.execute(query.order_by(study_suggestions.c.number))
        return [Suggestion(row.number, row.architecture, row.client_id) for row in rows]

    def _taken(self, connection: Connection, study_id: str, architecture: str) -> bool:
        suggested = select(study_suggestions.c.number).where(
            study_suggestions.c.study_id == study_id, study_suggestions.c.architecture == architecture
        )
        observed = select(study_observations.c.number).where(
            study_observations.c.study_id == study_id,
            study_observations.c.architecture == architecture,
            (study_observations.c.fidelity == FULL) | study_observations.c.failed.is_not(None),
        )
        return any(connection.execute(query.limit(1)).first() for query in (suggested, observed))

    def _known(
        self, connection: Connection, study_id: str, architectures: Sequence[str]
    ) -> dict[tuple[str, str], NumberedObservation]:
        """What was observed of these architectures, by architecture and fidelity."""
        found: dict[tuple[str, str], NumberedObservation] = {}
        for chunk in _chunks(list(dict.fromkeys(architectures))):
            query = select(study_observations).where(
                study_observations.c.study_id == study_id, study_observations.c.architecture.in_(chunk)
            )
            for row in connection.execute(query):
                found[row.architecture, row.fidelity] = _observation(row)
        return found

    def _finish(self, connection: Connection, study_id: str, architectures: Sequence[str]) -> int:
        """Ends the suggestions of these architectures; how many that were."""
        ended = 0
        for chunk in _chunks(list(dict.fromkeys(architectures))):
            where = (
                (study_suggestions.c.study_id == study_id)
                & study_suggestions.c.architecture.in_(chunk)
                & study_suggestions.c.finished.is_(False)
            )
            ended += connection.execute(update(study_suggestions).where(where).values(finished=True)).rowcount
        return ended


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Parts that one statement can name."""
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))


def _row(study_id: str, tenant_id: str, given: Observation) -> dict[str, object]:
    """An observation as it is stored; its number and time are given under the lock."""
    return {
        "study_id": study_id,
        "tenant_id": tenant_id,
        "architecture": given.architecture,
        "fidelity": given.fidelity,
        "values": strict_json.dump(given.values),
        "source": given.source,
        "failed": None if given.failed is None else strict_json.clean(given.failed),
        "seconds": given.seconds,
    }


def _study(row: Row[Any]) -> Study:
    return Study(
        id=row.id,
        tenant_id=row.tenant_id,
        request=strict_json.load(row.request),
        created_at=utc(row.created_at),
        closed_at=None if row.closed_at is None else utc(row.closed_at),
        suggested=row.suggested,
        waiting=row.waiting,
        observed=row.observed,
        failed=row.failed,
    )


def _observation(row: Row[Any]) -> NumberedObservation:
    return NumberedObservation(
        row.number,
        Observation(
            architecture=row.architecture,
            values=strict_json.load(row._mapping["values"]),  # type: ignore[arg-type]
            source=row.source,
            failed=row.failed,
            fidelity=row.fidelity,
            seconds=row.seconds,
        ),
    )
