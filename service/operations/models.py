"""The trained predictors of one process: each loaded once, shared by all requests, the oldest let go."""

import threading
from typing import TYPE_CHECKING

from spaces.recently_used import RecentlyUsed
from store.blobs.blobs import Blobs

if TYPE_CHECKING:
    from predictors.predictor import Predictor

MAX_BYTES = 192 * 2**20


class ModelCache:
    """Models by the SHA-256 of their weights, so that a new version is another entry and never a stale one.

    Args:
        blobs: where the weights are.
        max_bytes: of memory, as estimated; at least the model used last stays.
    """

    def __init__(self, blobs: Blobs, max_bytes: int = MAX_BYTES) -> None:
        self._blobs = blobs
        self._lock = threading.Lock()
        self._loading: dict[str, threading.Lock] = {}
        self._models = RecentlyUsed[str, "tuple[Predictor, int]"](max_bytes, size=lambda kept: kept[1])

    def get(self, space: str, kind: str, model: str, labels: int) -> "Predictor":
        """The model of a blob; read it, never change it: others use it at the same time.

        Args:
            model: name of the blob.
            labels: what it learned from; kinds that invert a matrix need memory by their square.

        Raises:
            BlobNotFound: it was deleted.
            DamagedModel: it is no model of this kind and space.
        """
        with self._lock:
            if (kept := self._models.get(model)) is not None:
                return kept[0]
            loading = self._loading.setdefault(model, threading.Lock())
        with loading:  # one loads, the others wait for it
            if (kept := self._models.get(model)) is not None:
                return kept[0]
            try:
                data = self._blobs.get(model)
                loaded = read(space, kind, data)
                self._models.put(model, (loaded, len(data) + 24 * labels**2))
            finally:
                with self._lock:
                    self._loading.pop(model, None)
            return loaded

    def copy(self, space: str, kind: str, model: str) -> "Predictor":
        """The same model, read anew, for the caller alone."""
        return read(space, kind, self._blobs.get(model))

    def __len__(self) -> int:
        return len(self._models)


def read(space: str, kind: str, data: bytes) -> "Predictor":
    """A predictor from its bytes; loads the model library when first used."""
    from predictors.training.observations import read_predictor
    from spaces.known import get_space

    return read_predictor(kind, data, get_space(space))
