"""A task that someone uploaded, as a request carries it, and the predictor that is conditioned on it."""

import importlib
import importlib.util
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from spaces.metric import Quantity
from spaces.sized_task import sized_task

if TYPE_CHECKING:
    from predictors.predictor import Predictor
    from store.blobs import Blobs

METRIC = "accuracy"
_MODULE = "predictors.task_conditioned"
CONDITIONED = ("nasbench201",) if importlib.util.find_spec(_MODULE) is not None else ()
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

    @property
    def sized(self) -> str:
        """What stands for it where exact costs are computed."""
        return sized_task(self.classes)


class _Request(Protocol):
    @property
    def space(self) -> str: ...
    @property
    def uploaded(self) -> UploadedTask | None: ...


def predicted_task(request: _Request, quantity: Quantity) -> UploadedTask | None:
    """The uploaded task of a request whose conditioned predictor tells a quantity; None where none does."""
    task = request.uploaded
    told = task is not None and request.space in CONDITIONED and quantity == task.quantity
    return task if told else None


def extrapolates(model: "Predictor") -> bool:
    """Whether a model says of itself that all it tells is far from what it learned from."""
    return bool(getattr(model, "extrapolated", False))


_kept: "OrderedDict[tuple[str, str], Predictor]" = OrderedDict()
_lock = threading.Lock()


def task_predictor(space: str, task: UploadedTask, blobs: "Callable[[], Blobs]") -> "Predictor":
    """The predictor of a space conditioned on a task; made once a process. Read it, never change it.

    Raises:
        BlobNotFound, BlobDamaged: the embedding is gone.
        DamagedEmbedding: the blob holds something else, or one of another version.
    """
    from encoders.task_embedding import TaskEmbedding

    load_task_predictor = importlib.import_module(_MODULE).load_task_predictor
    key = (space, task.embedding)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    made: Predictor = load_task_predictor(space, TaskEmbedding.from_bytes(blobs().get(task.embedding)))
    with _lock:
        _kept[key] = made
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return made
