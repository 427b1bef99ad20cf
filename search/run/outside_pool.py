"""A design whose evaluations are all made by clients outside: as many are offered as may run at once."""

from collections.abc import Sequence

from search.evaluator import Evaluator, RemoteEvaluations
from search.evaluators.external import ExternalEvaluator
from search.run.composite import CompositeEvaluator
from spaces.metric import Observation


class OutsidePool:
    """The :class:`search.run.evaluation_pool.EvaluationPool` of such a design: no worker is kept busy by it.

    Args:
        evaluator: of the design.
        outside: the part of it that hands out.
        remote: where offers are.
        stored: observations of earlier attempts.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        outside: ExternalEvaluator,
        remote: RemoteEvaluations,
        stored: Sequence[Observation],
    ) -> None:
        self._evaluator, self._outside, self._remote = evaluator, outside, remote
        done = {observation.architecture for observation in stored}
        self._waiting = [name for name in remote.offered() if name not in done]

    def waiting(self) -> list[str]:
        """What was offered and has not come back."""
        return list(self._waiting)

    def hand_out(self, architecture: str) -> None:
        """Offers one more."""
        self._outside.offer(architecture)
        self._waiting.append(architecture)

    def collect(self) -> list[Observation]:
        """What has come back, with exact values filled in."""
        ended = self._remote.ended() if self._waiting else set()
        back = [name for name in self._waiting if name in ended]
        self._waiting = [name for name in self._waiting if name not in ended]
        return [self._evaluator.evaluate(name, lambda: False) for name in back]

    def take_back(self) -> str | None:
        """Nothing: whoever asks next evaluates it."""
        return None


def outside_pool(
    evaluator: Evaluator, remote: RemoteEvaluations | None, stored: Sequence[Observation]
) -> OutsidePool | None:
    """The pool of a design that measures nothing itself; None where a part of it does."""
    if remote is None or not isinstance(evaluator, CompositeEvaluator) or len(evaluator.parts) != 1:
        return None
    (part,) = evaluator.parts
    if not isinstance(part, ExternalEvaluator):
        return None
    return OutsidePool(evaluator, part, remote, stored)
