"""What a strategy may be able to do besides its two verbs; each ability is a protocol.

Whoever uses a strategy asks ``isinstance(strategy, AcceptsPrior)``. A strategy that wraps another one has all
abilities of it and forwards them; :class:`search.testing.StrategySuite` checks that it does.
"""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from predictors.predictor import Predictor


@runtime_checkable
class AcceptsPrior(Protocol):
    """A strategy that can begin with what other tasks tell of this one."""

    def accept_prior(self, prior: Predictor) -> None:
        """Takes a predictor of the objective as the prior of the search, before anything is observed."""


@runtime_checkable
class AcceptsPriors(Protocol):
    """A strategy that can begin with models of several of the quantities that are observed."""

    def accept_priors(self, priors: Mapping[str, Predictor]) -> bool:
        """Takes predictors, quantity key → one that learns observations by ``refine``.

        Returns:
            whether the strategy uses them for its problem
        """


@runtime_checkable
class Predicts(Protocol):
    """A strategy that predicts what it suggests."""

    def predicted(self, architecture: str) -> Mapping[str, Mapping[str, float]]:
        """The prediction of a suggested architecture at the time of its suggestion.

        Returns:
            quantity key → ``mean``, ``std``, ``lower``, ``upper``; empty where there was no model yet
        """


@runtime_checkable
class StartsUniformly(Protocol):
    """A strategy whose first suggestions are uniform draws, so that they stand for random search."""

    def uniform_first(self, parallel: int = 1) -> int:
        """How many of the first :meth:`search.strategy.Strategy.finished` evaluations are sure to have been
        drawn uniformly from the architectures within the exact bounds.

        Args:
            parallel: evaluations at the same time: some end before others that were suggested earlier.
        """


ABILITIES = (AcceptsPrior, AcceptsPriors, Predicts, StartsUniformly)
