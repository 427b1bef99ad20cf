"""Jobs that a job orders, so that other workers do a part of its work."""

from collections.abc import Mapping
from contextlib import suppress

from store.database import strict_json
from store.jobs.job import Job, JobState, NotFound
from store.networks.network import NetworkSpec, StoredNetwork
from store.port import Store
from workers.timeouts import until_reachable


class Children:
    """A job's own jobs, of the same tenant. Ordering one twice under one key gives the same job.

    Args:
        store: where jobs are.
        parent: the job that orders them.
        store_seconds: how long a store that does not answer is waited for.
    """

    def __init__(self, store: Store, parent: Job, store_seconds: float) -> None:
        self._store, self._parent, self._seconds = store, parent, store_seconds

    def order(self, kind: str, payload: Mapping[str, object], key: str) -> str:
        """Orders a job; returns its id."""
        parent = self._parent
        job, _ = until_reachable(
            lambda: self._store.submit(
                kind, payload, tenant_id=parent.tenant_id, idempotency_key=f"{parent.id} {key}"
            ),
            self._seconds,
        )
        return job.id

    def order_network(self, spec: NetworkSpec, key: str | None, total: int) -> tuple[str, str]:
        """Orders a network; returns its id and its job's.

        Args:
            spec: what is trained.
            key: of this job's orders; None: an equal network that another job of the tenant ordered is the
                same, unless it failed or was deleted.
            total: steps of its job.
        """
        tenant, own = self._parent.tenant_id, f"{self._parent.id} {key or 'equal network'}"

        def create(name: str) -> tuple[StoredNetwork, Job]:
            made, job, _ = self._store.create_network(
                spec, tenant_id=tenant, idempotency_key=name, total=total
            )
            return made, job

        def ordered() -> tuple[str, str]:
            if key is None:
                with suppress(NotFound):  # it was deleted
                    made, job = create(f"network {strict_json.digest(spec.to_dict())}")
                    if job.state not in (JobState.FAILED, JobState.CANCELLED):
                        return made.id, job.id
            made, job = create(own)
            return made.id, job.id

        return until_reachable(ordered, self._seconds)

    def look(self, child_id: str) -> Job:
        """A child as it is now."""
        return until_reachable(
            lambda: self._store.job(child_id, tenant_id=self._parent.tenant_id), self._seconds
        )

    def result(self, child_id: str) -> dict[str, object] | None:
        """What a child gave; None where it gave nothing."""
        return until_reachable(
            lambda: self._store.result(child_id, tenant_id=self._parent.tenant_id), self._seconds
        )

    def cancel(self, child_id: str) -> Job:
        """Asks that a child stop; one that nobody has begun is cancelled at once."""
        return until_reachable(
            lambda: self._store.cancel(child_id, tenant_id=self._parent.tenant_id), self._seconds
        )
