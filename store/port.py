"""The store: every fact about jobs, behind one interface that a database adapter fills.

The database is the truth; the broker only carries "job X is ready". Adapters:
:class:`store.memory.MemoryStore` (tests, one process) and :class:`store.sql.SqlStore` (SQLite, PostgreSQL).
``tests/store/test_contract.py`` holds all of them to the same suite.

All times and lease expiries come from the store's own clock (the database's), never from the caller's.
Every method may raise :class:`store.jobs.job.StoreUnavailable` and, where it writes,
:class:`store.jobs.job.StoreFull`.
"""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence

from spaces.metric import Observation
from store.batches.port import BatchStore
from store.blobs.references_port import ReferenceStore
from store.database.ids import Named
from store.datasets.port import DatasetStore
from store.devices.port import DeviceStore
from store.evaluations.port import EvaluationStore
from store.external.port import ExternalStore
from store.jobs.job import Event, Job, JobState, Lease, OutboxRow
from store.jobs.place import ALL, Takes
from store.networks.network import TrainedNetwork
from store.networks.port import NetworkStore
from store.predictors.port import PredictorStore
from store.predictors.predictor import TrainedVersion
from store.spaces.port import SpaceStore
from store.studies.port import StudyStore
from store.tasks.port import TaskStore

WORKER = "worker:"
"""What the roles begin with by which workers announce themselves."""


