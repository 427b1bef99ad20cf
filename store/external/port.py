"""The part of the store that hands evaluations to clients outside; see :class:`store.port.Store`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from store.external.evaluation import Claim, Ended, Offer


class ExternalStore(ABC):
    """Evaluations with leases and fencing, as jobs have them; times are the store's clock's."""

    @abstractmethod
    def offer_evaluation(self, offer: Offer, *, tenant_id: str = "default") -> None:
        """Offers an architecture of a design; one that was offered before stays as it is."""

    @abstractmethod
    def claim_evaluation(
        self, client_id: str, *, job_id: str | None = None, tenant_id: str = "default"
    ) -> Claim | None:
        """The evaluation that waits longest, of one design or of any that runs; None where none waits.

        Exactly one of any number of callers gets it.
        """

    @abstractmethod
    def renew_claim(self, evaluation_id: str, token: str, *, tenant_id: str = "default") -> Claim:
        """Extends a claim; one that expired and that nobody took yet may still be renewed.

        Raises:
            NotFound: no such evaluation of the tenant.
            LeaseLost: it is someone else's by now, or has ended.
        """

    @abstractmethod
    def end_evaluation(
        self, evaluation_id: str, token: str, ended: Ended, *, tenant_id: str = "default"
    ) -> bool:
        """Stores what came of a claim; whether that was news. The same token again is harmless.

        Raises:
            NotFound, LeaseLost: as :meth:`renew_claim`; nothing was stored.
        """

    @abstractmethod
    def evaluation_of_claim(self, evaluation_id: str, token: str, *, tenant_id: str = "default") -> Offer:
        """What a token's claim is of.

        Raises:
            NotFound, LeaseLost: as :meth:`renew_claim`.
        """

    @abstractmethod
    def external_results(self, job_id: str, *, tenant_id: str = "default") -> Mapping[str, Ended | None]:
        """Architecture → what came of it, None while that is not known; of a design, in the order of offers.

        Those whose attempts are used up have failed.
        """
