"""Base classes of the schemas."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from search.request.quantities import parts_of_key
from spaces.costs.network_config import RESOLUTIONS
from spaces.names import PATTERN
from store.jobs.place import LEAST_PRIORITY, MOST_PRIORITY

Name = Annotated[str, Field(min_length=1, max_length=100)]


FIRST_ONLY = Field(fail_fast=True)
"""Of a long list: only its first wrong entry is reported. All of them would take minutes to write down."""


def _let_others_go_on(value: "dict[str, str | int | bool | float]") -> "dict[str, str | int | bool | float]":
    """The value itself. Only between two calls of Python code may other threads go on."""
    return value


Variables = Annotated[dict[str, str | int | bool | float], AfterValidator(_let_others_go_on)]


RecipeChoices = dict[str, Annotated[list[str | int | float], FIRST_ONLY]]


class Create(BaseModel):
    """Base of everything that is taken."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class QuantityCreate(Create):
    """A metric of a task, a device, both or neither; the metric may be a key that names them too."""

    metric: Annotated[str, Field(min_length=1, max_length=302)]
    task: Name | None = None
    device: Name | None = None

    @model_validator(mode="before")
    @classmethod
    def _key_apart(cls, item: Any) -> Any:
        key = item.get("metric") if isinstance(item, dict) else None
        if not isinstance(key, str) or "@" not in key:
            return item
        parts = parts_of_key(key)
        for name in ("task", "device"):
            if item.get(name) is not None and item[name] != parts.get(name):
                raise ValueError(f"the metric {key[:100]!r} and {name} contradict each other: give one")
        return {**item, **parts}


def of_key(item: object) -> object:
    """An object for a key; anything else as it is."""
    return parts_of_key(item) if isinstance(item, str) else item


QuantityItem = Annotated[QuantityCreate, BeforeValidator(of_key, json_schema_input_type=str | QuantityCreate)]
"""A quantity as an object, or as its key: ``accuracy@cifar10``."""

TEACHER = (
    "whether the network learns from the answers of the pretrained backbone too (distillation), which is "
    "trained on the same images first"
)

Resolution = Annotated[int | None, Field(ge=RESOLUTIONS[0], le=RESOLUTIONS[1])]
"""Side of square images, in pixels."""


Priority = Annotated[
    int,
    Field(
        ge=LEAST_PRIORITY,
        le=MOST_PRIORITY,
        description="among your jobs that wait, those of the highest priority go first",
    ),
]
Label = Annotated[
    str | None,
    Field(
        pattern=f"^{PATTERN}$",
        max_length=100,
        description="only workers take it whose `NETWRIGHT_QUEUES` names the label",
    ),
]


class NetworkPublic(BaseModel):
    """Which network exact costs are of.

    ``task`` is the space's whose version it is; ``resolution`` the side of the images in pixels, null where
    each architecture has its own or there are no images; ``skeleton`` is ``full`` or ``small``.
    """

    task: str | None
    classes: int | None
    resolution: int | None
    skeleton: str
