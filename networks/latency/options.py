"""How a latency is measured: plain data, recorded with every result."""

from dataclasses import dataclass

from networks.options import limited
from spaces.costs.network_config import RESOLUTIONS, SKELETONS


@dataclass(frozen=True, slots=True)
class LatencyOptions:
    """How a network is run and how long it is watched.

    Args:
        threads: that compute one inference.
        batch: images in an inference.
        resolution: side of the square images; None: as what is trained, else as the space's networks.
        network: ``full``, or ``small``: the space's reduced skeleton; None: as what is trained, else full.
        seconds: how long runs are measured, at least; undisturbed runs are waited for up to four times that.
        blocks: groups of runs, spread over that time with pauses between.
    """

    threads: int = limited(1, low=1, high=256)
    batch: int = limited(1, low=1, high=1024)
    resolution: int | None = limited(None, low=RESOLUTIONS[0], high=RESOLUTIONS[1], kind=int)
    network: str | None = limited(None, choices=SKELETONS, kind=str)
    seconds: float = limited(1.0, low=0.05, high=600.0)
    blocks: int = limited(10, low=3, high=1000)
