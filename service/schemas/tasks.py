"""Tasks: the data sets that networks can be designed for, built in or uploaded."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.base import Create
from spaces.names import PATTERN
from store.tasks.task import StoredTask

NAME = f"^{PATTERN}$"


class TaskCreate(Create):
    """A task of classifying ImageNet classes; for images of your own send `multipart/form-data`."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"name": "dogs-and-cats", "imagenet_classes": ["n02085620", "n02123045", "n02123159"]}
        }
    )

    name: str = Field(pattern=NAME)
    imagenet_classes: list[Annotated[str, Field(pattern=r"^n\d{8}$")]] = Field(
        min_length=2, max_length=1000, description="WordNet ids"
    )


class EmbeddingPublic(BaseModel):
    """What was made of a task: the encoder's version, the digest of the result, how many images it saw."""

    version: str
    digest: str
    source: str
    images: int

    @classmethod
    def of(cls, task: StoredTask) -> "EmbeddingPublic":
        """The public face of a stored task's embedding."""
        about = task.about
        return cls(
            version=about.version,
            digest=f"sha256:{about.embedding}",
            source=about.source,
            images=about.embedded,
        )


class UploadedTaskPublic(BaseModel):
    """A task that was added: its classes and images, what was left out and why, and what was made of them."""

    task: str
    classes: int
    images: int
    left_out: dict[str, int] = Field(default_factory=dict, description="why files were not taken → how many")
    embedding: EmbeddingPublic
    created_at: datetime

    @classmethod
    def of(cls, task: StoredTask) -> "UploadedTaskPublic":
        """The public face of a stored task."""
        return cls(
            task=task.name,
            classes=len(task.about.classes),
            images=task.about.images,
            left_out=dict(task.about.left_out),
            embedding=EmbeddingPublic.of(task),
            created_at=task.created_at,
        )


class TaskPublic(BaseModel):
    """A data set that networks can be designed for, and the spaces in which it is known.

    ``images`` and ``embedding`` are those of a task that was uploaded; None for one that is built in.
    ``classes`` is None where a plug-in's space does not say how many.
    """

    name: str
    description: str
    classes: int | None
    spaces: list[str]
    images: int | None = None
    embedding: EmbeddingPublic | None = None


class TaskShown(TaskPublic):
    """A task with the names of its classes; none are kept of one that is built in."""

    class_names: list[str]


class TaskList(BaseModel):
    """A page of tasks."""

    tasks: list[TaskPublic]
    has_more: bool
