"""Metrics, and what is made of them: quantities, constraints, objectives, observations.

A *metric* carries its unit, its direction and the values that it can take; :func:`value_fault` is the one
rule for what a measured value may be, wherever one comes in. A *quantity* is a metric of something: an
accuracy on a task, a latency on a device. Its key is what the HTTP API and every table use as a column
name::

    accuracy@cifar10      latency_ms@fpga      latency_ms@gpu@arxiv      params_m
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Direction(StrEnum):
    """Which way a metric is better."""

    MAXIMIZE = "maximize"
    MINIMIZE = "minimize"


LEAST = 1e-12
"""A value that is nearer to 0 than this, and is not 0, is no measurement of any metric."""
MOST = 1e15
"""No value is further from 0: what learns from values squares them."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A quantity with unit and direction.

    Args:
        low, high: the values that it can take, both ends included, in its unit.
    """

    name: str
    unit: str
    direction: Direction
    description: str
    low: float = 0.0
    high: float = MOST

    @property
    def sign(self) -> float:
        """+1 where more is better, −1 where less is."""
        return 1.0 if self.direction is Direction.MAXIMIZE else -1.0

    @property
    def range(self) -> tuple[float, float]:
        """``low`` and ``high``."""
        return self.low, self.high


class _Metrics(dict[str, Metric]):
    """Metrics by name. Declared spaces add costs of their own, whose names say which way they are better."""

    def __missing__(self, name: str) -> Metric:
        if _OWN.fullmatch(name) is None:
            raise KeyError(name)
        direction = Direction.MINIMIZE if name.startswith("cost_") else Direction.MAXIMIZE
        return Metric(name, "-", direction, "declared with the space", low=-MOST)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and _OWN.fullmatch(name) is not None)


_OWN = re.compile(r"(?:cost|gain)_[a-z0-9_]{1,40}")

METRICS: dict[str, Metric] = _Metrics(
    (metric.name, metric)
    for metric in (
        Metric(
            "accuracy",
            "%",
            Direction.MAXIMIZE,
            "share of test examples answered right, or the task's score",
            high=100.0,
        ),
        # Three hours; a thousand million images a second; a megawatt for a second; and so on.
        Metric("latency_ms", "ms", Direction.MINIMIZE, "time of one inference call", high=1e7),
        Metric("throughput_ips", "images/s", Direction.MAXIMIZE, "images handled in a second", high=1e9),
        Metric("energy_mj", "mJ", Direction.MINIMIZE, "energy of one inference call", high=1e9),
        Metric("params_m", "10⁶", Direction.MINIMIZE, "trainable parameters", high=1e9),
        Metric(
            "macs_m",
            "10⁶",
            Direction.MINIMIZE,
            "multiply-accumulates of convolutions and linear layers",
            high=1e12,
        ),
        Metric(
            "peak_memory_mb",
            "MB",
            Direction.MINIMIZE,
            "largest sum of live activations, batch 1, fp32",
            high=1e9,
        ),
        Metric("loss", "nats", Direction.MINIMIZE, "mean loss", high=1e6),
        Metric(
            "table_macs_m",
            "10⁶",
            Direction.MINIMIZE,
            "multiply-accumulates as a table counts them, if otherwise",
            high=1e12,
        ),
        Metric("train_seconds", "s", Direction.MINIMIZE, "what the training of a network took", high=1e9),
        Metric(
            "training_macs_m",
            "10⁶",
            Direction.MINIMIZE,
            "multiply-accumulates that a recipe's training spends for each image: thrice macs_m, every epoch",
        ),
    )
)


def value_fault(metric: str | Metric, value: float) -> str | None:
    """What is wrong with a measured value of a metric, as a sentence without a subject; None where nothing
    is.

    >>> value_fault("accuracy", 101.0)
    'is 101 and lies outside the 0 to 100 % of accuracy'
    >>> value_fault("latency_ms", 1e-300)
    'is 1e-300, nearer to 0 than any measurement (1e-12)'
    """
    known = METRICS[metric] if isinstance(metric, str) else metric
    if not math.isfinite(value):
        return f"is {value:g} and no finite number"
    if not known.low <= value <= known.high:
        unit = "" if known.unit == "-" else f" {known.unit}"
        return f"is {value:g} and lies outside the {known.low:g} to {known.high:g}{unit} of {known.name}"
    if value != 0 and abs(value) < LEAST:
        return f"is {value:g}, nearer to 0 than any measurement ({LEAST:g})"
    return None


def key_of(metric: str, *, task: str | None = None, device: str | None = None) -> str:
    """The key of a quantity: ``metric[@device][@task]``; whether there is such a metric is not looked at."""
    return "@".join(part for part in (metric, device, task) if part is not None)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A metric of a task, a device, both or neither.

    Args:
        own: the metric where a space declares it, which no register that tenants share knows.

    >>> Quantity("latency_ms", device="gpu", task="arxiv").key
    'latency_ms@gpu@arxiv'
    >>> Quantity("params_m").key
    'params_m'
    """

    metric: str
    task: str | None = None
    device: str | None = None
    own: Metric | None = None

    def __post_init__(self) -> None:
        if self.own is None and self.metric not in METRICS:
            raise ValueError(f"unknown metric {self.metric!r}; known are {', '.join(METRICS)}")

    @property
    def key(self) -> str:
        """``metric[@device][@task]``."""
        return key_of(self.metric, task=self.task, device=self.device)

    @property
    def definition(self) -> Metric:
        """Unit, direction and range."""
        return METRICS[self.metric] if self.own is None else self.own

    @property
    def sign(self) -> float:
        """+1 where more is better, −1 where less is."""
        return self.definition.sign


@dataclass(frozen=True, slots=True)
class Constraint:
    """A quantity with a hard bound, both ends included.

    >>> Constraint(Quantity("params_m"), max=0.8).gap(1.0)
    0.2
    """

    quantity: Quantity
    min: float | None = None
    max: float | None = None

    def __post_init__(self) -> None:
        bounds = [bound for bound in (self.min, self.max) if bound is not None]
        if not bounds:
            raise ValueError(f"the constraint on {self.quantity.key} has neither min nor max")
        if not all(math.isfinite(bound) for bound in bounds):
            raise ValueError(f"the bounds on {self.quantity.key} must be finite numbers")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(
                f"the bounds on {self.quantity.key} contradict each other: {self.min} > {self.max}"
            )

    def gap(self, value: float) -> float:
        """How far outside the bound a value lies, in the metric's unit; 0 where it holds."""
        below = 0.0 if self.min is None else max(0.0, self.min - value)
        above = 0.0 if self.max is None else max(0.0, value - self.max)
        return round(max(below, above), 12)

    def holds(self, value: float) -> bool:
        """Whether a value satisfies the bound."""
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)


@dataclass(frozen=True, slots=True)
class Objective:
    """A quantity to be made as good as its direction says."""

    quantity: Quantity


@dataclass(frozen=True, slots=True)
class Observation:
    """Measured values of one architecture, or the reason why there are none.

    Args:
        architecture: canonical string.
        values: quantity key → measured value, in the metric's unit.
        source: what measured it, for example ``table:nas-bench-graph``.
        failed: why the evaluation failed; then ``values`` holds what was measured before, if anything.
        fidelity: what was spent, for example ``full`` or ``12ep``.
        seconds: what the evaluation cost.
        details: what else is known of the measurement, plain JSON: spread, recipe, machine, weights.
    """

    architecture: str
    values: dict[str, float]
    source: str
    failed: str | None = None
    fidelity: str = "full"
    seconds: float = 0.0
    details: Mapping[str, object] = field(default_factory=dict)
