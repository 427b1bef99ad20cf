"""Designs: what is ordered, and what comes of it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from search.evaluators import EVALUATORS
from search.request.design_request import IMAGES_SPACE, MAX_COUNT, MAX_EVALUATIONS, MAX_PARALLEL
from search.strategies import STRATEGIES
from service.schemas.base import (
    TEACHER,
    Create,
    Label,
    Name,
    NetworkPublic,
    Priority,
    QuantityCreate,
    QuantityItem,
    RecipeChoices,
    Resolution,
)
from spaces.known import SPACES

MOST_FINISHED = 10


class ConstraintCreate(QuantityCreate):
    """A quantity with a hard bound, both ends included; at least one end is given."""

    min: float | None = None
    max: float | None = None


class FinishOptions(Create):
    """How what is taken away is trained, as far as it is not as the design trained."""

    recipe: dict[str, Any] = Field(
        default_factory=dict, description="as evaluator_options.training.recipe, in part"
    )
    start: Annotated[
        Literal["scratch", "pretrained"] | None,
        Field(alias="from", description="pretrained unless said where the space has such weights"),
    ] = None
    teacher: bool = Field(default=False, description=TEACHER)


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

    space: Name | None = Field(
        default=None,
        description=f"one of {', '.join(SPACES.names())} or the name of one of your own; {IMAGES_SPACE} "
        "where the task is of your own images and none is named",
    )
    task: Name
    constraints: list[ConstraintCreate] = Field(default_factory=list, max_length=64)
    objectives: list[QuantityItem] = Field(default_factory=list, max_length=8)
    name: Name | None = Field(default=None, description="what you call it, for lists of jobs")
    count: int = Field(default=8, ge=1, le=MAX_COUNT, description="architectures to return")
    evaluations: int = Field(
        default=0, ge=0, le=MAX_EVALUATIONS, description="architectures that may be evaluated"
    )
    evaluator: str | dict[str, str] | None = Field(
        default=None,
        description=f"one of {', '.join(EVALUATORS.names())}, or an object metric → one of them or model; "
        "what the evaluator does not measure, a model predicts where there is one",
    )
    evaluator_options: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="options of each evaluator that is used, by its name"
    )
    parallel: int = Field(
        default=1, ge=1, le=MAX_PARALLEL, description="evaluations at the same time, on as many workers"
    )
    confidence: float = Field(default=0.9, ge=0.5, le=0.999)
    seed: int = Field(default=0, ge=0, le=2**63 - 1)
    strategy: Literal[STRATEGIES.names()] = "bayes"  # type: ignore[valid-type]
    flat: bool = Field(
        default=False, description="architectures count by the mean over their neighbourhoods in the search"
    )
    distinct: Literal["function", "string"] = Field(
        default="function",
        description="`function`: no two architectures that compute the same at equal cost; `string`: any two",
    )
    exploration: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of the evaluations that may leave the asked confidence of predicted bounds",
    )
    predictors: dict[Name, Name] = Field(
        default_factory=dict,
        max_length=32,
        description="quantity key → id of a predictor of yours, or latest: predicts it where nothing "
        "measures it, and is its prior where something does",
    )
    knowledge: Literal["auto", "none"] = Field(
        default="auto",
        description="auto: models of the same and of other tasks are priors of the search, but never one "
        "trained on the table column that evaluates; none: own observations alone",
    )
    recipe: RecipeChoices | None = Field(
        default=None,
        description="what of the training's recipe is searched too: its parts, each with its choices",
        max_length=16,
    )
    resolution: Resolution = Field(
        default=None,
        description="side of the images that the networks are for, in pixels",
    )
    priority: Priority = 0
    label: Label = None
    finish: int = Field(
        default=0,
        ge=0,
        le=MOST_FINISHED,
        description="how many of the best are then trained on all training images, to take away",
    )
    baseline: bool = Field(
        default=True,
        description="whether the linear probe and the whole pretrained backbone at the largest resolution "
        "within the bounds are trained beside, the latter as the first of the evaluations",
    )
    finish_options: FinishOptions = Field(
        default_factory=FinishOptions, description="what of that training is not as the design trained"
    )


class ValuePublic(BaseModel):
    """A number in the metric's unit: ``predicted`` with an interval where one can be promised, else known.

    ``extrapolated`` is true of a prediction far from what its model learned from; ``model`` says which one
    predicted.
    """

    mean: float
    std: float | None = None
    lower: float | None = None
    upper: float | None = None
    source: Literal["exact", "measured", "predicted"]
    extrapolated: bool = False
    model: str | None = None


class FinishedPublic(BaseModel):
    """The network that an architecture becomes, and the job that trains it."""

    network: str
    job: str


class DesignedPublic(BaseModel):
    """One architecture of a result; ``feasible_probability`` is that of all bounds together.

    Where the recipe was searched too, ``architecture`` is both, ``network`` and ``recipe`` each alone.
    ``evaluation`` says how it was measured and on what, by evaluator: recipe, spread, machine, weights.
    """

    rank: int
    architecture: str
    network: str | None = None
    recipe: dict[str, Any] | None = None
    feasible_probability: float
    metrics: dict[str, ValuePublic]
    evaluation: dict[str, Any] | None = None
    finished: FinishedPublic | None = None


class SourcePublic(BaseModel):
    """Where the values of a quantity come from: ``exact``, an evaluator, ``external`` or ``model``."""

    source: str
    model: str | None = None


class NearestPublic(BaseModel):
    """The architecture that comes nearest to bounds that nothing satisfies."""

    architecture: str
    network: str | None = None
    recipe: dict[str, Any] | None = None
    values: dict[str, float]
    source: Literal["exact", "measured", "predicted"]
    feasible_probability: float | None = None


class GapPublic(BaseModel):
    """How far a value lies outside a bound, in the metric's unit."""

    constraint: str
    min: float | None
    max: float | None
    value: float | None
    gap: float | None


