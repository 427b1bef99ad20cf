"""What a bundle's card tells besides what is measured."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from networks.latency.options import LatencyOptions


@dataclass(frozen=True, slots=True)
class Origin:
    """What the card tells besides what is measured.

    Args:
        training: how the weights came to be: start, recipe, seed, epochs, seconds.
        search: the design that found the architecture; empty where it was named.
        predicted: quantity key → what a model predicts of it, for devices that were asked about.
        latency: how long and with how many threads this machine is timed.
    """

    training: Mapping[str, object]
    search: Mapping[str, object] = field(default_factory=dict)
    predicted: Mapping[str, object] = field(default_factory=dict)
    latency: LatencyOptions = field(default_factory=LatencyOptions)
