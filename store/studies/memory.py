"""Studies in memory: a part of :class:`store.memory.MemoryStore`."""

import copy
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from spaces.metric import Observation
from store.database import strict_json
from store.database.ids import is_id, new_id
from store.jobs.job import IdempotencyConflict, NotFound
from store.studies.port import StudyStore
from store.studies.study import (
    NumberedObservation,
    Study,
    StudyClosed,
    Suggestion,
    TooManyObservations,
    TooManyStudies,
    ends_suggestion,
    is_news,
)


@dataclass
class _Kept:
    """A study and all that belongs to it."""

    study: Study
    digest: str
    key: str | None
    suggestions: dict[str, Suggestion] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)
    observations: dict[tuple[str, str], NumberedObservation] = field(default_factory=dict)
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

    def unfinished(
        self, study_id: str, *, client_id: str | None = None, tenant_id: str = "default"
    ) -> list[Suggestion]:
        with self._lock:
            return self._waiting(self._own(study_id, tenant_id), client_id)

    def take_suggestions(
        self,
        study_id: str,
        client_id: str,
        count: int,
        proposals: Sequence[str],
        *,
        tenant_id: str = "default",
    ) -> list[Suggestion]:
        with self._lock:
            kept = self._own(study_id, tenant_id)
            if kept.study.closed_at is not None:
                raise StudyClosed("the study is closed")
            mine = self._waiting(kept, client_id)[:count]
            ended = {
                entry.observation.architecture
                for entry in kept.observations.values()
                if ends_suggestion(entry.observation)
            }
            for architecture in proposals:
                if len(mine) >= count:
                    break
                if architecture in kept.suggestions or architecture in ended:
                    continue
                suggestion = Suggestion(len(kept.suggestions) + 1, architecture, client_id)
                kept.suggestions[architecture] = suggestion
                mine.append(suggestion)
            self._count(kept)
            return mine

    def observe_study(
        self,
        study_id: str,
        observations: Sequence[Observation],
        *,
        tenant_id: str = "default",
        most: int = 150_000,
    ) -> tuple[Study, int]:
        for observation in observations:
            strict_json.check_observation(observation)
        with self._lock:
            kept = self._own(study_id, tenant_id)
            found, last, news, ended = dict(kept.observations), kept.last, 0, set[str]()
            for index, new in enumerate(observations):
                place = (new.architecture, new.fidelity)
                known = found.pop(place, None)
                if not is_news(None if known is None else known.observation, new, index):
                    assert known is not None
                    found[place] = known
                    continue
                news, last = news + 1, last + 1
                failed = None if new.failed is None else strict_json.clean(new.failed)
                # A new observation comes last, also where it takes the place of a failure.
                found[place] = NumberedObservation(last, replace(copy.deepcopy(new), failed=failed))
                if ends_suggestion(new):
                    ended.add(new.architecture)
            if len(found) > max(most, len(kept.observations)):
                raise TooManyObservations(f"more than {most:,} observations")
            kept.observations, kept.last = found, last
            kept.finished |= ended & kept.suggestions.keys()
            self._count(kept)
            return kept.study, news

    def study_observations(
        self, study_id: str, *, tenant_id: str = "default", after: int = 0, limit: int | None = None
    ) -> list[NumberedObservation]:
        with self._lock:
            entries = self._own(study_id, tenant_id).observations.values()
            found = sorted((e for e in entries if e.number > after), key=lambda entry: entry.number)
            return copy.deepcopy(found if limit is None else found[: max(limit, 1)])

    # parts
    def _own(self, study_id: str, tenant_id: str) -> _Kept:
        kept = self._studies.get(study_id)
        if kept is None or kept.study.tenant_id != tenant_id:
            raise NotFound(f"no study {strict_json.clean(study_id, 64)!r}")
        return kept

    def _waiting(self, kept: _Kept, client_id: str | None) -> list[Suggestion]:
        return [
            suggestion
            for suggestion in kept.suggestions.values()
            if suggestion.architecture not in kept.finished and client_id in (None, suggestion.client_id)
        ]

    def _count(self, kept: _Kept) -> None:
        failed = sum(entry.observation.failed is not None for entry in kept.observations.values())
        kept.study = replace(
            kept.study,
            suggested=len(kept.suggestions),
            waiting=len(kept.suggestions) - len(kept.finished),
            observed=len(kept.observations),
            failed=failed,
        )
