"""Batches: many designs ordered as one, written out or as a template and a grid."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.base import FIRST_ONLY, Create
from service.schemas.designs import DesignCreate, ResultPublic, ValuePublic
from service.schemas.jobs import JobPublic

MAX_DESIGNS = 1_000
"""Of one batch."""
MAX_AXES = 16

Path = Annotated[str, Field(min_length=1, max_length=200)]


class BatchCreate(Create):
    """An order for many designs: either ``designs``, or a ``template`` and a ``grid``.

    The grid names fields of a design and the values that each takes in turn; every combination is a design.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "template": {
                    "space": "nasbench201",
                    "constraints": [{"metric": "params_m", "max": 1.0}],
                    "count": 4,
                },
                "grid": {
                    "task": ["cifar10-fp32", "cifar10-int8-ptq"],
                    "constraints[0].max": [0.3, 0.5, 1.0],
                },
            }
        }
    )

    designs: Annotated[list[DesignCreate], FIRST_ONLY] = Field(default_factory=list, max_length=MAX_DESIGNS)
    template: dict[str, Any] | None = Field(
        default=None, description="a design, perhaps without what the grid gives"
    )
    grid: dict[Path, Annotated[list[Any], Field(min_length=1, max_length=MAX_DESIGNS)]] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_AXES,
        description="field of a design (`task`, `constraints[0].max`) → the values that it takes",
    )


class BatchDesignPublic(BaseModel):
    """A design of a batch: which it is, where it stands, what it gave so far."""

    index: int
    space: str
    task: str
    varied: dict[str, Any] | None = Field(default=None, description="what the grid gave it")
    job: JobPublic
    result: ResultPublic | None


class BatchDesignList(BaseModel):
    """A page of a batch's designs, in order."""

    designs: list[BatchDesignPublic]
    has_more: bool


class BoundPublic(BaseModel):
    """The ends of a bound."""

    min: float | None
    max: float | None


class BatchRow(BaseModel):
    """A design in a batch's table: what it was asked for, and the best that it gave so far.

    ``origins`` are the jobs that evaluated the architecture: others than the design's own where a training
    was shared. ``nearest`` is that of an infeasible design.
    """

    index: int
    job: str
    name: str | None
    state: str
    reason: str | None
    space: str
    task: str
    devices: list[str]
    bounds: dict[str, BoundPublic]
    architecture: str | None
    feasible_probability: float | None
    values: dict[str, ValuePublic]
    evaluated: int | None
    origins: list[str]
    nearest: str | None


class BatchTable(BaseModel):
    """A batch as one table, in the order of its designs."""

    batch: str
    rows: list[BatchRow]
