"""Spaces."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.base import Create, Variables
from service.schemas.jobs import JobPublic


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


class SpaceCreate(Create):
    """A space of one's own: its declaration as an object, or as the text of a TOML file."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "declaration": {
                    "name": "small_mlp",
                    "variables": {"layers": [1, 2, 3], "width": [16, 32, 64]},
                    "costs": {"params_m": "layers * width * (width + 1) / 1e6"},
                }
            }
        }
    )

    declaration: dict[str, Any] | None = Field(default=None, description="docs/spaces.md names every key")
    toml: str | None = Field(default=None, max_length=512 * 1024, description="the same as TOML")


class SpaceSummary(BaseModel):
    """A family of architectures, in short; ``declared`` says whether it is one of your own."""

    name: str
    title: str
    size: int
    declared: bool = False


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


class DeclaredSpacePublic(SpacePublic):
    """A space of one's own: the digest that names it in jobs, how its size is known, and what trains it.

    ``predictable`` are the quantities that its observations are enough to predict.
    """

    digest: str
    counted: bool
    predictable: list[str]
    generator: JobPublic | None