class Store(
    BatchStore,
    DatasetStore,
    DeviceStore,
    PredictorStore,
    NetworkStore,
    StudyStore,
    SpaceStore,
    TaskStore,
    EvaluationStore,
    ExternalStore,
    ReferenceStore,
):
    """Jobs and batches with all they leave; roles, devices, predictors, networks, studies, spaces, tasks."""

    # what a client does
    @abstractmethod
    def submit(
        self,
        kind: str,
        payload: Mapping[str, object],
        *,
        tenant_id: str = "default",
        idempotency_key: str | None = None,
        total: int = 0,
        retry_of: str | None = None,
    ) -> tuple[Job, bool]:
        """Creates a queued job and its outbox row in one transaction.

        Args:
            kind: which handler does it.
            payload: plain JSON for the handler.
            idempotency_key: unique for each tenant; the same key with the same content gives the job that
                it created before.
            total: steps in all, where known.
            retry_of: id of the tenant's job that this one repeats.

        Returns:
            The job, and whether this call created it.

        Raises:
            IdempotencyConflict: the key was used with another kind or payload.
            InvalidJson: the payload holds NaN, an infinity or something that JSON does not know.
            NotFound: ``retry_of`` names no job of this tenant.
        """

    @abstractmethod
    def job(self, job_id: str, *, tenant_id: str = "default") -> Job:
        """The job of an id.

        Raises:
            NotFound: no such job, or another tenant's.
        """

    @abstractmethod
    def ids_beginning(
        self, what: Named, beginning: str, *, tenant_id: str = "default", limit: int = 5
    ) -> list[str]:
        """The tenant's ids of a sort that begin with a text of at least four characters, newest first.

        None for another tenant's, for a shorter text, and for what begins no id.
        """

    @abstractmethod
    def jobs(
        self,
        *,
        tenant_id: str = "default",
        after: str | None = None,
        limit: int = 20,
        state: JobState | None = None,
        parent_id: str | None = None,
    ) -> tuple[list[Job], bool]:
        """A page of the tenant's jobs, newest first: those of a batch, or those that are in none.

        Args:
            after: id of the last job of the page before.
            limit: 1 to 100.
            state: only jobs in this state.
            parent_id: only the jobs that this batch ordered; None: jobs that no batch ordered.

        Returns:
            The jobs, and whether there are more.

        Raises:
            NotFound: ``after`` is not written like a job's id.
        """

    @abstractmethod
    def cancel(self, job_id: str, *, tenant_id: str = "default") -> Job:
        """Asks that a job stop: a queued one is cancelled at once, a running one becomes ``cancelling``.

        A job that has already ended is returned as it is. Of a batch, the queued children are cancelled at
        once and the running ones asked to stop; it ends when the last of them has.

        Raises:
            NotFound: no such job, or another tenant's.
        """

    @abstractmethod
    def events(
        self, job_id: str, *, tenant_id: str = "default", after: int = 0, limit: int = 500
    ) -> list[Event]:
        """The job's events with ids above ``after``, in order, at most ``limit``.

        Raises:
            NotFound: no such job, or another tenant's.
        """

    @abstractmethod
    def last_events(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """Ids of the newest events of many jobs at once, 0 for a job that has none.

        Args:
            keys: (tenant, job id) of each.

        Returns:
            A number for each job that is there; jobs of other tenants are not.
        """

    @abstractmethod
    def result(self, job_id: str, *, tenant_id: str = "default") -> dict[str, object] | None:
        """What the job's handler returned; None while there is none, or where the job ended without one.

        Raises:
            NotFound: no such job, or another tenant's.
        """

    # what a worker does
    @abstractmethod
    def claim(self, job_id: str, *, worker: str, lease_seconds: float) -> Lease | None:
        """Takes a queued job: it is running, its attempt counted, all committed before this returns.

        Exactly one of any number of callers gets the lease. None where the job is not queued, taken by
        another, or unknown: whatever message brought the caller here was a duplicate.
        """

    @abstractmethod
    def claim_next(
        self, job_id: str, *, worker: str, lease_seconds: float, takes: Takes = ALL
    ) -> Lease | None:
        """As :meth:`claim`, but takes the queued job whose turn it is, see :mod:`store.jobs.fair_share`.

        Among the tenant's jobs those of the highest priority go first (:mod:`store.jobs.place`).

        Messages only say that one more job waits. Where the job taken had no message of its own yet, the one
        that ``job_id`` names, whose message was used for it, is sent another.

        Args:
            job_id: what the message that woke the worker names.
            takes: of which queues; where none of these has a job, the message is sent again for others.

        Returns:
            None where nothing is queued that the worker takes.
        """

    @abstractmethod
    def leased(self, lease: Lease) -> Job:
        """The job of a lease.

        Raises:
            LeaseLost: the lease is not the job's current one.
        """

    @abstractmethod
    def renew(self, lease: Lease, lease_seconds: float) -> bool:
        """Extends a lease to ``lease_seconds`` from now; returns whether cancelling is asked for.

        A lease that expired but that nobody took yet may still be renewed.

        Raises:
            LeaseLost: the lease is not the job's current one.
        """

    @abstractmethod
    def record(
        self,
        lease: Lease,
        *,
        kind: str,
        data: Mapping[str, object],
        done: int | None = None,
        total: int | None = None,
        message: str | None = None,
        observations: Sequence[Observation] = (),
        advances: bool = False,
    ) -> int:
        """Stores an event, the job's progress and new observations in one transaction.

        An observation is unique for each (job, architecture, fidelity): one that is already there is
        left as it is. Progress fields that are None stay as they are. An attempt that stores a new
        observation, or says that it ``advances`` (a successor would begin further on, at a checkpoint),
        does not count towards those that fail the job.

        Returns:
            The event's id.

        Raises:
            LeaseLost: the lease is not the job's current one; nothing was stored.
            InvalidJson: the data or a value is NaN, infinite or not JSON; nothing was stored.
        """

    @abstractmethod
    def finish(
        self,
        lease: Lease,
        state: JobState,
        *,
        result: Mapping[str, object] | None = None,
        reason: str | None = None,
        trained: TrainedVersion | TrainedNetwork | None = None,
    ) -> Job:
        """Ends a running job in a terminal state, with at most one result row.

        What a training gave becomes its predictor's version, or its network's weights, in the same
        transaction; where that was deleted meanwhile, nothing is kept of it. Repeating the call with the same
        lease and state is harmless: the first result stays.

        Raises:
            LeaseLost: the lease is not the job's current one; nothing was stored.
            IllegalMove: ``state`` is not terminal.
            InvalidJson: the result holds NaN, an infinity or something that JSON does not know.
        """

    @abstractmethod
    def hand_back(self, lease: Lease) -> Job:
        """Gives a running job back, uncharged: queued again, with an outbox row, its attempt not counted.

        Where cancelling was asked for, the job is cancelled instead.

        Raises:
            LeaseLost: the lease is not the job's current one.
        """

    @abstractmethod
    def observations(self, job_id: str) -> list[Observation]:
        """The job's observations in the order in which they were stored; empty for an unknown job."""

    # what the relay and the lease reaper do
    @abstractmethod
    def unpublished(self, limit: int = 100) -> list[OutboxRow]:
        """Outbox rows (one for each queued job) that still need to be handed to the broker, oldest first."""

    @abstractmethod
    def mark_published(self, ids: Sequence[int]) -> None:
        """Notes that the broker has accepted the messages of these outbox rows.

        A row stays until its job is queued no longer, so that a lost message can be sent again.
        """

    @abstractmethod
    def requeue_expired(self) -> list[str]:
        """Takes running jobs whose lease has expired away from their workers.

        A job is queued again (with an outbox row); where cancelling was asked for it is cancelled; after
        :data:`store.jobs.job.MAX_ATTEMPTS` attempts in a row without progress it is failed, with a reason
        that says how often its worker died.

        Returns:
            The ids of the jobs that were taken.
        """

    @abstractmethod
    def published(self, older_than_seconds: float) -> int:
        """How many queued jobs have had their message handed to the broker longer ago than this.

        The reaper compares it with the length of the broker's queue: fewer messages than such jobs means
        that some were lost.
        """

    @abstractmethod
    def republish(self, older_than_seconds: float) -> int:
        """Marks the outbox rows that :meth:`published` counts as unpublished again; returns how many.

        Duplicates are harmless: a claim is exclusive.
        """

    @abstractmethod
    def take_role(self, name: str, holder: str, lease_seconds: float) -> bool:
        """Takes or keeps a role for a time; False while another holder's time runs."""

    @abstractmethod
    def drop_role(self, name: str, holder: str) -> None:
        """Gives a role up early; nothing happens where ``holder`` does not have it."""

    @abstractmethod
    def roles(self, prefix: str = "") -> dict[str, str]:
        """Roles whose time runs, name → holder, for names that begin with ``prefix``.

        A worker announces itself by holding :data:`WORKER` and its name.
        """

    # the whole
    @abstractmethod
    def waiting(self, tenant_id: str | None = None) -> int:
        """How many jobs are queued, of one tenant or of all."""

    @abstractmethod
    def ping(self) -> None:
        """Returns when the database has answered a query.

        Raises:
            StoreUnavailable: it did not.
        """

    @abstractmethod
    def probe(self) -> None:
        """Returns when the database has committed a write.

        Raises:
            StoreUnavailable: it did not.
            StoreFull: there is no room for more.
            StoreUnusable: it is damaged, gone or cannot be written.
        """

    @abstractmethod
    def verify(self) -> None:
        """Returns when the database's file, where it is one, has been found whole; not beyond some 500 MB.

        Raises:
            StoreUnusable: it is damaged.
        """

    @abstractmethod
    def migrate(self) -> str:
        """Brings the tables to this version's schema and returns its name.

        Any number of processes may call it at once.

        Raises:
            SchemaMismatch: the database is newer than this program.
        """

    @abstractmethod
    def schema_version(self) -> str | None:
        """The schema that the database has; None for an empty one."""

    @abstractmethod
    def close(self) -> None:
        """Closes connections; the store must not be used afterwards."""
