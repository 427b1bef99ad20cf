"""What goes in and out over HTTP: ``…Create`` is taken, ``…Public`` is given, ``…List`` is a page.

What is taken forbids unknown fields, so that nobody sets a tenant, a state or an attempt, and converts
nothing: ``"5"`` is no number. Names and bounds are checked further by :mod:`search.request`.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from search.request import EVALUATORS, MAX_COUNT, MAX_EVALUATIONS, STRATEGIES
from store.job import Job

Name = Annotated[str, Field(min_length=1, max_length=100)]
Variables = dict[str, str | int | bool | float]


class Create(BaseModel):
    """Base of everything that is taken."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class QuantityCreate(Create):
    """A metric of a task, a device, both or neither."""

    metric: Name
    task: Name | None = None
    device: Name | None = None


class ConstraintCreate(QuantityCreate):
    """A quantity with a hard bound, both ends included; at least one end is given."""

    min: float | None = None
    max: float | None = None


class DesignCreate(Create):
    """An order for architectures."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "space": "nasbench201",
                "task": "cifar10-int8-ptq",
                "constraints": [{"metric": "params_m", "max": 0.5}],
                "objectives": [{"metric": "accuracy"}],
                "count": 4,
                "evaluations": 16,
                "evaluator": "table",
            }
        }
    )

    space: Name
    task: Name
    constraints: list[ConstraintCreate] = Field(default_factory=list, max_length=64)
    objectives: list[QuantityCreate] = Field(default_factory=list, max_length=8)
    count: int = Field(default=8, ge=1, le=MAX_COUNT, description="architectures to return")
    evaluations: int = Field(
        default=0, ge=0, le=MAX_EVALUATIONS, description="architectures that may be evaluated"
    )
    evaluator: Literal[EVALUATORS] | None = None  # type: ignore[valid-type]
    confidence: float = Field(default=0.9, ge=0.5, le=0.999)
    seed: int = Field(default=0, ge=0, le=2**63 - 1)
    strategy: Literal[STRATEGIES] = "bayes"  # type: ignore[valid-type]
    flat: bool = Field(
        default=False, description="architectures count by the mean over their neighbourhoods in the search"
    )


class PredictCreate(Create):
    """Architectures, and which of their quantities to predict."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "space": "nasbench201",
                "metrics": [{"metric": "accuracy", "task": "cifar10-int8-ptq"}, {"metric": "params_m"}],
                "architectures": [
                    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|none~2|"
                ],
            }
        }
    )

    space: Name
    metrics: list[QuantityCreate] = Field(min_length=1, max_length=16)
    architectures: list[str | Variables] = Field(
        description="canonical strings, or objects of the space's variables; at most 50,000"
    )
    kind: Literal["auto", "gbdt", "gp", "neural"] = "auto"
    layout: Literal["rows", "columns"] = "rows"
    confidence: float = Field(default=0.9, ge=0.5, le=0.999)


class MeasurementCreate(Create):
    """What one architecture took on a device."""

    architecture: str | Variables
    value: float = Field(description="in the metric's unit; positive")


class DeviceCreate(Create):
    """A device, by measurements of at least two architectures on it."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "my-board",
                "space": "nasbench201",
                "metric": "latency_ms",
                "measurements": [
                    {
                        "architecture": "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
                        "+|skip_connect~0|nor_conv_3x3~1|none~2|",
                        "value": 4.1,
                    },
                    {
                        "architecture": "|skip_connect~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
                        "value": 1.2,
                    },
                ],
            }
        }
    )

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")
    space: Name
    metric: Name = "latency_ms"
    measurements: list[MeasurementCreate] = Field(max_length=1000)


class CrossValidationPublic(BaseModel):
    """How a device's model does on its own measurements, each left out in its turn.

    ``coverage`` is the share within the 90 % interval. None where too few measurements say nothing.
    """

    spearman: float | None
    coverage: float | None


class MeasuredDevicePublic(BaseModel):
    """A device that was added; ``model`` is the SHA-256 behind its predictions."""

    device: str
    space: str
    metric: str
    measurements: int
    cross_validation: CrossValidationPublic
    model: str


class ProbePublic(BaseModel):
    """Architectures to measure on a new device, the most telling first."""

    space: str
    metric: str
    architectures: list[str]


class ProgressPublic(BaseModel):
    """How far a job is; ``total`` is 0 while it is not known."""

    done: int
    total: int
    message: str


class JobUrls(BaseModel):
    """Where to ask next, as paths on this server."""

    self: str
    events: str
    result: str
    cancel: str


class JobPublic(BaseModel):
    """A job as everyone may see it."""

    id: str
    kind: str
    state: Literal["queued", "running", "cancelling", "succeeded", "failed", "cancelled", "infeasible"]
    attempt: int
    progress: ProgressPublic
    reason: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    retry_of: str | None
    urls: JobUrls

    @classmethod
    def of(cls, job: Job) -> "JobPublic":
        """The public face of a stored job."""
        path = f"/v1/jobs/{job.id}"
        return cls.model_validate(
            {
                "id": job.id,
                "kind": job.kind,
                "state": job.public_state,
                "attempt": job.attempt,
                "progress": {"done": job.done, "total": job.total, "message": job.message},
                "reason": job.reason,
                "created_at": job.created_at,
                "started_at": job.started_at,
                "finished_at": job.finished_at,
                "retry_of": job.retry_of,
                "urls": {
                    "self": path,
                    "events": f"{path}/events",
                    "result": f"{path}/result",
                    "cancel": f"{path}/cancel",
                },
            }
        )


class JobList(BaseModel):
    """A page of jobs, newest first."""

    jobs: list[JobPublic]
    has_more: bool


class ValuePublic(BaseModel):
    """A number in the metric's unit: ``predicted`` with an interval where one can be promised, else known."""

    mean: float
    std: float | None = None
    lower: float | None = None
    upper: float | None = None
    source: Literal["exact", "measured", "predicted"]


