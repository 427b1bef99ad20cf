"""The latency evaluator: runs the architecture's network in ONNX Runtime on the worker's own machine."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar, Self

from networks.latency.machine import EnergyMeter
from networks.latency.options import LatencyOptions
from networks.options import read_options
from networks.plan import plan_network, planned_spaces
from search.evaluator import WORKER, Bench, NamedEvaluator, Stopped
from search.evaluators import EVALUATORS
from search.problem import Problem
from search.request.recipe import network_of
from spaces.metric import Observation, Quantity

METRICS = ("latency_ms", "throughput_ips", "energy_mj")


@EVALUATORS.register
class LatencyEvaluator(NamedEvaluator):
    """Latency, throughput and, where the machine lets it be read, energy of the device ``worker``.

    Args:
        problem: what it is for.
        quantities: which of them.
        options: threads, batch, how long.
        bench: where exported networks are kept.
        meter: reads the energy.
    """

    name: ClassVar[str] = "latency"
    measures: ClassVar[tuple[str, ...]] = METRICS
    devices: ClassVar[tuple[str, ...]] = (WORKER,)

    def __init__(
        self,
        problem: Problem,
        quantities: Sequence[Quantity],
        options: LatencyOptions,
        bench: Bench,
        meter: EnergyMeter | None = None,
    ) -> None:
        self.problem, self.quantities, self.bench = problem, tuple(quantities), bench
        self.meter = EnergyMeter() if meter is None else meter
        meant = problem.network_for(problem.task)
        self.network = problem.space.network_config(
            problem.task,
            classes=meant.classes,
            resolution=options.resolution or meant.resolution,
            skeleton=options.network or meant.skeleton,
        )
        self.options = replace(options, network=self.network.skeleton)
        self.source = f"latency:onnxruntime:{options.threads}t"

    @classmethod
    def read_options(cls, given: object, path: str) -> LatencyOptions:
        """See :class:`networks.latency.options.LatencyOptions`."""
        return read_options(LatencyOptions, {} if given is None else given, path)

    @classmethod
    def why_not(
        cls, problem: Problem, quantity: Quantity, options: Any, bench: Bench
    ) -> tuple[str, str] | None:
        """It measures the worker's machine and no other device."""
        if quantity.metric not in cls.measures:
            return (
                f"the latency evaluator does not measure {quantity.metric}",
                'name an evaluator for each metric: {"accuracy": "training", "latency_ms": "latency"}',
            )
        if quantity.device not in cls.devices:
            return (
                f"the latency evaluator measures the machine that it runs on, not {quantity.device}",
                f"name the device {WORKER}",
            )
        if (space := problem.space.network_space.name) not in planned_spaces():
            return f"{space} has no networks to run", f"there are {', '.join(planned_spaces())}"
        return None

    @classmethod
    def make(
        cls, problem: Problem, quantities: Sequence[Quantity], options: Any, bench: Bench, seed: int
    ) -> Self:
        """A measurement of the quantities; nothing of it is random."""
        return cls(problem, quantities, options, bench)

    @cached_property
    def _about(self) -> dict[str, object]:
        from networks.latency.measure import about_measurement

        return about_measurement(self.options)

    def about(self) -> dict[str, object]:
        """Processor, threads, ONNX Runtime's version."""
        return {"source": self.source, **self._about}

    def evaluate(self, architecture: str, should_stop: Callable[[], bool]) -> Observation:
        """Exports and times the network; ``failed`` where a quantity cannot be read on this machine."""
        from networks.latency.measure import measure_latency
        from networks.latency.onnx_file import onnx_bytes

        began, options = time.perf_counter(), self.options
        space, network = self.problem.space.network_space, network_of(self.problem.space, architecture)
        content = onnx_bytes(
            space.name, network, self.network, batch=options.batch, cache_dir=self.bench.cache_dir
        )
        side = plan_network(space.name, space.parse(network), self.network).side
        wanted = {quantity.metric for quantity in self.quantities}
        meter = self.meter if "energy_mj" in wanted else None
        latency = measure_latency(content, options, meter=meter, should_stop=should_stop)
        if latency is None:
            raise Stopped("stopped while a latency was measured")
        measured = {
            "latency_ms": latency.timing.value,
            "throughput_ips": 1e3 * options.batch / latency.timing.value,
            "energy_mj": latency.energy_mj,
        }
        size = {"side": side, "classes": self.network.classes}
        details = {self.name: {**self.about(), **size, **latency.timing.to_dict()}}
        seconds = time.perf_counter() - began
        values = {quantity.key: measured[quantity.metric] for quantity in self.quantities}
        known = {key: round(value, 6) for key, value in values.items() if value is not None}
        if len(known) < len(values):
            failed = "this machine does not let its energy be read (RAPL)"
            return Observation(architecture, {}, self.source, failed, seconds=seconds, details=details)
        return Observation(architecture, known, self.source, seconds=seconds, details=details)