class BaselinePublic(BaseModel):
    """What uniform draws within the exact bounds gave, and how much better the best of the result is.

    Nothing of it is predicted: it is null where the design evaluated no uniform draw.
    """

    random_mean: float
    draws: int | None = Field(
        None, description="how many were evaluated, or computed where the objective is exact"
    )
    relative_improvement_percent: float | None = Field(
        description="null where no architecture of the result was measured"
    )


class BaselinesPublic(BaseModel):
    """What anyone has without a search, at the largest resolution at which the backbone meets the bounds.

    ``linear_probe``, ``fine_tuned`` (by the search's recipe) and ``found`` (the best of the result) hold
    ``accuracy`` on the validation images, by which ``winner`` is named, and ``test_accuracy``, which is only
    reported. ``finished`` names the backbone's own network where ``finish`` was asked.
    """

    backbone: str | None
    reason: str | None = None
    space: str | None = None
    architecture: str | None = None
    resolution: int | None = None
    metrics: dict[str, ValuePublic] = Field(default_factory=dict)
    linear_probe: dict[str, Any] | None = None
    fine_tuned: dict[str, Any] | None = None
    found: dict[str, Any] | None = None
    winner: Literal["linear_probe", "fine_tuned", "found"] | None
    message: str
    finished: FinishedPublic | None = None


class ResultPublic(BaseModel):
    """What came of a design: architectures, or for an infeasible one the nearest and its gaps."""

    model_config = ConfigDict(extra="allow")

    architectures: list[DesignedPublic] = Field(default_factory=list)
    pareto: list[int] = Field(default_factory=list, description="ranks that no other one beats in everything")
    evaluated: int = 0
    baseline: BaselinePublic | None = None
    baselines: BaselinesPublic | None = Field(default=None, description="null where none was asked for")
    models: dict[str, str] = Field(default_factory=dict)
    knowledge: dict[str, Any] | None = Field(
        default=None, description="what was asked, which models were priors, and which stood back and why"
    )
    sources: dict[str, SourcePublic] = Field(default_factory=dict, description="by quantity key")
    costs_for: NetworkPublic | None = Field(
        default=None, description="the network that exact costs, bounds and exports are of"
    )
    nearest: NearestPublic | None = None
    gaps: list[GapPublic] = Field(default_factory=list)
    seconds: float = 0.0
