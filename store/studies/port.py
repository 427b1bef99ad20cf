"""The part of the store that keeps studies; see :class:`store.port.Store` for the rest."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence

from spaces.metric import Observation
from store.studies.study import LEASE_SECONDS, NumberedObservation, Study, Suggestion


class StudyStore(ABC):
    """Studies with their suggestions and observations.

    Every method that names a study raises :class:`store.jobs.job.NotFound` where there is none of this
    tenant.
    """

    @abstractmethod
    def create_study(
        self,
        request: Mapping[str, object],
        *,
        tenant_id: str = "default",
        idempotency_key: str | None = None,
        most: int = 1000,
    ) -> tuple[Study, bool]:
        """Stores a study; returns it, and whether this call created it.

        Args:
            request: what is searched for, plain JSON.
            idempotency_key: unique for each tenant; the same key with the same request gives the study that
                it created before.
            most: studies that the tenant may have.

        Raises:
            TooManyStudies: the tenant has that many.
            IdempotencyConflict: the key was used with another request.
            InvalidJson: the request holds NaN, an infinity or something that JSON does not know.
        """

    @abstractmethod
    def study(self, study_id: str, *, tenant_id: str = "default") -> Study:
        """The tenant's study of an id."""

    @abstractmethod
    def studies(
        self, *, tenant_id: str = "default", after: str | None = None, limit: int = 20
    ) -> tuple[list[Study], bool]:
        """A page of the tenant's studies, newest first, and whether there are more.

        Args:
            after: id of the last one of the page before.
            limit: 1 to 100.

        Raises:
            NotFound: ``after`` is not written like an id.
        """

    @abstractmethod
    def close_study(self, study_id: str, *, tenant_id: str = "default") -> Study:
        """Ends suggesting; a closed one stays as it is."""

    @abstractmethod
    def delete_study(self, study_id: str, *, tenant_id: str = "default") -> None:
        """Removes a study with all that belongs to it."""

    @abstractmethod
    def change_study(
        self, study_id: str, request: Mapping[str, object], *, tenant_id: str = "default"
    ) -> Study:
        """Puts another request in the place of an open study's; what was suggested and observed stays.

        Raises:
            StudyClosed: the study was closed.
            InvalidJson: as :meth:`create_study`.
        """

    @abstractmethod
    def enqueue_suggestions(
        self, study_id: str, architectures: Sequence[str], *, tenant_id: str = "default"
    ) -> list[Suggestion]:
        """Suggests architectures to whoever asks next, before anything new; one transaction.

        Those that were suggested, or that have ended, are left out; what came back is queued again.

        Raises:
            StudyClosed: the study was closed.
        """

    @abstractmethod
    def release_suggestions(
        self,
        study_id: str,
        client_id: str,
        architectures: Sequence[str] | None = None,
        *,
        tenant_id: str = "default",
    ) -> list[str]:
        """Gives a client's unfinished suggestions back, those named or all: the next other client gets them.

        Returns:
            the architectures that were given back
        """

    @abstractmethod
    def unfinished(
        self, study_id: str, *, client_id: str | None = None, tenant_id: str = "default"
    ) -> list[Suggestion]:
        """Suggestions without an end, of one client or of all, nobody's among them, by number."""

    @abstractmethod
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
        """The client's unfinished suggestions, filled up to ``count``: with what was enqueued, came back or
        whose lease expired, then with proposals that nobody has.

        One transaction: no architecture is two clients' at once, nor is one suggested that has ended, whoever
        else asks at the same time. All that the client has is his for another ``lease_seconds``. Fewer come
        where the proposals do not suffice.

        Raises:
            StudyClosed: the study was closed.
        """

    @abstractmethod
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
        """Stores observations, also of architectures that were never suggested; all of them or none.

        The same observation again changes nothing; see :func:`store.studies.study.take_in`. The leases of
        the client, and of those whose suggestions these are, begin anew.

        Args:
            needed: keys of the values that end an evaluation.
            client_id: who tells them.
            most: observations that the study may have.

        Returns:
            The study, and how many were news.

        Raises:
            ObservedOtherwise: a run has another value already; nothing was stored.
            TooManyObservations: the study would have more than ``most``; nothing was stored.
            InvalidJson: a value is NaN, infinite or no JSON; nothing was stored.
        """

    @abstractmethod
    def study_observations(
        self,
        study_id: str,
        *,
        tenant_id: str = "default",
        after: int = 0,
        limit: int | None = None,
        fidelity: str | None = None,
    ) -> list[NumberedObservation]:
        """Observations with numbers above ``after``, of one fidelity or of all, in their order, at most
        ``limit``."""
