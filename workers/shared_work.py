"""Work that a tenant's jobs share: findings in the store, and roles that say who is at which."""

from collections.abc import Mapping
from typing import Any

from store.evaluations.port import Found
from store.jobs.job import Job
from store.port import Store
from workers.timeouts import until_reachable

HELD_SECONDS = 60.0
"""How long an announcement holds without being renewed: a killed worker's job begins again meanwhile, and the
announcement is the job's."""


class JobSharedWork:
    """One job's part in it; see :class:`search.shared_work.SharedWork`.

    Args:
        store: where findings are.
        job: whose tenant's, and who says that it is at some work.
        store_seconds: how long a store that does not answer is waited for.
    """

    def __init__(self, store: Store, job: Job, store_seconds: float) -> None:
        self._store, self._job, self._seconds = store, job, store_seconds

    def find(self, key: str) -> dict[str, Any] | None:
        """What anyone of the tenant found."""
        tenant = self._job.tenant_id
        found = until_reachable(lambda: self._store.found(key, tenant_id=tenant), self._seconds)
        return None if found is None else _named(found)

    def begin(self, key: str) -> bool:
        """Takes the work, or keeps it."""
        role = self._role(key)
        return until_reachable(lambda: self._store.take_role(role, self._job.id, HELD_SECONDS), self._seconds)

    def keep(self, key: str, found: Mapping[str, object]) -> dict[str, Any]:
        """Keeps a finding of this job."""
        job = self._job
        kept = until_reachable(
            lambda: self._store.keep_found(key, found, job_id=job.id, tenant_id=job.tenant_id), self._seconds
        )
        return _named(kept)

    def end(self, key: str) -> None:
        """Gives the work up or back."""
        role = self._role(key)
        until_reachable(lambda: self._store.drop_role(role, self._job.id), self._seconds)

    def _role(self, key: str) -> str:
        return f"evaluates:{self._job.tenant_id}:{key}"


def _named(found: Found) -> dict[str, Any]:
    return {**found.content, "origin": found.origin}
