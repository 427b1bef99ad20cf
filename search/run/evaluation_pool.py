"""Evaluations by other workers while this one evaluates too."""

from typing import Protocol

from spaces.metric import Observation


class EvaluationPool(Protocol):
    """Others who evaluate for a loop; what was handed out survives the loop's own worker."""

    def waiting(self) -> list[str]:
        """Architectures that were handed out, by earlier attempts too, and are not collected yet."""

    def hand_out(self, architecture: str) -> None:
        """Asks that someone evaluate an architecture."""

    def collect(self) -> list[Observation]:
        """What has ended since the last call, with values or a reason why there are none."""

    def take_back(self) -> str | None:
        """An architecture that nobody has begun, and that nobody will now; None where all are begun."""
