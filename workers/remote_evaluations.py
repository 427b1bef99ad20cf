"""Evaluations outside, as a design's worker sees them: offers and results are rows of the store."""

from collections.abc import Mapping

from spaces.metric import Observation
from store.external.evaluation import Ended, Offer
from store.jobs.job import Job
from store.port import Store
from workers.timeouts import until_reachable


class JobRemoteEvaluations:
    """One design's part in it; see :class:`search.evaluator.RemoteEvaluations`.

    An evaluation job offers for the design that ordered it: clients see one design.

    Args:
        store: where offers are.
        job: whose they are.
        store_seconds: how long a store that does not answer is waited for.
    """

    def __init__(self, store: Store, job: Job, store_seconds: float) -> None:
        self._store, self._job, self._seconds = store, job, store_seconds

    def hand_out(
        self, architecture: str, order: Mapping[str, object], lease_seconds: float, attempts: int
    ) -> None:
        """Offers an architecture, once."""
        offer = Offer(self._job.id, architecture, order, lease_seconds, attempts)
        tenant = self._job.tenant_id
        until_reachable(lambda: self._store.offer_evaluation(offer, tenant_id=tenant), self._seconds)

    def collect(self, architecture: str) -> Observation | None:
        """What came of one."""
        ended = self._results().get(architecture)
        if ended is None:
            return None
        details = {"external": {"client_id": ended.client_id, **ended.details}}
        values = dict(ended.values)
        seconds = ended.seconds
        return Observation(architecture, values, "external", ended.failed, seconds=seconds, details=details)

    def offered(self) -> list[str]:
        """Everything that was offered, in its order."""
        return list(self._results())

    def ended(self) -> set[str]:
        """What has come back."""
        return {name for name, ended in self._results().items() if ended is not None}

    def _results(self) -> Mapping[str, Ended | None]:
        job = self._job
        return until_reachable(
            lambda: self._store.external_results(job.id, tenant_id=job.tenant_id), self._seconds
        )
