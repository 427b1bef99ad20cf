"""The plan of a network: the calls that make its layers, one behind another, as data. No torch here.

One plan is built into a module (:mod:`networks.build`), written out as Python, and drawn
(:mod:`networks.export`), so that these cannot differ. A space's plans are one file of this package, with a
function under :func:`planner`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from spaces.costs.network_config import NetworkConfig
from spaces.known import get_space, space_names
from spaces.registry import import_modules
from spaces.space import Codes


@dataclass(frozen=True, slots=True)
class Name:
    """A name that the call finds around it: ``num_classes``, ``nn.Hardswish``."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a class of ``torch.nn`` (``nn.Flatten``), of :mod:`networks.blocks` or of the plan's cell.

    Args:
        function: what is called.
        args: by position.
        kwargs: by name.
    """

    function: str
    args: tuple["Argument", ...] = ()
    kwargs: Mapping[str, "Argument"] = field(default_factory=dict)


Argument: TypeAlias = "int | Name | Call | Mapping[tuple[int, int], Argument]"

IN_CHANNELS, NUM_CLASSES = Name("in_channels"), Name("num_classes")
CHANNELS = Name("channels")
"""The parameter of a plan's cell."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer.

    Args:
        part: what it belongs to (``stem``, ``block0``); the layers of a part stand one behind another.
        call: what makes it.
        shape: of what it puts out for one image, (channels, side, side) or (classes,).
        stride: by how much it makes the image smaller.
    """

    part: str
    call: Call
    shape: tuple[int, ...]
    stride: int = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """A network as the chain of its layers.

    Args:
        side: of the square images, in pixels.
        classes: of the task; shapes are for as many.
        layers: from the image to the scores of the classes.
        choices: part → the architecture's choice there, for people.
        cell: the call that makes a cell of ``channels`` channels, where layers call ``cell``.
    """

    side: int
    classes: int
    layers: tuple[Layer, ...]
    choices: Mapping[str, str] = field(default_factory=dict)
    cell: Call | None = None


class PlanBuilder:
    """Puts layers one behind another and keeps count of the image's side."""

    def __init__(self, side: int | None, classes: int | None) -> None:
        assert side is not None and classes is not None  # as the space's network_config gave them
        self.side = self._image = side
        self.classes = classes
        self.layers: list[Layer] = []

    def add(self, part: str, call: Call, channels: int, stride: int = 1) -> None:
        """A layer that puts out an image."""
        self._image = -(-self._image // stride)
        self.layers.append(Layer(part, call, (channels, self._image, self._image), stride))

    def pool(self, channels: int) -> None:
        """The mean over the image."""
        self._image = 1
        self.layers.append(Layer("head", Call("nn.AdaptiveAvgPool2d", (1,)), (channels, 1, 1)))

    def classify(self, channels: int) -> None:
        """The linear layer behind all others."""
        self.layers.append(Layer("head", Call("nn.Flatten"), (channels,)))
        self.layers.append(Layer("head", Call("nn.Linear", (channels, NUM_CLASSES)), (self.classes,)))

    def plan(self, choices: Mapping[str, str], cell: Call | None = None) -> Plan:
        """The plan of the layers so far."""
        return Plan(self.side, self.classes, tuple(self.layers), choices, cell)


class NoNetwork(ValueError):
    """The space has no networks here; never worth a retry."""


class Planner(Protocol):
    """Makes the plans of a space."""

    def __call__(self, codes: Codes, network: NetworkConfig) -> Plan:
        """The plan of an architecture's codes (v,) as the network that is meant."""


_PLANNERS: dict[str, Planner] = {}


def planner(space_name: str) -> Callable[[Planner], Planner]:
    """Decorator: makes a function known as the planner of a space."""

    def known(function: Planner) -> Planner:
        _PLANNERS[space_name] = function
        return function

    return known


def planned_spaces() -> Sequence[str]:
    """Names of the spaces that have networks, sorted."""
    import_modules("networks.families")
    return sorted(_PLANNERS.keys() & set(space_names()))  # a plug-in's file may hold its planner too


def plan_network(space_name: str, codes: Codes, network: NetworkConfig | None = None) -> Plan:
    """The plan of an architecture's codes (v,).

    Args:
        space_name: a registered space.
        codes: of the architecture.
        network: which network is meant; None: the space's own for its first task.

    Raises:
        NoNetwork: where the space has no networks.
    """
    names = planned_spaces()
    if space_name not in _PLANNERS:
        raise NoNetwork(f"{space_name} has no networks to build; those that have are {', '.join(names)}")
    return _PLANNERS[space_name](codes, network or get_space(space_name).network_config())


def own_side(space_name: str, architecture: str, skeleton: str) -> int | None:
    """The side of the images that an architecture says itself; None where its space leaves it open.

    >>> own_side("ofa_mobilenetv3", get_space("ofa_mobilenetv3").example, "full")
    224
    """
    space = get_space(space_name)
    network = space.network_config(skeleton=skeleton)
    if network.resolution is not None:
        return None
    return plan_network(space_name, space.parse(architecture), network).side
