"""The abstract strategy: two verbs, immutable inputs.

A new strategy is one file in ``search/strategies`` and one line in ``tests/search/test_conformance.py``.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from importlib import import_module
from pkgutil import iter_modules

import numpy as np

from search.problem import Problem
from search.trial import CompletedTrial, PendingTrial
from spaces.space import Codes


class Exhausted(RuntimeError):
    """No further member within the exact bounds was found; not worth a retry with the same bounds."""


class Strategy(ABC):
    """Chooses what to evaluate next.

    All state is what was observed: two strategies of one kind, problem and seed that observed the same trials
    suggest the same, so a killed search continues from its stored observations.

    Args:
        problem: objectives and constraints.
        seed: every random choice follows from it and from the number of trials observed.
    """

    name: str

    def __init__(self, problem: Problem, *, seed: int = 0) -> None:
        self.problem = problem
        self.seed = seed
        self.completed: tuple[CompletedTrial, ...] = ()
        self.pending: tuple[PendingTrial, ...] = ()

    @abstractmethod
    def suggest(self, count: int) -> list[str]:
        """``count`` distinct architectures within the exact bounds, none of them completed or pending.

        Raises:
            Exhausted: where not a single one is found; fewer than ``count`` are returned where some are.
        """

    def observe(self, completed: Sequence[CompletedTrial], pending: Sequence[PendingTrial] = ()) -> None:
        """Takes in newly completed trials, and all that are pending now."""
        self.completed = (*self.completed, *completed)
        self.pending = tuple(pending)

    def foresee(self, architecture: str) -> dict[str, dict[str, float]]:
        """What was expected of an architecture when it was suggested: quantity key → mean, std, lower, upper.

        Empty for a strategy without a model.
        """
        return {}

    def rng(self) -> np.random.Generator:
        """Randomness of the next suggestion: from the seed and what was observed, nothing else."""
        return np.random.default_rng([self.seed, len(self.completed), len(self.pending)])

    def taken(self) -> Codes:
        """Codes (m, v) of every completed or pending trial."""
        completed = [trial.architecture for trial in self.completed]
        pending = [trial.architecture for trial in self.pending]
        return self.problem.space.parse_many([*completed, *pending])


_STRATEGIES: dict[str, Callable[..., Strategy]] = {}


def register(cls: type[Strategy]) -> type[Strategy]:
    """Class decorator: makes a strategy known by its name."""
    _STRATEGIES[cls.name] = cls
    return cls


def get_strategy(name: str) -> Callable[..., Strategy]:
    """The strategy class of a name; KeyError names the known ones."""
    from search import strategies

    for module in iter_modules(strategies.__path__, "search.strategies."):
        import_module(module.name)
    if name not in _STRATEGIES:
        raise KeyError(f"unknown strategy {name!r}; known are {', '.join(sorted(_STRATEGIES))}")
    return _STRATEGIES[name]
