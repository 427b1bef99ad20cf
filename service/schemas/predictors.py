"""Predictors that tenants train."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from predictors.kinds import KINDS
from service.schemas.base import FIRST_ONLY, Create, Name, QuantityCreate, Variables
from service.schemas.jobs import JobPublic
from spaces.declared.kept import public_name
from spaces.known import SPACES
from store.jobs.job import Job
from store.predictors.predictor import StoredPredictor, Version

MAX_OBSERVATIONS = 50_000

_EXAMPLE: list[JsonValue] = [
    {
        "architecture": "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
        "+|skip_connect~0|nor_conv_3x3~1|none~2|",
        "value": 91.4,
    },
    {
        "architecture": "|skip_connect~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
        "value": 63.0,
    },
]


class ObservationCreate(Create):
    """What was measured of one architecture."""

    architecture: str | Variables
    value: float = Field(description="in the metric's unit")


class SourceCreate(Create):
    """What a transfer between precisions starts from: a task whose model ships, or observations of it."""

    task: Name
    observations: Annotated[list[ObservationCreate], FIRST_ONLY] | None = Field(
        default=None, max_length=2_000
    )


class PredictorCreate(QuantityCreate):
    """A predictor to train, from observations of one quantity."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "space": "nasbench201",
                "metric": "accuracy",
                "task": "cifar10",
                "kind": "gp",
                "observations": _EXAMPLE,
            }
        }
    )

    space: Name = Field(description=f"one of {', '.join(SPACES.names())}, or one of your own")
    kind: Literal[KINDS.names()] = "auto"  # type: ignore[valid-type]
    observations: Annotated[list[ObservationCreate], FIRST_ONLY] = Field(max_length=MAX_OBSERVATIONS)
    source: SourceCreate | None = None


class ObserveCreate(Create):
    """Further observations for a predictor."""

    model_config = ConfigDict(json_schema_extra={"example": {"observations": _EXAMPLE}})

    observations: Annotated[list[ObservationCreate], FIRST_ONLY] = Field(
        min_length=1, max_length=MAX_OBSERVATIONS
    )


class FiguresPublic(BaseModel):
    """How predictions compare with ``labels`` observations that the model had not learned from.

    ``coverage`` is the share within the 90 % intervals. None where nothing can be said.
    """

    labels: int
    folds: int
    spearman: float | None
    kendall_tau: float | None
    coverage: float | None
    mean_absolute_error: float | None


class VersionPublic(BaseModel):
    """A trained version: ``model`` is the SHA-256 of its weights.

    ``cross_validation`` is of the last version that a job trained; ``prequential`` says how well the version
    before this one predicted the observations that made it (Dawid 1984).
    """

    version: int
    labels: int
    model: str
    cross_validation: FiguresPublic | None
    prequential: FiguresPublic | None
    trained_at: datetime


class PredictorUrls(BaseModel):
    """Where to ask next, as paths on this server; ``training`` is the job of the version ordered last."""

    self: str
    observe: str
    training: str | None


class PredictorPublic(BaseModel):
    """A predictor: what it predicts, and the version that answers (``current``; None before the first)."""

    id: str
    space: str
    quantity: str
    metric: str
    task: str | None
    device: str | None
    kind: str
    state: Annotated[
        Literal["training", "ready", "failed"],
        Field(description="`ready` with a version that answers, even while another is being trained"),
    ]
    reason: str | None
    labels: int
    created_at: datetime
    current: VersionPublic | None
    urls: PredictorUrls

    @classmethod
    def of(cls, found: StoredPredictor) -> "PredictorPublic":
        """The public face of a stored predictor."""
        latest, current, spec = found.latest, found.current, found.spec
        ended = latest.job_state is not None and latest.job_state.terminal
        waiting = "failed" if ended and latest.model is None else "training"
        path = f"/v1/predictors/{found.id}"
        return cls.model_validate(
            {
                "id": found.id,
                "space": public_name(spec.space),
                "quantity": spec.key,
                "metric": spec.metric,
                "task": spec.task,
                "device": spec.device,
                "kind": spec.kind,
                "state": waiting if current is None else "ready",
                "reason": latest.reason,
                "labels": latest.labels,
                "created_at": found.created_at,
                "current": None if current is None else _version(current),
                "urls": {
                    "self": path,
                    "observe": f"{path}/observe",
                    "training": None if latest.job_id is None else f"/v1/jobs/{latest.job_id}",
                },
            }
        )


def _version(version: Version) -> dict[str, Any]:
    return {
        "version": version.number,
        "labels": version.labels,
        "model": f"sha256:{version.model}",
        "cross_validation": version.about.get("cross_validation"),
        "prequential": version.about.get("prequential", version.about.get("foretold")),
        "trained_at": version.trained_at,
    }


class PredictorList(BaseModel):
    """A page of predictors, newest first."""

    predictors: list[PredictorPublic]
    has_more: bool


class TrainingPublic(JobPublic):
    """A job that trains a predictor."""

    predictor: str

    @classmethod
    def training(cls, job: Job, predictor_id: str) -> "TrainingPublic":
        """The public face of a training job."""
        return cls.model_validate({**JobPublic.of(job).model_dump(), "predictor": predictor_id})
