"""What the other schemas are made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1, max_length=100)]


Variables = dict[str, str | int | bool | float]


RecipeChoices = dict[str, list[str | int | float]]


class Create(BaseModel):
    """Base of everything that is taken."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class QuantityCreate(Create):
    """A metric of a task, a device, both or neither."""

    metric: Name
    task: Name | None = None
    device: Name | None = None
