"""Evaluations that clients outside make."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.base import Create, Name
from service.schemas.studies import ClientId
from store.external.evaluation import Claim

Token = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="as claiming gave it")]


class ClaimCreate(Create):
    """Who asks for work, and of which design."""

    model_config = ConfigDict(json_schema_extra={"example": {"client_id": "gpu-7"}})

    client_id: ClientId
    job: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="id of a design; of any unless said"
    )


class HeartbeatCreate(Create):
    """That a client is still at it."""

    token: Token


class ExternalResultCreate(Create):
    """What an evaluation brought, or why it failed."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"token": "0" * 32, "values": {"accuracy": 93.1}, "seconds": 812}}
    )

    token: Token
    values: dict[Name, float] | None = Field(
        default=None, max_length=32, description="by quantity key, or by metric where that is clear"
    )
    failed: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    seconds: float = Field(default=0.0, ge=0, le=1e9)


class EvaluationPublic(BaseModel):
    """An evaluation that a client has; ``stopped``: nobody waits for it any more."""

    id: str
    token: str
    job: str
    architecture: str
    space: str
    task: str
    variables: dict[str, Any] = Field(description="the architecture as an object: variable → choice")
    quantities: dict[str, dict[str, Any]] = Field(description="key → metric, unit, direction, range")
    attempt: int
    lease_seconds: float
    lease_until: datetime
    stopped: bool

    @classmethod
    def of(cls, claim: Claim) -> "EvaluationPublic":
        """The public face of a claim."""
        order: Any = claim.offer.order
        return cls(
            id=claim.id,
            token=claim.token,
            job=claim.offer.job_id,
            architecture=claim.offer.architecture,
            space=order["space"],
            task=order["task"],
            variables=order["variables"],
            quantities=order["quantities"],
            attempt=claim.attempt,
            lease_seconds=claim.offer.lease_seconds,
            lease_until=claim.lease_until,
            stopped=claim.stopped,
        )


class ClaimedPublic(BaseModel):
    """The evaluation that is yours now, or null where none waits."""

    evaluation: EvaluationPublic | None


class ResultTaken(BaseModel):
    """Whether the result was news."""

    news: bool


class EvaluatedPublic(BaseModel):
    """One evaluation of a design; ``predicted`` is what was predicted before it."""

    number: int
    architecture: str
    at: datetime | None
    source: str
    client_id: str | None
    seconds: float
    fidelity: str
    failed: str | None
    values: dict[str, float]
    predicted: dict[str, dict[str, float | None]]


class EvaluationList(BaseModel):
    """Every evaluation of a design so far, in the order in which they ended."""

    job: str
    evaluations: list[EvaluatedPublic]
