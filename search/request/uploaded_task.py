"""A task that someone uploaded, as a request carries it, and the predictor that is conditioned on it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spaces.metric import Quantity
from spaces.recently_used import RecentlyUsed

if TYPE_CHECKING:
    from predictors.predictor import Predictor
    from store.blobs.blobs import Blobs

METRIC = "accuracy"
CONDITIONED = ("nasbench201",)
"""The spaces whose predictor takes a task that it has never seen."""
KEPT = 32
"""Predictors that a process keeps; each is one task's."""


@dataclass(frozen=True, slots=True)
class UploadedTask:
    """A task by its name, its size and the blob of its embedding, so that a job needs nothing else of it.

    Args:
        name: that the request calls it by.
        classes: how many.
        embedding: name of the blob.
        version: of the encoder.
    """

    name: str
    classes: int
    embedding: str
    version: str

    @property
    def quantity(self) -> Quantity:
        """What is predicted of it."""
        return Quantity(METRIC, task=self.name)


class EmbeddingGone(LookupError):
    """The embedding of a task cannot be read, or is one of another encoder; add the task again."""


_kept = RecentlyUsed[tuple[str, str], "Predictor"](KEPT)


def task_predictor(space: str, task: UploadedTask, blobs: "Callable[[], Blobs]") -> "Predictor":
    """The predictor of a space conditioned on a task; made once a process. Read it, never change it.

    Raises:
        EmbeddingGone: its embedding cannot be read.
    """
    from encoders.tasks.embedding import DamagedEmbedding, TaskEmbedding
    from predictors.transfer.task_conditioned import load_task_predictor
    from predictors.transfer.task_model import OtherVersion
    from store.blobs.blobs import BlobDamaged, BlobNotFound

    key = (space, task.embedding)
    if (kept := _kept.get(key)) is not None:
        return kept
    try:
        embedding = TaskEmbedding.from_bytes(blobs().get(task.embedding))
        made = load_task_predictor(space, embedding)
        made.predict(made.space.sample(1, np.random.default_rng(0)))
    except (BlobNotFound, BlobDamaged, DamagedEmbedding, OtherVersion) as error:
        message = f"the embedding of {task.name!r} cannot be used: {error}; add the task again"
        raise EmbeddingGone(message) from error
    _kept.put(key, made)
    return made
