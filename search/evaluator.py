"""The abstract evaluator: measures an architecture."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from spaces.metric import Observation


class Evaluator(ABC):
    """Turns a canonical string into measured values; a new one is one file in ``search/evaluators``."""

    source: str
    """What measured it, stated in every observation."""

    @abstractmethod
    def evaluate(self, architecture: str, should_stop: Callable[[], bool]) -> Observation:
        """One architecture's values, or why there are none (``failed``)."""
