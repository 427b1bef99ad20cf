"""The trained predictors of one process: each loaded once, shared by all requests, the oldest let go."""

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

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
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._loading: dict[str, threading.Lock] = {}
        self._models: OrderedDict[str, tuple[Predictor, int]] = OrderedDict()

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
            if model in self._models:
                self._models.move_to_end(model)
                return self._models[model][0]
            loading = self._loading.setdefault(model, threading.Lock())
        with loading:  # one loads, the others wait for it
            with self._lock:
                if model in self._models:
                    return self._models[model][0]
            try:
                data = self._blobs.get(model)
                loaded = read(space, kind, data)
                self._keep(model, loaded, len(data) + 24 * labels**2)
            finally:
                with self._lock:
                    self._loading.pop(model, None)
            return loaded

    def _keep(self, model: str, loaded: "Predictor", count: int) -> None:
        """Keeps a model of so many bytes, and lets those go that were used the longest ago."""
        with self._lock:
            self._models[model] = loaded, count
            while len(self._models) > 1 and sum(n for _, n in self._models.values()) > self._max_bytes:
                self._models.popitem(last=False)

    def copy(self, space: str, kind: str, model: str) -> "Predictor":
        """The same model, read anew, for the caller alone."""
        return read(space, kind, self._blobs.get(model))

    def __len__(self) -> int:
        return len(self._models)


def read(space: str, kind: str, data: bytes) -> "Predictor":
    """A predictor from its bytes; loads the model library when first used."""
    from predictors.training.observations import read_predictor
    from spaces.space import get_space

    return read_predictor(kind, data, get_space(space))
