"""Studies in memory: a part of :class:`store.memory.MemoryStore`."""

import copy
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from spaces.metric import Observation
from store.database import strict_json
from store.database.ids import is_id, new_id
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


@dataclass
class _Kept:
    """A study and all that belongs to it."""

    study: Study
    digest: str
    key: str | None
    suggestions: dict[str, Suggestion] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)
    released: dict[str, str] = field(default_factory=dict)
    """Architecture → the client who gave it back."""
    observations: dict[int, NumberedObservation] = field(default_factory=dict)
    complete: set[int] = field(default_factory=set)
    """Observations with which their architecture had every value."""
    last: int = 0


class MemoryStudies(StudyStore):
    """The store that it is mixed into brings the lock and the clock."""

    _lock: threading.RLock
    _clock: Callable[[], float]

    def __init__(self) -> None:
        self._studies: dict[str, _Kept] = {}

    def create_study(
        self,
        request: Mapping[str, object],
        *,
        tenant_id: str = "default",
        idempotency_key: str | None = None,
        most: int = 1000,
    ) -> tuple[Study, bool]:
        text, content = strict_json.dump(request), strict_json.digest(request)
        with self._lock:
            own = [kept for kept in self._studies.values() if kept.study.tenant_id == tenant_id]
            before = next((kept for kept in own if kept.key == idempotency_key is not None), None)
            if before is not None:
                if before.digest != content:
                    raise IdempotencyConflict("this idempotency key was used with other content")
                return before.study, False
            if len(own) >= most:
                raise TooManyStudies(f"there are {most} studies already")
            now = self._clock()
            at = datetime.fromtimestamp(now, UTC)
            study = Study(new_id(now), tenant_id, strict_json.load(text), at, None, 0, 0, 0, 0)
            self._studies[study.id] = _Kept(study, content, idempotency_key)
            return study, True

    def study(self, study_id: str, *, tenant_id: str = "default") -> Study:
        with self._lock:
            return self._own(study_id, tenant_id).study

    def studies(
        self, *, tenant_id: str = "default", after: str | None = None, limit: int = 20
    ) -> tuple[list[Study], bool]:
        if after is not None and not is_id(after):
            raise NotFound("the cursor is not a study's id")
        limit = min(max(limit, 1), 100)
        with self._lock:
            page = [
                kept.study
                for study_id, kept in sorted(self._studies.items(), reverse=True)
                if kept.study.tenant_id == tenant_id and (after is None or study_id < after)
            ]
        return page[:limit], len(page) > limit

    def close_study(self, study_id: str, *, tenant_id: str = "default") -> Study:
        with self._lock:
            kept = self._own(study_id, tenant_id)
            if kept.study.closed_at is None:
                at = datetime.fromtimestamp(self._clock(), UTC)
                kept.study = replace(kept.study, closed_at=at)
            return kept.study

    def delete_study(self, study_id: str, *, tenant_id: str = "default") -> None:
        with self._lock:
            self._own(study_id, tenant_id)
            del self._studies[study_id]

    def change_study(
        self, study_id: str, request: Mapping[str, object], *, tenant_id: str = "default"
    ) -> Study:
        text = strict_json.dump(request)
        with self._lock:
            kept = self._open_one(study_id, tenant_id)
            kept.study = replace(kept.study, request=strict_json.load(text))
            return kept.study

    def enqueue_suggestions(
        self, study_id: str, architectures: Sequence[str], *, tenant_id: str = "default"
    ) -> list[Suggestion]:
        with self._lock:
            kept, found = self._open_one(study_id, tenant_id), list[Suggestion]()
            gone = self._ended(kept)
            for architecture in dict.fromkeys(architectures):
                known = kept.suggestions.get(architecture)
                if known is None and architecture in gone:
                    continue
                if known is not None and (known.client_id or architecture in kept.finished):
                    continue
                if known is not None and kept.released.pop(architecture, None) is None:
                    continue
                queued = known or Suggestion(len(kept.suggestions) + 1, architecture, "")
                kept.suggestions[architecture] = queued
                found.append(queued)
            self._count(kept)
            return found

    def release_suggestions(
        self,
        study_id: str,
        client_id: str,
        architectures: Sequence[str] | None = None,
        *,
        tenant_id: str = "default",
    ) -> list[str]:
        with self._lock:
            kept = self._own(study_id, tenant_id)
            self._expire(kept)
            mine = [each.architecture for each in self._waiting(kept, client_id)]
            back = [name for name in mine if architectures is None or name in architectures]
            for architecture in back:
                kept.suggestions[architecture] = replace(kept.suggestions[architecture], client_id="")
                kept.released[architecture] = client_id
            return back

    def unfinished(
        self, study_id: str, *, client_id: str | None = None, tenant_id: str = "default"
    ) -> list[Suggestion]:
        with self._lock:
            kept = self._own(study_id, tenant_id)
            self._expire(kept)
            return self._waiting(kept, client_id)

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
        with self._lock:
            kept = self._open_one(study_id, tenant_id)
            self._expire(kept)
            self._renew(kept, {client_id}, lease_seconds)
            mine = [each.architecture for each in self._waiting(kept, client_id)][:count]
            for free in self._waiting(kept, ""):
                if len(mine) < count and kept.released.get(free.architecture) != client_id:
                    kept.suggestions[free.architecture] = replace(free, client_id=client_id)
                    kept.released.pop(free.architecture, None)
                    mine.append(free.architecture)
            gone = self._ended(kept)
            for architecture in proposals:
                if len(mine) >= count:
                    break
                if architecture not in kept.suggestions and architecture not in gone:
                    number = len(kept.suggestions) + 1
                    kept.suggestions[architecture] = Suggestion(number, architecture, client_id)
                    mine.append(architecture)
            self._renew(kept, {client_id}, lease_seconds)
            self._count(kept)
            return [kept.suggestions[architecture] for architecture in mine]

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
        for observation in observations:
            strict_json.check_observation(observation)
        with self._lock:
            kept = self._own(study_id, tenant_id)
            at = datetime.fromtimestamp(self._clock(), UTC)
            found, last, news, ended = dict(kept.observations), kept.last, 0, set[str]()
            complete = set(kept.complete)
            places: dict[tuple[str, str], list[int]] = {}
            for number, entry in found.items():
                place = entry.observation.architecture, entry.observation.fidelity
                places.setdefault(place, []).append(number)
            for index, new in enumerate(observations):
                here = places.setdefault((new.architecture, new.fidelity), [])
                taken = take_in([found[number] for number in here], new, needed, index)
                if taken is None:
                    continue
                for number in taken.replaces:
                    del found[number]
                    here.remove(number)
                # What takes the place of another one comes last.
                news, last = news + 1, last + 1
                failed = None if new.failed is None else strict_json.clean(new.failed)
                stored = replace(copy.deepcopy(taken.observation), failed=failed)
                run = f"#{last}" if taken.run is None else taken.run
                found[last] = NumberedObservation(last, stored, run, at, client_id)
                here.append(last)
                if taken.complete:
                    complete.add(last)
                if taken.ends:
                    ended.add(new.architecture)
            if len(found) > max(most, len(kept.observations)):
                raise TooManyObservations(f"more than {most:,} observations")
            kept.observations, kept.last, kept.complete = found, last, complete
            self._expire(kept)
            told = {each.architecture for each in observations}
            owners = {kept.suggestions[name].client_id for name in told & kept.suggestions.keys()}
            self._renew(kept, {*owners, client_id or ""}, lease_seconds)
            kept.finished |= ended & kept.suggestions.keys()
            self._count(kept)
            return kept.study, news

    def study_observations(
        self,
        study_id: str,
        *,
        tenant_id: str = "default",
        after: int = 0,
        limit: int | None = None,
        fidelity: str | None = None,
    ) -> list[NumberedObservation]:
        with self._lock:
            entries = self._own(study_id, tenant_id).observations.values()
            found = sorted(
                (e for e in entries if e.number > after and fidelity in (None, e.observation.fidelity)),
                key=lambda entry: entry.number,
            )
            return copy.deepcopy(found if limit is None else found[: max(limit, 1)])

    # parts
    def _own(self, study_id: str, tenant_id: str) -> _Kept:
        kept = self._studies.get(study_id)
        if kept is None or kept.study.tenant_id != tenant_id:
            raise NotFound(f"no study {strict_json.clean(study_id, 64)!r}")
        return kept

    def _ended(self, kept: _Kept) -> set[str]:
        """Architectures of which nothing more is to be evaluated."""
        return {
            entry.observation.architecture
            for number, entry in kept.observations.items()
            if number in kept.complete or entry.observation.failed is not None
        }

    def _open_one(self, study_id: str, tenant_id: str) -> _Kept:
        kept = self._own(study_id, tenant_id)
        if kept.study.closed_at is not None:
            raise StudyClosed("the study is closed")
        return kept

    def _expire(self, kept: _Kept) -> None:
        """Suggestions whose lease is over are nobody's."""
        now = datetime.fromtimestamp(self._clock(), UTC)
        for each in self._waiting(kept, None):
            if each.client_id and each.expires_at is not None and each.expires_at <= now:
                kept.suggestions[each.architecture] = replace(each, client_id="", expires_at=None)

    def _renew(self, kept: _Kept, clients: set[str], lease_seconds: float) -> None:
        until = datetime.fromtimestamp(self._clock() + lease_seconds, UTC)
        for each in self._waiting(kept, None):
            if each.client_id and each.client_id in clients:
                kept.suggestions[each.architecture] = replace(each, expires_at=until)

    def _waiting(self, kept: _Kept, client_id: str | None) -> list[Suggestion]:
        found = [
            suggestion
            for suggestion in kept.suggestions.values()
            if suggestion.architecture not in kept.finished and client_id in (None, suggestion.client_id)
        ]
        return sorted(found, key=lambda suggestion: suggestion.number)

    def _count(self, kept: _Kept) -> None:
        failed = sum(entry.observation.failed is not None for entry in kept.observations.values())
        kept.study = replace(
            kept.study,
            suggested=len(kept.suggestions),
            waiting=len(kept.suggestions) - len(kept.finished),
            observed=len(kept.observations),
            failed=failed,
        )
