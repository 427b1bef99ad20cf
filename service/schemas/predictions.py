"""Predictions of architectures."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from predictors.kinds import KINDS
from service.schemas.base import (
    FIRST_ONLY,
    Create,
    Name,
    NetworkPublic,
    QuantityCreate,
    Resolution,
    Variables,
    of_key,
)
from spaces.costs.network_config import MOST_CLASSES
from spaces.known import SPACES


class PredictedQuantityCreate(QuantityCreate):
    """A quantity to predict, and by which of your own predictors, if by one."""

    predictor: Annotated[
        str | None,
        Field(max_length=64, description="id of a predictor that you trained, or `latest` for your newest"),
    ] = None


PredictedQuantityItem = Annotated[
    PredictedQuantityCreate,
    BeforeValidator(of_key, json_schema_input_type=str | PredictedQuantityCreate),
]
"""As an object, or as its key."""


class PredictCreate(Create):
    """Architectures, and which of their quantities to predict."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "space": "nasbench201",
                "metrics": [{"metric": "accuracy", "task": "cifar10-int8-ptq"}, {"metric": "params_m"}],
                "architectures": [
                    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|none~2|"
                ],
            }
        }
    )

    space: Name = Field(description=f"one of {', '.join(SPACES.names())} or the name of one of your own")
    metrics: list[PredictedQuantityItem] = Field(min_length=1, max_length=16)
    architectures: Annotated[list[str | Variables], FIRST_ONLY] = Field(
        description="canonical strings, or objects of the space's variables; at most 50,000"
    )
    kind: Literal[KINDS.names()] = "auto"  # type: ignore[valid-type]
    layout: Literal["rows", "columns"] = "rows"
    confidence: float = Field(default=0.9, ge=0.5, le=0.999)
    classes: int | None = Field(
        default=None, ge=1, le=MOST_CLASSES, description="of the networks that exact costs are of"
    )
    resolution: Resolution = Field(
        default=None, description="side of the images that exact costs are for, in pixels"
    )


class IntervalPublic(BaseModel):
    """One predicted number in the metric's unit; no bounds where no interval can be promised.

    ``extrapolated`` is true far from what the model learned from; then there are no bounds either.
    """

    mean: float
    std: float
    lower: float | None
    upper: float | None
    extrapolated: bool


class ColumnPublic(BaseModel):
    """Predicted numbers of one quantity, in the order of the architectures."""

    mean: list[float]
    std: list[float]
    lower: list[float | None]
    upper: list[float | None]
    extrapolated: list[bool]


class PredictionsPublic(BaseModel):
    """Predictions by quantity key, in rows (one object an architecture) or in columns.

    ``models`` names the SHA-256 of the model behind each quantity, or ``exact`` where it was computed;
    ``costs_for`` says of which network.
    """

    space: str
    confidence: float
    architectures: list[str]
    predictions: list[dict[str, IntervalPublic]] | dict[str, ColumnPublic]
    models: dict[str, str]
    costs_for: dict[str, NetworkPublic]
