"""Trained networks in memory: a part of :class:`store.memory.MemoryStore`."""

import threading
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from store.database import strict_json
from store.database.ids import is_id, new_id
from store.jobs.job import Job, NotFound
from store.networks.network import KIND, NetworkSpec, StoredNetwork, TooManyNetworks, TrainedNetwork
from store.networks.port import NetworkStore


@dataclass
class _Network:
    """A network and what its training gave."""

    id: str
    tenant_id: str
    spec: NetworkSpec
    job_id: str
    created_at: datetime
    trained: TrainedNetwork | None = None
    trained_at: datetime | None = None


class MemoryNetworks(NetworkStore):
    """The store that it is mixed into brings the lock, the clock and the jobs."""

    _lock: threading.RLock
    _clock: Callable[[], float]
    _keys: dict[tuple[str, str], str]
    submit: Callable[..., tuple[Job, bool]]

    def __init__(self) -> None:
        self._networks: dict[str, _Network] = {}

    @abstractmethod
    def job(self, job_id: str, *, tenant_id: str = "default") -> Job:
        """See :meth:`store.port.Store.job`."""

    @abstractmethod
    def cancel(self, job_id: str, *, tenant_id: str = "default") -> Job:
        """See :meth:`store.port.Store.cancel`."""

    def create_network(
        self,
        spec: NetworkSpec,
        *,
        tenant_id: str = "default",
        idempotency_key: str | None = None,
        total: int = 0,
        most: int = 1_000,
    ) -> tuple[StoredNetwork, Job, bool]:
        with self._lock:
            own = [entry for entry in self._networks.values() if entry.tenant_id == tenant_id]
            if len(own) >= most and (tenant_id, idempotency_key) not in self._keys:
                raise TooManyNetworks(f"there are {most} networks already")
            now = self._clock()
            network_id = new_id(now)
            job, created = self.submit(
                KIND,
                {"network": network_id, **spec.to_dict()},
                tenant_id=tenant_id,
                idempotency_key=idempotency_key,
                total=total,
                content=strict_json.digest({"kind": KIND, **spec.to_dict()}),
            )
            if created:
                at = datetime.fromtimestamp(now, UTC)
                self._networks[network_id] = _Network(network_id, tenant_id, spec, job.id, at)
            known = str(job.payload["network"])
            return self.network(known, tenant_id=tenant_id), job, created

    def network(self, network_id: str, *, tenant_id: str = "default") -> StoredNetwork:
        with self._lock:
            return self._stored_network(self._own_network(network_id, tenant_id))

    def networks(
        self, *, tenant_id: str = "default", after: str | None = None, limit: int = 20
    ) -> tuple[list[StoredNetwork], bool]:
        if after is not None and not is_id(after):
            raise NotFound("the cursor is not a network's id")
        limit = min(max(limit, 1), 100)
        with self._lock:
            found = [
                self._stored_network(entry)
                for name, entry in sorted(self._networks.items(), reverse=True)
                if entry.tenant_id == tenant_id and (after is None or name < after)
            ]
        return found[:limit], len(found) > limit

    def delete_network(self, network_id: str, *, tenant_id: str = "default") -> None:
        with self._lock:
            entry = self._own_network(network_id, tenant_id)
            del self._networks[network_id]
            self.cancel(entry.job_id, tenant_id=tenant_id)

    # parts
    def _own_network(self, network_id: str, tenant_id: str) -> _Network:
        entry = self._networks.get(network_id)
        if entry is None or entry.tenant_id != tenant_id:
            raise NotFound(f"no network {strict_json.clean(network_id, 64)!r}")
        return entry

    def _keep_network(self, trained: TrainedNetwork, tenant_id: str) -> None:
        """Notes what a training gave; nothing happens where the network is gone, or trained already."""
        entry = self._networks.get(trained.network_id)
        if entry is None or entry.tenant_id != tenant_id or entry.trained is not None:
            return
        card = strict_json.load(strict_json.dump(trained.card))
        entry.trained = TrainedNetwork(trained.network_id, trained.weights, trained.bundle, card)
        entry.trained_at = datetime.fromtimestamp(self._clock(), UTC)

    def _stored_network(self, entry: _Network) -> StoredNetwork:
        job, trained = self.job(entry.job_id, tenant_id=entry.tenant_id), entry.trained
        return StoredNetwork(
            entry.id,
            entry.tenant_id,
            entry.spec,
            entry.job_id,
            job.state,
            job.reason,
            None if trained is None else trained.weights,
            None if trained is None else trained.bundle,
            {} if trained is None else trained.card,
            entry.created_at,
            entry.trained_at,
        )
