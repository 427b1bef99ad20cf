"""Spaces and tasks."""

from typing import Literal

from pydantic import BaseModel

from service.schemas.base import Variables


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
