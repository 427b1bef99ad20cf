"""What steers generation: anything that can weigh complete architectures."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from spaces.space import Codes, Floats


class Guide(Protocol):
    """A log weight on architectures; no gradient is needed.

    While an architecture is still partly masked, the generator completes it with the denoiser's own
    prediction and weighs the completion, so a guide only ever sees whole architectures.
    """

    def log_weight(self, codes: Codes) -> Floats:
        """Log weights (b,) of codes (b, v); larger is better, never NaN, finite."""
        ...


class ProductGuide:
    """Several guides at once: the product of their weights."""

    def __init__(self, guides: Sequence[Guide]) -> None:
        self.guides = tuple(guides)

    def log_weight(self, codes: Codes) -> Floats:
        """Sum of the guides' log weights."""
        total = np.zeros(len(codes))
        for guide in self.guides:
            total += guide.log_weight(codes)
        return total
