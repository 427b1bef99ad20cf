"""The part of the store that keeps uploaded data sets; see :class:`store.port.Store` for the rest."""

from abc import ABC, abstractmethod
from collections.abc import Collection

from store.datasets.dataset import Piece, StoredDataset
from store.jobs.job import Job


class DatasetStore(ABC):
    """Data sets of tenants. Their bytes are blobs; what is kept here is which, in which order."""

    @abstractmethod
    def begin_dataset(
        self,
        name: str,
        ending: str,
        length: int,
        *,
        sha256: str | None = None,
        tenant_id: str = "default",
        most: int = 100,
        most_bytes: int = 1 << 40,
    ) -> tuple[StoredDataset, bool]:
        """Makes room for a content; returns the data set, and whether this call created it.

        The same name, ending, length and digest again is the upload that was begun before, to be gone on
        with.

        Raises:
            DatasetExists: the tenant has another data set of this name.
            NoRoomForDataset: the tenant has ``most``, or they would have more than ``most_bytes`` together.
        """

    @abstractmethod
    def add_piece(self, name: str, offset: int, piece: Piece, *, tenant_id: str = "default") -> StoredDataset:
        """Adds a piece to the content; the last one also orders the job that reads it, in one transaction.

        Raises:
            NotFound: no such data set, or another tenant's.
            WrongOffset: the content does not end at ``offset``, or would become too long.
        """

    @abstractmethod
    def dataset(self, name: str, *, tenant_id: str = "default") -> StoredDataset:
        """The tenant's data set of a name, with its pieces.

        Raises:
            NotFound: no such data set, or another tenant's.
        """

    @abstractmethod
    def datasets(self, *, tenant_id: str = "default") -> list[StoredDataset]:
        """The tenant's data sets, by name, without their pieces."""

    @abstractmethod
    def readings(
        self, job_ids: Collection[str], *, tenant_id: str = "default"
    ) -> dict[str, tuple[Job, dict[str, object] | None]]:
        """The tenant's jobs of some ids with what each found; those that are there."""

    @abstractmethod
    def delete_dataset(self, name: str, *, tenant_id: str = "default") -> None:
        """Removes a data set; its job is cancelled, jobs that were ordered for it carry their own list.

        Raises:
            NotFound: no such data set, or another tenant's.
        """
