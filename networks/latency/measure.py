"""The latency of a network in ONNX Runtime on this machine's processor."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from networks.latency.machine import EnergyMeter, about_machine, clock, cores, pinned
from networks.latency.options import LatencyOptions
from networks.latency.stopwatch import Timing, measure

WARM_UP_RUNS = 10
WARM_UP_SECONDS = 0.1
ENERGY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Latency:
    """What was measured.

    Args:
        timing: of one inference call.
        energy_mj: of one call, all processor packages together, idle power included; None without a meter.
    """

    timing: Timing
    energy_mj: float | None


def measure_latency(
    content: bytes,
    options: LatencyOptions,
    *,
    meter: EnergyMeter | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Latency | None:
    """Runs an ONNX network and times it.

    Its threads are pinned: with one thread each block runs on another of the cores in turn, so that load on
    one of them leaves calm blocks on the others; with several, to as many cores.

    Args:
        content: ONNX with inputs of fixed shapes, but for the number of images, float or uint8.
        options: how.
        meter: reads the energy.
        should_stop: asked between blocks.

    Returns:
        None where ``should_stop`` said so.
    """
    import onnxruntime as ort

    settings = ort.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    settings.log_severity_level = 3
    available = cores()
    chosen = available[: options.threads]
    with pinned(chosen):
        session = ort.InferenceSession(content, settings, providers=["CPUExecutionProvider"])
        rng = np.random.default_rng(0)
        # Empty for a network that does not look at its image.
        feed = {given.name: _noise(given, options.batch, rng) for given in session.get_inputs()}

        def run() -> object:
            return session.run(None, feed)

        def before_block(index: int) -> None:
            if options.threads == 1:
                _move(available[index % len(available)])

        end = clock() + WARM_UP_SECONDS
        count = 0
        while count < WARM_UP_RUNS or clock() < end:
            run()
            count += 1
        timing = measure(
            run,
            seconds=options.seconds,
            blocks=options.blocks,
            before_block=before_block,
            should_stop=should_stop,
        )
        if timing is None:
            return None
        return Latency(timing, _energy(run, meter))


def _noise(given: Any, batch: int, rng: np.random.Generator) -> "np.ndarray":
    """Images as an input takes them."""
    shape = [size if isinstance(size, int) else batch for size in given.shape]
    if given.type == "tensor(uint8)":
        return rng.integers(0, 256, size=shape, dtype=np.uint8)
    return rng.standard_normal(shape).astype(np.float32)


def _move(core: int) -> None:
    """The calling thread to a core; the pinning around it takes it back."""
    import os

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, [core])


def _energy(run: Callable[[], object], meter: EnergyMeter | None) -> float | None:
    """Millijoules of a call, from many of them: the counters move about once a millisecond."""
    if meter is None or not meter.works:
        return None
    before, began, count = meter.read(), clock(), 0
    while clock() - began < ENERGY_SECONDS:
        run()
        count += 1
    return 1e3 * meter.spent(before, meter.read()) / count


def about_measurement(options: LatencyOptions) -> dict[str, object]:
    """On what and how, plain JSON."""
    return about_machine() | {"threads": options.threads, "batch": options.batch, "network": options.network}