class DesignedPublic(BaseModel):
    """One architecture of a result; ``feasible_probability`` is that of all bounds together."""

    rank: int
    architecture: str
    feasible_probability: float
    metrics: dict[str, ValuePublic]


class NearestPublic(BaseModel):
    """The architecture that comes nearest to bounds that nothing satisfies."""

    architecture: str
    values: dict[str, float]
    source: Literal["exact", "measured", "predicted"]


class GapPublic(BaseModel):
    """How far a value lies outside a bound, in the metric's unit."""

    constraint: str
    min: float | None
    max: float | None
    value: float | None
    gap: float | None


class BaselinePublic(BaseModel):
    """What a uniform draw within the bounds would give, and how much better the best returned is."""

    random_mean: float
    relative_improvement_percent: float


class ResultPublic(BaseModel):
    """What came of a design: architectures, or for an infeasible one the nearest and its gaps."""

    model_config = ConfigDict(extra="allow")

    architectures: list[DesignedPublic] = Field(default_factory=list)
    pareto: list[int] = Field(default_factory=list, description="ranks that no other one beats in everything")
    evaluated: int = 0
    baseline: BaselinePublic | None = None
    models: dict[str, str] = Field(default_factory=dict)
    nearest: NearestPublic | None = None
    gaps: list[GapPublic] = Field(default_factory=list)
    seconds: float = 0.0


class IntervalPublic(BaseModel):
    """One predicted number in the metric's unit; no bounds where no interval can be promised."""

    mean: float
    std: float
    lower: float | None
    upper: float | None


class ColumnPublic(BaseModel):
    """Predicted numbers of one quantity, in the order of the architectures."""

    mean: list[float]
    std: list[float]
    lower: list[float | None]
    upper: list[float | None]


class PredictionsPublic(BaseModel):
    """Predictions by quantity key, in rows (one object an architecture) or in columns.

    ``models`` names the SHA-256 of the model behind each quantity, or ``exact`` where it was computed.
    """

    space: str
    confidence: float
    architectures: list[str]
    predictions: list[dict[str, IntervalPublic]] | dict[str, ColumnPublic]
    models: dict[str, str]


class VariablePublic(BaseModel):
    """One choice that makes an architecture."""

    name: str
    choices: list[bool | int | float | str]


class MetricPublic(BaseModel):
    """A quantity with unit and direction."""

    name: str
    unit: str
    direction: Literal["maximize", "minimize"]
    description: str


class SpaceSummary(BaseModel):
    """A family of architectures, in short."""

    name: str
    title: str
    size: int


class SpaceList(BaseModel):
    """A page of spaces."""

    spaces: list[SpaceSummary]
    has_more: bool


class SpacePublic(SpaceSummary):
    """A family of architectures: what may vary, what can be asked of it, and an example."""

    description: str
    variables: list[VariablePublic]
    metrics: list[MetricPublic]
    statistics: list[str]
    tasks: list[str]
    devices: list[str]
    example: str
    example_variables: Variables


class TaskPublic(BaseModel):
    """A data set that networks can be designed for, and the spaces in which it is known."""

    name: str
    description: str
    classes: int
    spaces: list[str]


class TaskList(BaseModel):
    """A page of tasks."""

    tasks: list[TaskPublic]
    has_more: bool


class DevicePublic(BaseModel):
    """A machine whose costs were measured for a space; ``reason`` says why its table cannot be read.

    ``measurements`` is how many there are of a device that was added; None for one of the tables.
    """

    space: str
    name: str
    metrics: list[str]
    source: str
    available: bool
    reason: str | None
    measurements: int | None = None


class DeviceList(BaseModel):
    """A page of devices."""

    devices: list[DevicePublic]
    has_more: bool


class HealthPublic(BaseModel):
    """That the process runs, or that it can do its work."""

    status: Literal["ok", "ready"]
    version: str
