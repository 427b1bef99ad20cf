"""What the other schemas are made of."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1, max_length=100)]


FIRST_ONLY = Field(fail_fast=True)
"""Of a long list: only its first wrong entry is told. All of them would take minutes to write down."""


def _let_others_go_on(value: "dict[str, str | int | bool | float]") -> "dict[str, str | int | bool | float]":
    """The value itself. Only between two calls of Python code may other threads go on."""
    return value


Variables = Annotated[dict[str, str | int | bool | float], AfterValidator(_let_others_go_on)]


RecipeChoices = dict[str, Annotated[list[str | int | float], FIRST_ONLY]]


class Create(BaseModel):
    """Base of everything that is taken."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class QuantityCreate(Create):
    """A metric of a task, a device, both or neither."""

    metric: Name
    task: Name | None = None
    device: Name | None = None
