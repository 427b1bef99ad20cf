"""Handlers: what is done for each kind of job. A new kind is one file here with :func:`handles`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from spaces.metric import Observation
from spaces.registry import import_modules
from store.jobs.job import Job, JobState
from store.networks.network import TrainedNetwork
from store.predictors.predictor import Label, StoredPredictor, TrainedVersion
from workers.children import Children
from workers.remote_evaluations import JobRemoteEvaluations
from workers.shared_work import JobSharedWork

if TYPE_CHECKING:
    from benchmarks.tables import Tables
    from store.blobs.blobs import Blobs


class JobStopped(Exception):
    """A handler stopped because it was asked to; whether for good or to be resumed, the caller knows."""


class UnknownKind(LookupError):
    """No handler for a kind of job; never retry."""


class OnEvent(Protocol):
    """Stores one step of a job: its event, progress and observations, in one transaction."""

    def __call__(
        self,
        kind: str,
        *,
        done: int | None = None,
        total: int | None = None,
        message: str | None = None,
        data: Mapping[str, object] | None = None,
        observations: Sequence[Observation] = (),
        advances: bool = False,
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class JobContext:
    """All that a handler has: it knows neither the store nor the queue.

    Args:
        job: the job as it was when this attempt began.
        stored: what earlier attempts have measured; not to be measured again.
        on_event: stores a step before it returns; raises when the job is no longer this worker's.
        should_stop: to be asked often (every few seconds at most); when it says yes, raise
            :class:`JobStopped`. Asking it, and every event, also shows that the handler is alive.
        tables: the benchmark tables, loaded when first asked for.
        blobs: where weights are kept.
        training: a predictor of the job's tenant, and its observations up to a version.
        past: what earlier attempts recorded as events of a kind, the oldest first.
        children: jobs that this one orders.
        cancelled: whether someone asked to cancel the job.
        shared: work that the tenant's jobs do once for all of them; None: nobody else works.
        remote: evaluations that clients outside make.
        images: folder of image data sets; None where there is none.
        cache_dir: where what can be made again is kept; None: nowhere.
    """

    job: Job
    stored: tuple[Observation, ...]
    on_event: OnEvent
    should_stop: Callable[[], bool]
    tables: "Callable[[], Tables]"
    blobs: "Callable[[], Blobs]"
    training: Callable[[str, int], tuple[StoredPredictor, list[Label]]]
    past: Callable[[str], list[dict[str, object]]]
    children: Children
    cancelled: Callable[[], bool]
    images: Path | None = None
    cache_dir: Path | None = None
    shared: JobSharedWork | None = None
    remote: JobRemoteEvaluations | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a handler ended: ``succeeded`` or ``infeasible``; a failure is an exception instead.

    ``trained`` is what a training gave; it is stored in the same transaction as the result.
    """

    state: JobState
    result: Mapping[str, object]
    reason: str | None = None
    trained: TrainedVersion | TrainedNetwork | None = None


Handler = Callable[[JobContext], Outcome]
_HANDLERS: dict[str, Handler] = {}


def handles(kind: str) -> Callable[[Handler], Handler]:
    """Decorator: makes a function the handler of a kind of job."""

    def register(handler: Handler) -> Handler:
        _HANDLERS[kind] = handler
        return handler

    return register


def handler_of(kind: str) -> Handler:
    """The handler of a kind.

    Raises:
        UnknownKind: there is none.
    """
    import_modules("workers.handlers")
    if kind not in _HANDLERS:
        raise UnknownKind(f"no handler for jobs of kind {kind!r}")
    return _HANDLERS[kind]
