"""The part of the store that keeps trained networks; see :class:`store.port.Store` for the rest."""

from abc import ABC, abstractmethod

from store.jobs.job import Job
from store.networks.network import NetworkSpec, StoredNetwork


class NetworkStore(ABC):
    """Networks that tenants have trained.

    A training job's payload is ``{"network": id}`` beside the specification; its kind is ``network``.
    """

    @abstractmethod
    def create_network(
        self,
        spec: NetworkSpec,
        *,
        tenant_id: str = "default",
        idempotency_key: str | None = None,
        total: int = 0,
        most: int = 1_000,
    ) -> tuple[StoredNetwork, Job, bool]:
        """Orders the training of a network, in one transaction with its row.

        Args:
            idempotency_key: unique for each tenant; the same key with the same specification gives the
                network that it ordered before.
            total: steps of the job.
            most: networks that the tenant may have.

        Returns:
            The network, its job, and whether this call created them.

        Raises:
            TooManyNetworks: the tenant has that many.
            IdempotencyConflict: the key was used with another order.
            NotFound: the key's network was deleted since.
            InvalidJson: the order holds what JSON does not know; nothing was stored.
        """

    @abstractmethod
    def network(self, network_id: str, *, tenant_id: str = "default") -> StoredNetwork:
        """The tenant's network of an id.

        Raises:
            NotFound: no such network, or another tenant's.
        """

    @abstractmethod
    def networks(
        self, *, tenant_id: str = "default", after: str | None = None, limit: int = 20
    ) -> tuple[list[StoredNetwork], bool]:
        """A page of the tenant's networks, newest first, and whether there are more.

        Args:
            after: id of the last one of the page before.
            limit: 1 to 100.

        Raises:
            NotFound: ``after`` is not written like an id.
        """

    @abstractmethod
    def delete_network(self, network_id: str, *, tenant_id: str = "default") -> None:
        """Removes a network; asks its training to stop. Its blobs go with the collector.

        Raises:
            NotFound: no such network, or another tenant's.
        """
