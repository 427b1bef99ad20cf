"""The machine on which a latency was measured: processor, cores, and the energy meter where there is one."""

import importlib.metadata
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RAPL = Path("/sys/class/powercap")


def processor() -> str:
    """The processor's model where Linux shows it, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def about_machine() -> dict[str, object]:
    """Processor, cores this process may use, ONNX Runtime's version; no names, no paths."""
    return {
        "cpu": processor(),
        "cores": len(cores()),
        "system": f"{platform.system()} {platform.machine()}",
        "onnxruntime": importlib.metadata.version("onnxruntime"),
    }


def cores() -> list[int]:
    """The cores that this process may run on; one number where the system does not say."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


@contextmanager
def pinned(chosen: list[int]) -> Iterator[None]:
    """The calling thread, and threads that it starts, run on the chosen cores inside the block."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, chosen)
        yield
    finally:
        os.sched_setaffinity(0, before)


class EnergyMeter:
    """Energy counters of the processor packages (RAPL), as Linux shows them.

    Args:
        folder: where powercap zones lie.
    """

    def __init__(self, folder: Path = RAPL) -> None:
        self._zones: list[tuple[Path, int]] = []
        for zone in sorted(folder.glob("intel-rapl:*")):
            if zone.name.count(":") != 1:
                continue  # a part of a package, which is counted already
            try:
                limit = int((zone / "max_energy_range_uj").read_text())
                int((zone / "energy_uj").read_text())
            except (OSError, ValueError):
                continue  # not readable by everyone since 2020
            self._zones.append((zone / "energy_uj", limit))

    @property
    def works(self) -> bool:
        """Whether this machine lets its energy be read."""
        return bool(self._zones)

    def read(self) -> list[int]:
        """The counters, in microjoules."""
        return [int(counter.read_text()) for counter, _ in self._zones]

    def spent(self, before: list[int], after: list[int]) -> float:
        """Joules between two readings; a counter that began anew is mended."""
        total = 0
        for start, end, (_, limit) in zip(before, after, self._zones, strict=True):
            total += end - start if end >= start else end - start + limit
        return total / 1e6


def involuntary_switches() -> int:
    """How often another program took a core from this process so far."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def clock() -> float:
    """Seconds on a clock that never jumps."""
    return time.perf_counter()
