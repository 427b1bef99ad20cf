"""The space: a family of architectures, what may vary in it, and how an architecture is written.

Notation, used in every room::

    b   architectures in a batch
    v   variables of the space (what a person chooses)
    s   slots of the space's graph (what the generator fills); each operation or free edge is one
    n   nodes of the graph
    k   size of a vocabulary

A batch of architectures is an array of *codes*, ``(b, v)`` int8: for each variable the index of its
choice. Codes are canonical when ``parse(format(codes)) == codes``.
"""

import reprlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from spaces.costs.network_config import FULL, NetworkConfig
from spaces.metric import METRICS, Metric

Codes = NDArray[np.int8]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

ENUMERABLE = 100_000
"""The largest space whose architectures are listed where all of them are needed."""
Choice = str | int | bool | float


class InvalidArchitecture(ValueError):
    """A string or object that is not an architecture of the space; never worth a retry.

    Args:
        message: what is wrong.
        position: offset in the string, or None.
        hint: what would be right.
    """

    def __init__(self, message: str, *, position: int | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Variable:
    """One choice that makes an architecture."""

    name: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """One place of the graph that the generator fills.

    Args:
        name: unique in the space.
        size: vocabulary size k; values are 0..k-1. For an edge: 0 absent, 1 present.
        node: the node it describes, or the edge's target.
        source: the edge's source node; None where the slot is an operation.
    """

    name: str
    size: int
    node: int
    source: int | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """A batch of directed acyclic graphs with operations on the nodes.

    Shapes:
        operations: (b, n) int64, index into ``Space.operations``
        adjacency: (b, n, n) bool, upper triangular; [i, j] is the edge i → j
    """

    operations: NDArray[np.int64]
    adjacency: Bools


class Space(ABC):
    """A family of architectures.

    A new space is one file in ``spaces/families``, or in a package that you install (``docs/extending.md``),
    and one line of test.
    """

    name: str
    title: str
    variables: tuple[Variable, ...]
    operations: tuple[str, ...]
    """Vocabulary of the graph's nodes, input and output included."""
    zero_operations: tuple[str, ...] = ()
    """Operations whose output is zero whatever comes in."""
    identity_operations: tuple[str, ...] = ()
    """Operations that pass their input through."""
    list_operations: tuple[str, ...] = ()
    """Operations on graphs that take the data's edges as a list, so that all others of a network do too."""
    slots: tuple[Slot, ...]
    skeleton: Bools
    """(n, n) bool: edges that every architecture's graph has; free edges are slots."""
    size: int
    """Number of canonical strings."""
    tasks: tuple[str, ...]
    devices: tuple[str, ...]
    metrics: tuple[str, ...]
    own_metrics: Mapping[str, Metric] = MappingProxyType({})
    """Those of :attr:`metrics` that the space itself defines, by name."""
    statistics_names: tuple[str, ...]
    """Keys of :meth:`statistics`, in order; all finite for every architecture."""
    task_dependent_cost: bool = False
    """Whether statistics need a task (then a quantity's key carries it: ``params_m@arxiv``)."""
    example: str
    description: str
    has_twins: bool = True
    """Whether architectures of different strings may compute the same function (:meth:`isomorphism_key`)."""
    transient: bool = False
    """Whether the process lets it go when it needs the memory, such as one that a user declared."""

    @property
    def public_name(self) -> str:
        """What a person calls it; a declared space's ``name`` is longer."""
        return self.name

    @property
    def memory_bytes(self) -> int:
        """Memory that it takes, roughly; asked only of spaces that are added while the process runs."""
        return 0

    # strings and objects
    @abstractmethod
    def parse(self, text: str) -> Codes:
        """Canonical codes (v,) of a string, which need not be canonical itself.

        Raises:
            InvalidArchitecture: with the position and a hint.
        """

    @abstractmethod
    def format(self, codes: Codes) -> list[str]:
        """Canonical strings of canonical codes (b, v)."""

    @abstractmethod
    def reason(self, codes: Codes) -> str | None:
        """Why codes (v,) are not an architecture of the space; None where they are one."""

    @abstractmethod
    def canonical(self, codes: Codes) -> Codes:
        """Canonical codes (b, v) of valid codes (b, v)."""

    # architectures
    @abstractmethod
    def sample(self, count: int, rng: np.random.Generator) -> Codes:
        """Architectures drawn uniformly with replacement, (count, v), canonical."""

    @abstractmethod
    def neighbours(self, codes: Codes) -> Codes:
        """The distinct architectures one change away from codes (v,), (m, v), itself not among them."""

    def enumerate(self) -> Codes:
        """Every architecture once, (size, v), canonical, in a fixed order.

        Raises:
            ValueError: where the space is too large.
        """
        raise ValueError(f"{self.public_name} has {self.size:.3g} architectures, too many to enumerate")

    # graph
    @abstractmethod
    def graph(self, codes: Codes) -> Graph:
        """The graphs of codes (b, v)."""

    def slot_operations(self, slot: Slot) -> NDArray[np.int64]:
        """Which of ``operations`` each value of an operation slot stands for, (k,).

        As many as the slot's size, from the first behind the input on, unless a space says otherwise.
        """
        return np.arange(1, slot.size + 1)

    @abstractmethod
    def isomorphism_key(self, codes: Codes) -> str:
        """Equal for architectures (v,) of one function; it never replaces the canonical string."""

    @abstractmethod
    def slot_values(self, codes: Codes) -> Codes:
        """The slots' values (b, s) of codes (b, v)."""

    @abstractmethod
    def from_slots(self, values: Codes) -> tuple[Codes, Bools]:
        """Canonical codes (b, v) of slot values (b, s), and which rows are valid (b,).

        Rows that are not valid hold the example's codes.
        """

    # cost
    @abstractmethod
    def statistics(self, codes: Codes, task: str | None = None) -> dict[str, Floats]:
        """Exact, training-free numbers of codes (b, v): name → (b,), in the order of ``statistics_names``.

        Names that are metrics (``params_m``, ``macs_m``, ``peak_memory_mb``) are in the metric's unit.
        """

    def network_config(
        self,
        task: str | None = None,
        *,
        classes: int | None = None,
        resolution: int | None = None,
        skeleton: str = FULL,
    ) -> NetworkConfig:
        """Which network is meant by a task and, in a space of image classifiers, by what else is said.

        Args:
            task: whose version of the network; one that the space does not know has none of its own.
            classes: width of the output.
            resolution: side of the images, in pixels.
            skeleton: ``full`` or ``small``.

        Raises:
            ValueError: for what the space's networks do not have, or no network has.
        """
        if classes is not None or resolution is not None or skeleton != FULL:
            raise ValueError(f"{self.public_name} has no networks whose classes or images can be chosen")
        return NetworkConfig(task if task in self.tasks else None)

    def costs(self, codes: Codes, network: NetworkConfig) -> dict[str, Floats]:
        """The statistics (b,) of codes (b, v) for the network that is meant, named as in :meth:`statistics`.

        What people read and bound. Models learn from :meth:`statistics`, whatever network is meant.

        Args:
            codes: (b, v).
            network: as :meth:`network_config` gives it.
        """
        return self.statistics(codes, network.task)

    def allowed(self, codes: Codes, task: str | None) -> Bools:
        """Which of codes (b, v) the task admits, (b,); all of them unless a space says otherwise."""
        return np.ones(len(codes), dtype=bool)

    def read_canonical(self, texts: Sequence[str]) -> Codes | None:
        """Codes (b, v) of canonical strings, faster than one by one; None where a string is not canonical.

        A space without a fast way always says None: :meth:`parse` then reads each by itself.
        """
        return None

    def metric(self, name: str) -> Metric:
        """The metric of a name, the space's own first.

        Raises:
            KeyError: neither the space nor the program knows it.
        """
        return self.own_metrics.get(name) or METRICS[name]

    @property
    def network_space(self) -> "Space":
        """The space of the networks alone: itself, unless more than networks is chosen
        (:mod:`spaces.with_recipe`).
        """
        return self

    def networks(self, codes: Codes) -> Codes:
        """Codes (b, w) in :attr:`network_space` of codes (b, v)."""
        return codes

    # shared by all spaces
    def parse_many(self, architectures: Iterable[str | Mapping[str, object]]) -> Codes:
        """Codes (b, v) of strings or objects of variables.

        Raises:
            InvalidArchitecture: its message begins with the index of the first bad entry.
        """
        codes, faults = self.read_many(list(architectures))
        for index, error in faults:
            raise InvalidArchitecture(
                f"architecture {index}: {error.message}", position=error.position, hint=error.hint
            )
        return codes

    def read_many(
        self, architectures: Sequence[str | Mapping[str, object]], most: int = 1
    ) -> tuple[Codes, list[tuple[int, InvalidArchitecture]]]:
        """Codes (b, v) of strings or objects of variables, and what is wrong with the first bad ones.

        Args:
            architectures: strings or objects of variables.
            most: bad ones to report; where there is any, the codes mean nothing.
        """
        texts = [architecture for architecture in architectures if isinstance(architecture, str)]
        if texts and len(texts) == len(architectures) and (known := self.read_canonical(texts)) is not None:
            return known, []
        rows: list[Codes] = []
        faults: list[tuple[int, InvalidArchitecture]] = []
        for index, architecture in enumerate(architectures):
            try:
                rows.append(
                    self.parse(architecture)
                    if isinstance(architecture, str)
                    else self.from_variables(architecture)
                )
            except InvalidArchitecture as error:
                faults.append((index, error))
                if len(faults) == most:
                    break
        return np.stack(rows) if rows else np.empty((0, len(self.variables)), dtype=np.int8), faults

    def from_variables(self, values: Mapping[str, object]) -> Codes:
        """Canonical codes (v,) of an object with one entry a variable.

        Raises:
            InvalidArchitecture: for a missing, unknown or ill-valued variable.
        """
        codes = self.chosen_codes(values)
        if (reason := self.reason(codes)) is not None:
            raise InvalidArchitecture(reason)
        canonical: Codes = self.canonical(codes[None])[0]
        return canonical

    def chosen_codes(self, values: Mapping[str, object]) -> Codes:
        """Codes (v,) of an object with one entry a variable; they may be neither canonical nor valid.

        Raises:
            InvalidArchitecture: for a missing, unknown or ill-valued variable.
        """
        names = [variable.name for variable in self.variables]
        for name in values.keys() - set(names):
            raise InvalidArchitecture(
                f"unknown variable {reprlib.repr(name)}",
                hint=f"the variables of {self.public_name} are {', '.join(names)}",
            )
        codes = np.empty(len(names), dtype=np.int8)
        for position, variable in enumerate(self.variables):
            if variable.name not in values:
                raise InvalidArchitecture(f"variable {variable.name!r} is missing")
            place = _place(values[variable.name], variable.choices)
            if place is None:
                raise InvalidArchitecture(
                    f"{reprlib.repr(values[variable.name])} is no choice of {variable.name!r}",
                    hint=f"the choices are {', '.join(map(str, variable.choices))}",
                )
            codes[position] = place
        return codes

    def to_variables(self, codes: Codes) -> dict[str, Choice]:
        """The object of variables of codes (v,)."""
        return {
            variable.name: variable.choices[index]
            for variable, index in zip(self.variables, codes.tolist(), strict=True)
        }


def _place(value: object, choices: tuple[Choice, ...]) -> int | None:
    """Which choice a value of an object stands for; None where it is none."""
    if value not in choices:
        return None
    first = choices.index(value)
    if type(value) is type(choices[first]):
        return first
    return next((index for index, choice in enumerate(choices) if _means(value, choice)), None)


def _means(value: object, choice: Choice) -> bool:
    """Whether a value of an object stands for a choice: a truth value may be written as a number."""
    if any(isinstance(value, kind) and not isinstance(choice, kind) for kind in (float, bool)):
        return False
    return value == choice
