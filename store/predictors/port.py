"""The part of the store that keeps what tenants train; see :class:`store.port.Store` for the rest."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from store.jobs.job import Job
from store.predictors.predictor import Label, PredictorSpec, StoredPredictor, TrainedVersion


class PredictorStore(ABC):
    """Predictors, their versions and the observations that they learn from.

    A training job's payload is ``{"predictor": id, "version": number}``; its kind is ``predictor``.
    """

    @abstractmethod
    def create_predictor(
        self,
        spec: PredictorSpec,
        labels: Sequence[Label],
        *,
        tenant_id: str = "default",
        idempotency_key: str | None = None,
        most: int = 100,
    ) -> tuple[StoredPredictor, Job, bool]:
        """Stores observations and orders the training of version 1, in one transaction.

        Args:
            most: predictors that the tenant may have.

        Returns:
            The predictor, its job, and whether this call created them.

        Raises:
            TooManyPredictors: the tenant has that many.
            IdempotencyConflict: the key was used with another order.
            NotFound: the key's predictor was deleted since.
            InvalidJson: a value is NaN or infinite; nothing was stored.
        """

    @abstractmethod
    def extend_predictor(
        self,
        predictor_id: str,
        labels: Sequence[Label],
        *,
        tenant_id: str = "default",
        idempotency_key: str | None = None,
        trained: TrainedVersion | None = None,
    ) -> tuple[StoredPredictor, Job | None]:
        """Stores further observations as a new version, in one transaction.

        Args:
            idempotency_key: unique for each predictor; a repeated call adds nothing.
            trained: the new version, where the caller has trained it already; else a job is ordered, or one
                that waits to train the version before takes this one along.

        Returns:
            The predictor, and the job that trains the version that the observations made.

        Raises:
            NotFound: no such predictor, or another tenant's.
            PredictorMoved: the version that the caller has trained is not the next one any more.
            IdempotencyConflict: the key was used with other observations.
            InvalidJson: a value is NaN or infinite; nothing was stored.
        """

    @abstractmethod
    def predictor(self, predictor_id: str, *, tenant_id: str = "default") -> StoredPredictor:
        """The tenant's predictor of an id.

        Raises:
            NotFound: no such predictor, or another tenant's.
        """

    @abstractmethod
    def predictors(
        self,
        *,
        tenant_id: str = "default",
        after: str | None = None,
        limit: int = 20,
        space: str | None = None,
        key: str | None = None,
        kind: str | None = None,
        trained: bool = False,
    ) -> tuple[list[StoredPredictor], bool]:
        """A page of the tenant's predictors, newest first, and whether there are more.

        Args:
            after: id of the last one of the page before.
            limit: 1 to 100.
            space, key, kind: only those of a space, of a quantity, of a kind.
            trained: only those that can answer.

        Raises:
            NotFound: ``after`` is not written like an id.
        """

    @abstractmethod
    def labels(self, predictor_id: str, version: int, *, tenant_id: str = "default") -> list[Label]:
        """All observations up to a version, in the order in which they came.

        Raises:
            NotFound: no such predictor, or another tenant's.
        """

    @abstractmethod
    def delete_predictor(self, predictor_id: str, *, tenant_id: str = "default") -> None:
        """Removes a predictor with its observations; asks its training to stop.

        Raises:
            NotFound: no such predictor, or another tenant's.
        """
