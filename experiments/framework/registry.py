"""The comparisons that are known by name; each registers beside its function."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from experiments.framework.context import Context
from experiments.framework.row import Row

Function = Callable[[Context], Sequence[Row]]


@dataclass(frozen=True, slots=True)
class Registered:
    """A known comparison.

    Args:
        name: as on the command line.
        protocol: what is compared with what, on which data; what trained and what evaluates.
        function: from a context to rows.
        seeds: repetitions in the short form.
        full_seeds: repetitions with ``--full``.
        trains: whether it trains networks on images.
        alone: whether it times something, so that nothing else should run beside it.
        hours: of two cores that the full form takes, about.
    """

    name: str
    protocol: str
    function: Function
    seeds: int
    full_seeds: int
    trains: bool
    alone: bool
    hours: float

    @property
    def module(self) -> str:
        """Where the comparison stands."""
        return self.function.__module__

    @property
    def group(self) -> str:
        """Which target makes it: ``tables``, ``training`` or ``reliability``."""
        if self.module.startswith("experiments.reliability"):
            return "reliability"
        return "training" if self.trains else "tables"


KNOWN: dict[str, Registered] = {}


def comparison(
    name: str,
    *,
    protocol: str,
    seeds: int = 3,
    full_seeds: int = 20,
    trains: bool = False,
    alone: bool = False,
    hours: float = 0.1,
) -> Callable[[Function], Function]:
    """Function decorator: makes a comparison known by its name; see :class:`Registered`.

    Raises:
        ValueError: where the protocol says nothing.
    """
    if not protocol.strip():
        raise ValueError(f"comparison {name} needs a protocol")

    def register(function: Function) -> Function:
        KNOWN[name] = Registered(name, protocol, function, seeds, full_seeds, trains, alone, hours)
        return function

    return register
