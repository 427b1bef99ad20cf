"""Networks that tenants train, to take them away."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from networks.training.start import STARTS
from service.schemas.base import TEACHER, Create, Label, Name, Priority, Variables
from service.schemas.jobs import JobPublic
from spaces.costs.network_config import SKELETONS
from store.datasets.dataset import DATASETS
from store.jobs.job import Job, JobState
from store.networks.network import StoredNetwork


class NetworkCreate(Create):
    """An architecture to train on all training images: of a design's result, or named with its data set."""

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={
            "example": {
                "space": "nasbench201",
                "architecture": "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
                "+|skip_connect~0|nor_conv_3x3~1|none~2|",
                "dataset": "flowers",
                "recipe": {"epochs": 100},
                "resolution": 32,
                "from": "scratch",
            }
        },
    )

    job: Annotated[str | None, Field(max_length=64, description="a design, whose result has the `rank`")] = (
        None
    )
    rank: Annotated[int | None, Field(ge=1, le=1_000_000)] = None
    space: Name | None = None
    architecture: str | Variables | None = None
    dataset: Annotated[Name | None, Field(description="the images; of a design its own unless said")] = None
    task: Annotated[Name | None, Field(description="the same as `dataset`")] = None
    start: Annotated[
        Literal[STARTS] | None,  # type: ignore[valid-type]
        Field(
            alias="from",
            description="new weights, those that the search trained, or pretrained ones; "
            "pretrained unless said where the space has some",
        ),
    ] = None
    recipe: Annotated[
        dict[str, Any] | None,
        Field(description="as evaluator_options.training.recipe; what is left out is as the design had it"),
    ] = None
    resolution: Annotated[int | None, Field(ge=8, le=512, description="side of the images in pixels")] = None
    network: Literal[SKELETONS] | None = None  # type: ignore[valid-type]
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    priority: Priority = 0
    label: Label = None
    teacher: Annotated[bool, Field(description=TEACHER)] = False


class NetworkUrls(BaseModel):
    """Where to ask next, as paths on this server; ``bundle`` is None before the training has ended."""

    self: str
    job: str
    bundle: str | None


class TrainedNetworkPublic(BaseModel):
    """A network: what it is, how far it is, and, once it is trained, what its files measure (``card``)."""

    id: str
    space: str
    architecture: str
    dataset: str
    order: dict[str, Any]
    state: Literal["training", "ready", "failed"]
    reason: str | None
    weights: str | None = Field(description="SHA-256 of the weights")
    bundle: str | None = Field(description="SHA-256 of the bundle")
    card: dict[str, Any] | None
    created_at: datetime
    trained_at: datetime | None
    urls: NetworkUrls

    @classmethod
    def of(cls, found: StoredNetwork) -> "TrainedNetworkPublic":
        """The public face of a stored network."""
        ready = found.bundle is not None
        path = f"/v1/networks/{found.id}"
        return cls.model_validate(
            {
                "id": found.id,
                "space": found.spec.space,
                "architecture": found.spec.architecture,
                "dataset": found.spec.dataset,
                "order": {name: value for name, value in found.spec.order.items() if name != DATASETS},
                "state": "ready" if ready else _waiting(found.job_state),
                "reason": None if ready else found.reason,
                "weights": None if found.weights is None else f"sha256:{found.weights}",
                "bundle": None if found.bundle is None else f"sha256:{found.bundle}",
                "card": found.card or None,
                "created_at": found.created_at,
                "trained_at": found.trained_at,
                "urls": {
                    "self": path,
                    "job": f"/v1/jobs/{found.job_id}",
                    "bundle": f"{path}/bundle" if ready else None,
                },
            }
        )


def _waiting(state: JobState) -> str:
    return "failed" if state.terminal else "training"


class NetworkList(BaseModel):
    """A page of networks, newest first."""

    networks: list[TrainedNetworkPublic]
    has_more: bool


class NetworkJobPublic(JobPublic):
    """A job that trains a network."""

    network: str

    @classmethod
    def training(cls, job: Job, network_id: str) -> "NetworkJobPublic":
        """The public face of a training job."""
        return cls.model_validate({**JobPublic.of(job).model_dump(), "network": network_id})
