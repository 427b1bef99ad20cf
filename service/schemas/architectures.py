"""What is asked of one architecture."""

from typing import Literal

from pydantic import ConfigDict, Field

from service.schemas.base import Create, Name, Resolution, Variables
from spaces.costs.network_config import MOST_CLASSES


class ArchitectureExport(Create):
    """A network to take away: of which architecture, and of which size."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "space": "nasbench201",
                "architecture": "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
                "+|skip_connect~0|nor_conv_3x3~1|none~2|",
                "classes": 5,
                "resolution": 96,
                "format": "onnx",
            }
        }
    )

    space: Name
    architecture: str | Variables
    task: Name | None = Field(
        None, description="whose number of classes and version of the network; your own too"
    )
    classes: int | None = Field(None, ge=1, le=MOST_CLASSES)
    resolution: Resolution = None
    skeleton: Literal["full", "small"] = "full"
    format: Literal["torch", "onnx", "json", "svg"] = "torch"
