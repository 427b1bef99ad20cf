"""Studies: what is searched for, what is suggested, and what was observed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from search.request.recipe import apart
from search.run.merged import COUNT, ERROR
from search.run.stopping import RULES
from search.strategies import STRATEGIES
from service.operations.studies import lease_seconds, own_part, request_of
from service.operations.study_best import Front
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
from spaces.declared.kept import public_name
from spaces.known import SPACES
from spaces.metric import Observation, key_of
from spaces.space import Space
from store.studies.study import LEASE_SECONDS, RUN, STD, NumberedObservation, Study, Suggestion

RUN_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$"
LONGEST_LEASE = 365 * 86_400.0
Tracked = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,59}$")]
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

    space: Name = Field(description=f"one of {', '.join(SPACES.names())}, or one of your own")
    task: Name | None = Field(
        default=None, description="any name: you measure; of a declared space its first task unless said"
    )
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
    fixed: dict[Name, str | bool | int | float] = Field(
        default_factory=dict, max_length=64, description="variable → the choice that every suggestion has"
    )
    tracked: list[Tracked] = Field(
        default_factory=list,
        max_length=32,
        description="names of values that are told besides and kept; nothing follows from them",
    )
    stopping: Literal[RULES] | None = Field(  # type: ignore[valid-type]
        default=None, description="which evaluations should end before their time, by intermediate values"
    )
    lease_seconds: float = Field(
        default=LEASE_SECONDS,
        ge=1,
        le=LONGEST_LEASE,
        description="how long a suggestion is its client's without any call of his",
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
    std: dict[Name, float] | None = Field(
        default=None, max_length=32, description="standard deviations of values, by the same names"
    )
    run: Annotated[str, Field(pattern=RUN_PATTERN)] | None = Field(
        default=None,
        description="which of several measurements it is; without it, other values are another one",
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
    client_id: ClientId | None = Field(default=None, description="who tells: its leases begin anew")


class EnqueueCreate(Create):
    """Architectures that are suggested before anything else."""

    architectures: Annotated[list[str | Variables], FIRST_ONLY] = Field(min_length=1, max_length=1000)


class ReleaseCreate(Create):
    """Suggestions that a client gives back: those named, or all of its."""

    client_id: ClientId
    architectures: Annotated[list[str | Variables], FIRST_ONLY] | None = Field(
        default=None, min_length=1, max_length=1000
    )


class ReportCreate(Create):
    """What an evaluation that is under way has reached."""

    architecture: str | Variables
    step: int = Field(ge=1, le=10**9, description="epochs, or whatever counts alike in every evaluation")
    values: dict[Name, float] = Field(min_length=1, max_length=32)
    client_id: ClientId | None = Field(default=None, description="whose leases begin anew")


class ReportPublic(BaseModel):
    """Whether the evaluation should end now, and why; nothing is decided: it may go on and be observed."""

    should_stop: bool
    reason: str | None


class StudyChange(Create):
    """What is changed on an open study; what is left out stays."""

    constraints: list[ConstraintCreate] | None = Field(default=None, max_length=64)
    fixed: dict[Name, str | bool | int | float] | None = Field(default=None, max_length=64)
    tracked: list[Tracked] | None = Field(default=None, max_length=32)
    lease_seconds: float | None = Field(default=None, ge=1, le=LONGEST_LEASE)


class ObservationPublic(BaseModel):
    """One observation; ``number`` only rises in a study."""

    number: int
    architecture: str
    values: dict[str, float]
    std: dict[str, float] = Field(default_factory=dict)
    run: str | None = None
    failed: str | None
    fidelity: str
    seconds: float
    at: datetime | None = None
    client_id: str | None = None

    @classmethod
    def of(cls, entry: NumberedObservation) -> "ObservationPublic":
        """The public face of a stored observation."""
        observation = entry.observation
        return cls(
            number=entry.number,
            architecture=observation.architecture,
            values=dict(observation.values),
            std=_numbers(observation.details.get(STD)),
            run=None if observation.details.get(RUN) is None else str(observation.details[RUN]),
            failed=observation.failed,
            fidelity=observation.fidelity,
            seconds=observation.seconds,
            at=entry.at,
            client_id=entry.client_id,
        )


class ObservationList(BaseModel):
    """A page of observations, in the order in which they came."""

    observations: list[ObservationPublic]
    has_more: bool


class SuggestionPublic(BaseModel):
    """An architecture to evaluate; where the recipe is searched too, ``network`` and ``recipe`` apart."""

    number: int
    architecture: str
    variables: dict[str, Any] = Field(description="the same as an object: variable → choice")
    network: str | None = None
    recipe: dict[str, Any] | None = None
    expires_at: datetime | None = Field(
        default=None, description="when another client gets it, unless this one calls before"
    )

    @classmethod
    def of(cls, suggestion: Suggestion, space: Space) -> "SuggestionPublic":
        """The public face of a stored suggestion of a study in a space."""
        parts = apart(space, suggestion.architecture)
        return cls(
            number=suggestion.number,
            architecture=suggestion.architecture,
            variables=dict(space.to_variables(space.parse(suggestion.architecture))),
            expires_at=suggestion.expires_at,
            **parts,
        )


class SuggestionsPublic(BaseModel):
    """What the client is to evaluate; ``exhausted`` says why there is less than was asked for."""

    suggestions: list[SuggestionPublic]
    exhausted: str | None


class BestPublic(BaseModel):
    """An architecture within the bounds that no other observed one beats.

    Of several measurements ``values`` are the means, ``count`` says how many there were of each.
    """

    architecture: str
    network: str | None = None
    recipe: dict[str, Any] | None = None
    values: dict[str, float]
    count: dict[str, int] = Field(default_factory=dict)
    standard_error: dict[str, float] = Field(default_factory=dict)

    @classmethod
    def of(cls, observation: Observation, space: Space) -> "BestPublic":
        """The public face of what is known of an architecture."""
        return cls(**_known(observation, space))


class NearestPublic(BestPublic):
    """Where nothing observed is within the bounds: what misses them least, and by how much."""

    gaps: list[dict[str, Any]]


class FrontPublic(BaseModel):
    """Every observed architecture within the bounds that no other one beats, at most 10,000."""

    front: list[BestPublic]
    size: int


class QueuedPublic(BaseModel):
    """What is suggested before anything else; what was suggested or observed before is left out."""

    queued: list[str]


class ReleasedPublic(BaseModel):
    """Architectures that were given back."""

    released: list[str]


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
    fixed: dict[str, Any] = Field(default_factory=dict)
    tracked: list[str] = Field(default_factory=list)
    stopping: str | None = None
    lease_seconds: float = LEASE_SECONDS
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
    front_size: int = Field(description="of the whole front; /front gives it")
    nearest: NearestPublic | None = None
    costs_for: NetworkPublic

    @classmethod
    def showing(cls, study: Study, front: Front) -> "StudyShown":
        """The public face of a stored study, with its best observations."""
        problem = request_of(study).problem()
        nearest = None
        if front.nearest is not None:
            gaps = problem.gaps(dict(front.nearest.values))
            nearest = _known(front.nearest, problem.space) | {"gaps": gaps}
        shown = {
            "best": [_known(observation, problem.space) for observation in front.best],
            "front_size": front.size,
            "nearest": nearest,
            "costs_for": problem.network_for(problem.task).to_dict(),
        }
        return cls.model_validate(_fields(study) | shown)


class StudyList(BaseModel):
    """A page of studies, newest first."""

    studies: list[StudyPublic]
    has_more: bool


class ObservedPublic(BaseModel):
    """How many of the observations were news, and where the study stands."""

    news: int
    study: StudyPublic


def _known(observation: Observation, space: Space) -> dict[str, Any]:
    """What is known of an architecture: means, counts, standard errors."""
    return {
        "architecture": observation.architecture,
        "values": dict(observation.values),
        "count": _numbers(observation.details.get(COUNT)),
        "standard_error": _numbers(observation.details.get(ERROR)),
        **apart(space, observation.architecture),
    }


def _numbers(said: object) -> Any:
    return dict(said) if isinstance(said, Mapping) else {}


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
        "space": public_name(request["space"]),
        **{name: request[name] for name in ("task", "strategy", "flat", "confidence", "seed")},
        **{name: getattr(study, name) for name in ("suggested", "waiting", "observed", "failed")},
        **{name: request[name] for name in ("recipe", "knowledge", "sources") if name in request},
        "resolution": request.get("resolution"),
        "fixed": request.get("fixed", {}),
        "tracked": list(own_part(study).get("tracked", [])),
        "lease_seconds": lease_seconds(study),
        "stopping": own_part(study).get("stopping"),
        "created_at": study.created_at,
        "closed_at": study.closed_at,
    }


def _key(stored: Mapping[str, str]) -> str:
    return key_of(stored["metric"], task=stored["task"], device=stored["device"])
