"""Studies: what is searched for, what is suggested, and what was observed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from search.request.recipe import apart
from search.strategies import STRATEGIES
from service.operations.studies import request_of
from service.schemas.base import (
    FIRST_ONLY,
    Create,
    Name,
    NetworkPublic,
    QuantityItem,
    RecipeChoices,
    Resolution,
    Variables,
)
from service.schemas.designs import ConstraintCreate
from spaces.known import SPACES
from spaces.metric import Observation, Quantity
from spaces.space import Space
from store.studies.study import NumberedObservation, Study, Suggestion

ClientId = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,100}$")]


class StudyCreate(Create):
    """What to search for; whoever asks evaluates for himself."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "space": "nasbench201",
                "task": "cifar10",
                "objectives": [{"metric": "accuracy"}, {"metric": "latency_ms", "device": "my-phone"}],
                "constraints": [{"metric": "params_m", "max": 0.8}],
            }
        }
    )

    space: Name = Field(description=f"one of {', '.join(SPACES.names())}")
    task: Name
    constraints: list[ConstraintCreate] = Field(default_factory=list, max_length=64)
    objectives: list[QuantityItem] = Field(default_factory=list, max_length=8)
    confidence: float = Field(default=0.9, ge=0.5, le=0.999)
    seed: int = Field(default=0, ge=0, le=2**63 - 1)
    strategy: Literal[STRATEGIES.names()] = "bayes"  # type: ignore[valid-type]
    flat: bool = Field(default=False, description="architectures count by the mean over their neighbourhoods")
    distinct: Literal["function", "string"] = Field(
        default="function",
        description="`function`: no two architectures that compute the same at equal cost; `string`: any two",
    )
    evaluator: Literal["external"] | dict[str, Literal["external", "model"]] | None = Field(
        default=None,
        description="metric → external: you tell it, or model: predicted until you tell it; costs of devices "
        "that a model predicts need not be told unless you say external",
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
        default=None, description="side of the images that the networks are for, in pixels"
    )


class SuggestCreate(Create):
    """How many architectures are wanted, and by whom."""

    model_config = ConfigDict(json_schema_extra={"example": {"count": 2, "client_id": "worker-1"}})

    count: int = Field(default=1, ge=1, le=100)
    client_id: ClientId = Field(description="the same one gets its unfinished suggestions back")


class StudyObservationCreate(Create):
    """What an evaluation brought, or why it failed."""

    architecture: str | Variables
    values: dict[Name, float] | None = Field(
        default=None, max_length=32, description="by quantity key, or by metric where that is clear"
    )
    failed: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    fidelity: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,49}$")] = Field(
        default="full", description="full, or the name of a cheaper evaluation such as 12ep"
    )
    seconds: float = Field(default=0.0, ge=0, le=1e9, description="what the evaluation cost")


class ObservationsCreate(Create):
    """Evaluations, suggested by the study or not."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "observations": [
                    {
                        "architecture": "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
                        "+|skip_connect~0|nor_conv_3x3~1|none~2|",
                        "values": {"accuracy": 93.1},
                    }
                ]
            }
        }
    )

    observations: Annotated[list[StudyObservationCreate], FIRST_ONLY] = Field(min_length=1, max_length=10_000)


class ObservationPublic(BaseModel):
    """One observation; ``number`` only rises in a study."""

    number: int
    architecture: str
    values: dict[str, float]
    failed: str | None
    fidelity: str
    seconds: float

    @classmethod
    def of(cls, entry: NumberedObservation) -> "ObservationPublic":
        """The public face of a stored observation."""
        observation = entry.observation
        return cls(
            number=entry.number,
            architecture=observation.architecture,
            values=dict(observation.values),
            failed=observation.failed,
            fidelity=observation.fidelity,
            seconds=observation.seconds,
        )


class ObservationList(BaseModel):
    """A page of observations, in the order in which they came."""

    observations: list[ObservationPublic]
    has_more: bool


class SuggestionPublic(BaseModel):
    """An architecture to evaluate; where the recipe is searched too, ``network`` and ``recipe`` apart."""

    number: int
    architecture: str
    network: str | None = None
    recipe: dict[str, Any] | None = None

    @classmethod
    def of(cls, suggestion: Suggestion, space: Space) -> "SuggestionPublic":
        """The public face of a stored suggestion of a study in a space."""
        parts = apart(space, suggestion.architecture)
        return cls(number=suggestion.number, architecture=suggestion.architecture, **parts)


class SuggestionsPublic(BaseModel):
    """What the client is to evaluate; ``exhausted`` says why there is less than was asked for."""

    suggestions: list[SuggestionPublic]
    exhausted: str | None


class BestPublic(BaseModel):
    """An architecture within the bounds that no other observed one beats."""

    architecture: str
    network: str | None = None
    recipe: dict[str, Any] | None = None
    values: dict[str, float]


class BoundPublic(BaseModel):
    """A bound on a quantity."""

    quantity: str
    min: float | None
    max: float | None


class StudyPublic(BaseModel):
    """A study as everyone may see it; ``waiting`` are the suggestions without an observation."""

    id: str
    state: Literal["open", "closed"]
    space: str
    task: str
    objectives: list[str]
    constraints: list[BoundPublic]
    strategy: str
    flat: bool
    recipe: dict[str, list[Any]] | None = None
    knowledge: str | None = None
    sources: dict[str, str] = Field(default_factory=dict, description="quantity key → its source")
    resolution: int | None = None
    confidence: float
    seed: int
    suggested: int
    waiting: int
    observed: int
    failed: int
    created_at: datetime
    closed_at: datetime | None

    @classmethod
    def of(cls, study: Study) -> "StudyPublic":
        """The public face of a stored study."""
        return cls.model_validate(_fields(study))


class StudyShown(StudyPublic):
    """A study with the best of what was observed."""

    best: list[BestPublic]
    costs_for: NetworkPublic

    @classmethod
    def showing(cls, study: Study, observations: list[Observation]) -> "StudyShown":
        """The public face of a stored study, with its best observations."""
        problem = request_of(study).problem()
        best = [
            {"architecture": observation.architecture, "values": dict(observation.values)}
            | apart(problem.space, observation.architecture)
            for observation in observations
        ]
        costs_for = problem.network_for(problem.task).to_dict()
        return cls.model_validate(_fields(study) | {"best": best, "costs_for": costs_for})


class StudyList(BaseModel):
    """A page of studies, newest first."""

    studies: list[StudyPublic]
    has_more: bool


class ObservedPublic(BaseModel):
    """How many of the observations were news, and where the study stands."""

    news: int
    study: StudyPublic


def _fields(study: Study) -> dict[str, object]:
    """What is shown of a stored study, as it was stored: a list must not fail for one row of it."""
    request: Mapping[str, Any] = study.request
    return {
        "id": study.id,
        "state": "open" if study.closed_at is None else "closed",
        "objectives": [_key(objective) for objective in request["objectives"]],
        "constraints": [
            {"quantity": _key(bound), "min": bound["min"], "max": bound["max"]}
            for bound in request["constraints"]
        ],
        **{name: request[name] for name in ("space", "task", "strategy", "flat", "confidence", "seed")},
        **{name: getattr(study, name) for name in ("suggested", "waiting", "observed", "failed")},
        **{name: request[name] for name in ("recipe", "knowledge", "sources") if name in request},
        "resolution": request.get("resolution"),
        "created_at": study.created_at,
        "closed_at": study.closed_at,
    }


def _key(stored: Mapping[str, str]) -> str:
    return Quantity(stored["metric"], task=stored["task"], device=stored["device"]).key
