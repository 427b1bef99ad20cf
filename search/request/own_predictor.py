"""A predictor that a tenant has trained, as a request carries it: a job needs nothing else of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spaces.known import get_space

if TYPE_CHECKING:
    from predictors.predictor import Predictor
    from store.blobs.blobs import Blobs


class PredictorGone(LookupError):
    """The weights of a trained predictor cannot be read; train it again."""


@dataclass(frozen=True, slots=True)
class OwnPredictor:
    """One version of a predictor.

    Args:
        key: of the quantity that it predicts.
        id: of the predictor.
        kind: that was trained.
        model: name of the blob that holds the weights, which pins the version.
        named: whether the request names it; then it is a prior too where its quantity is measured.
    """

    key: str
    id: str
    kind: str
    model: str
    named: bool

    def load(self, space: str, blobs: "Callable[[], Blobs]") -> "Predictor":
        """The predictor.

        Raises:
            PredictorGone: it was deleted, or its weights are damaged.
        """
        from predictors.predictor import DamagedModel
        from predictors.training.observations import read_predictor
        from store.blobs.blobs import BlobDamaged, BlobNotFound

        try:
            return read_predictor(self.kind, blobs().get(self.model), get_space(space))
        except (BlobNotFound, BlobDamaged, DamagedModel) as error:
            raise PredictorGone(f"predictor {self.id} cannot be used: {error}; train it again") from error
