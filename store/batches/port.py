"""The part of the store that keeps batches; see :class:`store.port.Store` for the rest."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from store.batches.batch import BatchChild, BatchItem
from store.jobs.job import Job


class BatchStore(ABC):
    """Batches: a parent job of kind ``batch`` that no worker claims, and its children, which any worker does.

    The parent runs from its first child's claim to its last child's end; each end is an event of it (kind
    ``child``) and sets its progress to what a count over the children gives. ``cancel`` of the parent
    cancels the queued children at once and asks the running ones to stop.
    """

    @abstractmethod
    def submit_batch(
        self,
        kind: str,
        items: Sequence[BatchItem],
        *,
        tenant_id: str = "default",
        idempotency_key: str | None = None,
    ) -> tuple[Job, bool]:
        """Creates the parent, all children and their outbox rows in one transaction.

        Args:
            kind: of the children.
            items: the children, at least one, in order.
            idempotency_key: as in ``submit``, for the batch as a whole.

        Returns:
            The parent, and whether this call created it.

        Raises:
            IdempotencyConflict: the key was used with other content.
            InvalidJson: a payload or label holds NaN, an infinity or something that JSON does not know.
        """

    @abstractmethod
    def retry_batch(self, parent_id: str, *, tenant_id: str = "default") -> tuple[Job, bool]:
        """A new batch of an ended one: answered children are taken over, the others ordered again.

        Repeating the call gives the same new batch.

        Raises:
            NotFound: no such batch, or another tenant's.
            IllegalMove: it has not ended.
            NothingToRepeat: every child got its answer.
        """

    @abstractmethod
    def children(
        self,
        parent_id: str,
        *,
        tenant_id: str = "default",
        after: int = -1,
        limit: int = 20,
        results: bool = True,
    ) -> tuple[list[BatchChild], bool]:
        """A page of a batch's children in order.

        Args:
            after: position of the last child of the page before.
            limit: 1 to 1,000.
            results: whether what they gave is read too.

        Returns:
            The children, and whether there are more.

        Raises:
            NotFound: no such job, or another tenant's. A job that is no batch has no children.
        """
