"""A predictor that a tenant has trained, and its versions: plain data.

Each batch of observations makes a version. A version is *ordered* when its observations are stored, and
*trained* once its weights are: a blob, named by its SHA-256. The current version is the newest trained one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from store.jobs.job import JobState, StoreError

KIND = "predictor"
"""Of the jobs that train one."""
Label = tuple[str, float]
"""A canonical string and what was observed, in the metric's unit."""


class PredictorMoved(StoreError):
    """Further observations came in between; read the predictor again and repeat."""


class TooManyPredictors(StoreError):
    """The tenant has as many as it may; delete one first."""


@dataclass(frozen=True, slots=True)
class PredictorSpec:
    """What is to be predicted, and how.

    Args:
        space: whose architectures.
        metric, task, device: the quantity; ``key`` is its name in answers.
        kind: what is trained.
        source: plain JSON of what a transfer starts from; None for the other kinds.
    """

    space: str
    key: str
    metric: str
    task: str | None
    device: str | None
    kind: str
    source: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class TrainedVersion:
    """What a training gave.

    Args:
        predictor_id, version: what was trained.
        model: name of the blob that holds the weights.
        about: plain JSON: figures of cross-validation, what the labels covered.
    """

    predictor_id: str
    version: int
    model: str
    about: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Version:
    """One version.

    Args:
        number: from 1.
        labels: observations of this version and those before it.
        job_id: the job that trains it; None where it was trained at once.
        job_state, reason: how that job stands.
        model: name of the blob; None while it is not trained.
        about: as in :class:`TrainedVersion`; empty while it is not trained.
    """

    number: int
    labels: int
    job_id: str | None
    job_state: JobState | None
    reason: str | None
    model: str | None
    about: Mapping[str, object]
    created_at: datetime
    trained_at: datetime | None


@dataclass(frozen=True, slots=True)
class StoredPredictor:
    """One row: what it predicts, the version ordered last, and the one that answers now (None: none yet)."""

    id: str
    tenant_id: str
    spec: PredictorSpec
    created_at: datetime
    latest: Version
    current: Version | None

    @property
    def seed(self) -> int:
        """Every random choice of its training; its own, so that no other predictor has the same weights."""
        return int(self.id[-12:], 16) % 2**31
