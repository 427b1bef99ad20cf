"""Studies on a database: a part of :class:`store.sql.SqlStore`.

A study's row is locked first, so that numbers have one order and no two clients take one architecture.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Update, delete, func, insert, select, update

from spaces.metric import Observation
from store.database import strict_json
from store.database.ids import is_id, new_id
from store.database.rows import utc
from store.database.tables import studies, study_observations, study_suggestions
from store.database.transactions import SqlTransactions
from store.jobs.job import IdempotencyConflict, NotFound
from store.studies.port import StudyStore
from store.studies.study import (
    LEASE_SECONDS,
    NumberedObservation,
    Study,
    StudyClosed,
    Suggestion,
    TooManyObservations,
    TooManyStudies,
    take_in,
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

    def change_study(
        self, study_id: str, request: Mapping[str, object], *, tenant_id: str = "default"
    ) -> Study:
        text = strict_json.dump(request)
        with self._write() as connection:
            self._open_one(connection, study_id, tenant_id)
            connection.execute(update(studies).where(studies.c.id == study_id).values(request=text))
            return _study(self._own(connection, study_id, tenant_id))

    def enqueue_suggestions(
        self, study_id: str, architectures: Sequence[str], *, tenant_id: str = "default"
    ) -> list[Suggestion]:
        with self._write() as connection:
            row = self._open_one(connection, study_id, tenant_id)
            now, number, found = self._now(connection), row.suggested, list[Suggestion]()
            for architecture in dict.fromkeys(architectures):
                back = (
                    update(study_suggestions)
                    .where(
                        _of(study_id, architecture),
                        study_suggestions.c.client_id == "",
                        study_suggestions.c.released_by.is_not(None),
                        study_suggestions.c.finished.is_(False),
                    )
                    .values(released_by=None)
                )
                again = connection.execute(back.returning(study_suggestions)).one_or_none()
                if again is not None:
                    found.append(_suggestion(again))
                elif not self._taken(connection, study_id, architecture):
                    number += 1
                    self._suggest(connection, study_id, tenant_id, architecture, number, "", now, None)
                    found.append(Suggestion(number, architecture, ""))
            self._suggested(connection, row, number)
            return found

    def release_suggestions(
        self,
        study_id: str,
        client_id: str,
        architectures: Sequence[str] | None = None,
        *,
        tenant_id: str = "default",
    ) -> list[str]:
        with self._write() as connection:
            self._own(connection, study_id, tenant_id, lock=True)
            self._expire(connection, study_id, self._now(connection))
            mine = [each.architecture for each in self._unfinished(connection, study_id, client_id)]
            back = [name for name in mine if architectures is None or name in architectures]
            for chunk in _chunks(back):
                where = study_suggestions.c.architecture.in_(chunk)
                values = {"client_id": "", "expires_at": None, "released_by": client_id}
                connection.execute(_waiting(study_id).where(where).values(values))
            return back

    def unfinished(
        self, study_id: str, *, client_id: str | None = None, tenant_id: str = "default"
    ) -> list[Suggestion]:
        with self._read() as connection:
            self._own(connection, study_id, tenant_id)
            now = self._now(connection)
            found = self._unfinished(connection, study_id, None)
        alive = [_unless_expired(each, now) for each in found]
        return [each for each in alive if client_id in (None, each.client_id)]

    def take_suggestions(
        self,
        study_id: str,
        client_id: str,
        count: int,
        proposals: Sequence[str],
        *,
        lease_seconds: float = LEASE_SECONDS,
        tenant_id: str = "default",
    ) -> list[Suggestion]:
        with self._write() as connection:
            row = self._open_one(connection, study_id, tenant_id)
            number, now = row.suggested, self._now(connection)
            self._expire(connection, study_id, now)
            until = now + lease_seconds
            of_client = study_suggestions.c.client_id == client_id
            connection.execute(_waiting(study_id).where(of_client).values(expires_at=until))
            mine = self._unfinished(connection, study_id, client_id)[:count]
            mine += self._adopt(connection, study_id, client_id, count - len(mine), until)
            for architecture in dict.fromkeys(proposals):
                if len(mine) >= count:
                    break
                if self._taken(connection, study_id, architecture):
                    continue
                number += 1
                self._suggest(
                    connection, study_id, row.tenant_id, architecture, number, client_id, now, until
                )
                mine.append(Suggestion(number, architecture, client_id, utc(until)))
            self._suggested(connection, row, number)
            return mine

    def observe_study(
        self,
        study_id: str,
        observations: Sequence[Observation],
        *,
        needed: Collection[str] = (),
        client_id: str | None = None,
        lease_seconds: float = LEASE_SECONDS,
        tenant_id: str = "default",
        most: int = 150_000,
    ) -> tuple[Study, int]:
        # Everything that needs no lock is done before there is one: others wait for it.
        for observation in observations:
            strict_json.check_observation(observation)
        with self._write() as connection:
            row = self._own(connection, study_id, tenant_id, lock=True)
            now, number = self._now(connection), row.last_observation
            names = list(dict.fromkeys(given.architecture for given in observations))
            known, new = self._known(connection, study_id, names), dict[int, dict[str, object]]()
            stored = {entry.number for entries in known.values() for entry in entries}
            counts = {"waiting": row.waiting, "observed": row.observed, "failed": row.failed}
            news, ended, gone = 0, list[str](), list[int]()
            for index, given in enumerate(observations):
                here = known.setdefault((given.architecture, given.fidelity), [])
                taken = take_in(here, given, needed, index)
                if taken is None:
                    continue
                news, number = news + 1, number + 1
                replaced = [entry for entry in here if entry.number in taken.replaces]
                for entry in replaced:
                    here.remove(entry)
                    new.pop(entry.number, None)
                gone += [entry.number for entry in replaced if entry.number in stored]
                counts["observed"] += 1 - len(replaced)
                counts["failed"] += (given.failed is not None) - sum(
                    entry.observation.failed is not None for entry in replaced
                )
                run = f"#{number}" if taken.run is None else taken.run
                here.append(NumberedObservation(number, taken.observation, run))
                place = {"study_id": study_id, "tenant_id": tenant_id, "number": number, "at": now}
                place |= {"run": run, "client_id": client_id, "complete": taken.complete}
                new[number] = place | _columns(taken.observation)
                if taken.ends:
                    ended.append(given.architecture)
            if counts["observed"] > max(most, row.observed):
                raise TooManyObservations(f"more than {most:,} observations")
            for chunk in _chunks(gone):
                numbers = study_observations.c.number.in_(chunk)
                connection.execute(
                    delete(study_observations).where(study_observations.c.study_id == study_id, numbers)
                )
            if new:
                connection.execute(insert(study_observations), list(new.values()))
            self._expire(connection, study_id, now)
            self._renew_owners(connection, study_id, client_id, names, now + lease_seconds)
            counts["waiting"] -= self._finish(connection, study_id, ended)
            connection.execute(
                update(studies).where(studies.c.id == study_id).values(counts | {"last_observation": number})
            )
            return _study(self._own(connection, study_id, tenant_id)), news

    def study_observations(
        self,
        study_id: str,
        *,
        tenant_id: str = "default",
        after: int = 0,
        limit: int | None = None,
        fidelity: str | None = None,
    ) -> list[NumberedObservation]:
        query = (
            select(study_observations)
            .where(
                study_observations.c.study_id == study_id,
                study_observations.c.number > min(max(after, 0), 2**62),
            )
            .order_by(study_observations.c.number)
        )
        if fidelity is not None:
            query = query.where(study_observations.c.fidelity == fidelity)
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

    def _open_one(self, connection: Connection, study_id: str, tenant_id: str) -> Any:
        """The locked row of a study that is not closed."""
        row = self._own(connection, study_id, tenant_id, lock=True)
        if row.closed_at is not None:
            raise StudyClosed("the study is closed")
        return row

    def _suggest(
        self,
        connection: Connection,
        study_id: str,
        tenant_id: str,
        architecture: str,
        number: int,
        client_id: str,
        now: float,
        until: float | None,
    ) -> None:
        row = {"study_id": study_id, "tenant_id": tenant_id, "architecture": architecture, "number": number}
        row |= {"client_id": client_id, "finished": False, "at": now, "expires_at": until}
        connection.execute(insert(study_suggestions).values(row))

    def _suggested(self, connection: Connection, row: Any, number: int) -> None:
        """Counts what was suggested up to a number."""
        values = {"suggested": number, "waiting": row.waiting + number - row.suggested}
        if number != row.suggested:
            connection.execute(update(studies).where(studies.c.id == row.id).values(values))

    def _expire(self, connection: Connection, study_id: str, now: float) -> None:
        """Suggestions whose lease is over are nobody's."""
        over = (study_suggestions.c.client_id != "") & (study_suggestions.c.expires_at <= now)
        connection.execute(_waiting(study_id).where(over).values(client_id="", expires_at=None))

    def _adopt(
        self, connection: Connection, study_id: str, client_id: str, count: int, until: float
    ) -> list[Suggestion]:
        """Up to ``count`` suggestions that are nobody's and that the client did not give back himself."""
        if count < 1:
            return []
        by_others = study_suggestions.c.released_by.is_(None) | (study_suggestions.c.released_by != client_id)
        query = (
            select(study_suggestions)
            .where(
                study_suggestions.c.study_id == study_id,
                study_suggestions.c.finished.is_(False),
                study_suggestions.c.client_id == "",
                by_others,
            )
            .order_by(study_suggestions.c.number)
            .limit(count)
        )
        found = [_suggestion(row) for row in connection.execute(query)]
        for chunk in _chunks([each.architecture for each in found]):
            values = {"client_id": client_id, "expires_at": until, "released_by": None}
            where = study_suggestions.c.architecture.in_(chunk)
            connection.execute(_waiting(study_id).where(where).values(values))
        return [replace(each, client_id=client_id, expires_at=utc(until)) for each in found]

    def _renew_owners(
        self, connection: Connection, study_id: str, client_id: str | None, told: Sequence[str], until: float
    ) -> None:
        """The leases of a client, and of everyone whose suggestions were told, begin anew."""
        alive = _waiting(study_id).where(study_suggestions.c.client_id != "").values(expires_at=until)
        if client_id is not None:
            connection.execute(alive.where(study_suggestions.c.client_id == client_id))
        for chunk in _chunks(told):
            owners = select(study_suggestions.c.client_id).where(
                study_suggestions.c.study_id == study_id, study_suggestions.c.architecture.in_(chunk)
            )
            connection.execute(alive.where(study_suggestions.c.client_id.in_(owners)))

    def _unfinished(self, connection: Connection, study_id: str, client_id: str | None) -> list[Suggestion]:
        query = select(study_suggestions).where(
            study_suggestions.c.study_id == study_id, study_suggestions.c.finished.is_(False)
        )
        if client_id is not None:
            query = query.where(study_suggestions.c.client_id == client_id)
        rows = connection.execute(query.order_by(study_suggestions.c.number))
        return [_suggestion(row) for row in rows]

    def _taken(self, connection: Connection, study_id: str, architecture: str) -> bool:
        """Whether an architecture was suggested, or has ended."""
        suggested = select(study_suggestions.c.number).where(_of(study_id, architecture))
        observed = select(study_observations.c.number).where(
            study_observations.c.study_id == study_id,
            study_observations.c.architecture == architecture,
            study_observations.c.complete | study_observations.c.failed.is_not(None),
        )
        return any(connection.execute(query.limit(1)).first() for query in (suggested, observed))

    def _known(
        self, connection: Connection, study_id: str, architectures: Sequence[str]
    ) -> dict[tuple[str, str], list[NumberedObservation]]:
        """What was observed of these architectures, by architecture and fidelity."""
        found: dict[tuple[str, str], list[NumberedObservation]] = {}
        for chunk in _chunks(architectures):
            query = select(study_observations).where(
                study_observations.c.study_id == study_id, study_observations.c.architecture.in_(chunk)
            )
            for row in connection.execute(query.order_by(study_observations.c.number)):
                found.setdefault((row.architecture, row.fidelity), []).append(_observation(row))
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


def _of(study_id: str, architecture: str) -> ColumnElement[bool]:
    """The suggestion of an architecture."""
    return (study_suggestions.c.study_id == study_id) & (study_suggestions.c.architecture == architecture)


def _waiting(study_id: str) -> Update:
    """A change of unfinished suggestions of a study."""
    where = (study_suggestions.c.study_id == study_id) & study_suggestions.c.finished.is_(False)
    return update(study_suggestions).where(where)


def _suggestion(row: Any) -> Suggestion:
    until = None if row.expires_at is None else utc(row.expires_at)
    return Suggestion(row.number, row.architecture, row.client_id, until)


def _unless_expired(suggestion: Suggestion, now: float) -> Suggestion:
    until = suggestion.expires_at
    return suggestion if until is None or until > utc(now) else replace(suggestion, client_id="")


def _columns(given: Observation) -> dict[str, object]:
    """An observation as it is stored."""
    return {
        "architecture": given.architecture,
        "fidelity": given.fidelity,
        "values": strict_json.dump(given.values),
        "source": given.source,
        "failed": None if given.failed is None else strict_json.clean(given.failed),
        "seconds": given.seconds,
        "details": strict_json.dump(given.details) if given.details else None,
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
            details={} if row.details is None else strict_json.load(row.details),
        ),
        row.run,
        utc(row.at),
        row.client_id,
    )
