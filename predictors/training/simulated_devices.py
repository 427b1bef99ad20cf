"""Latencies of simulated machines, for spaces of which nobody has published measurements.

The roofline model (Williams, Waterman and Patterson 2009), layer by layer: each convolution takes a fixed
time to start, and then the longer of its arithmetic and its traffic,

.. math:: t = o + \\max(p\\,m, q\\,a + s\\,w)

with m multiply-accumulates, a elements of activations read and written, w weights. What a machine reaches
is drawn: p apart for dense and for depthwise convolutions and for each kernel, q, s and o. The ranges are
those of processors of phones and small computers; nothing measured goes in.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from spaces.costs.layer_cost import strided
from spaces.families.efficientnet_lite import (
    HEAD,
    RESOLUTIONS,
    SKIP,
    STEM,
    STEM_STRIDE,
    LiteSpace,
    parts_of,
    places,
)
from spaces.space import Codes, Floats

DEVICES = 60
"""Machines that a model learns from."""
ARCHITECTURES = 300
"""Of each machine."""
NOISE = 0.02
"""Standard deviation of a measurement, relative."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a machine reaches; times are in milliseconds.

    Args:
        dense: milliseconds for a million multiply-accumulates of a dense convolution.
        depthwise: for a million of a depthwise one.
        activation: for a million elements read or written.
        weight: for a million weights.
        start: of a convolution.
        kernels: factor on depthwise convolutions, by kernel.
    """

    dense: float
    depthwise: float
    activation: float
    weight: float
    start: float
    kernels: dict[int, float]

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "Machine":
        """A machine of between 0.5 and 50 billion multiply-accumulates a second."""

        def between(low: float, high: float) -> float:
            return float(np.exp(rng.uniform(np.log(low), np.log(high))))

        dense = between(0.02, 2.0)
        return cls(
            dense,
            dense * between(1.0, 20.0),
            dense * between(0.3, 20.0),
            dense * between(0.1, 10.0),
            dense * between(0.01, 3.0),
            {3: 1.0, 5: between(0.6, 1.6)},
        )


def latencies(space: LiteSpace, codes: Codes, machine: Machine) -> Floats:
    """Milliseconds (b,) of codes (b, v) on a machine, without noise."""
    tables = _tables(space)
    total = np.zeros(len(codes))
    for column in range(len(space.blocks)):
        rows = tables[column][codes[:, 0].astype(int), codes[:, column].astype(int)]  # (b, layers, 6)
        compute = (
            machine.dense * rows[..., 0]
            + np.where(rows[..., 4] == 5, machine.kernels[5], machine.kernels[3])
            * machine.depthwise
            * rows[..., 1]
        )
        traffic = machine.activation * rows[..., 2] + machine.weight * rows[..., 3]
        total += (np.maximum(compute, traffic) + machine.start * rows[..., 5]).sum(axis=1)
    return total


def simulated(space: LiteSpace, *, devices: int = DEVICES, seed: int = 0) -> dict[str, tuple[Codes, Floats]]:
    """Measurements of simulated machines: name → codes (n, v) and milliseconds (n,)."""
    found = {}
    for index in range(devices):
        rng = np.random.default_rng([seed, index])
        machine, codes = Machine.drawn(rng), np.unique(space.sample(ARCHITECTURES, rng), axis=0)
        noise = np.exp(NOISE * rng.standard_normal(len(codes)))
        found[f"simulated{index}"] = codes, latencies(space, codes, machine) * noise
    return found


@lru_cache(maxsize=4)
def _tables(space: LiteSpace) -> list[Floats]:
    """For each variable what its layers do, (resolutions, choices, layers, 6).

    In millions: dense and depthwise multiply-accumulates, activations, weights; then the depthwise kernel,
    and 1 for a layer that is there.

    The layers that all architectures have stand with the resolution.
    """
    first, *others = places(space.backbone)
    tables = [np.zeros((len(RESOLUTIONS), len(space.blocks[0].spellings), 4, 6))]
    tables += [np.zeros((len(RESOLUTIONS), len(place.choices), 3, 6)) for place in others]
    for number, resolution in enumerate(RESOLUTIONS):
        side = strided(resolution, STEM_STRIDE)
        fixed = [_dense(3, STEM, 9, resolution, side), _depthwise(STEM, first.kernel, side, side)]
        fixed.append(_dense(STEM, first.outputs, 1, side, side))
        for column, place in enumerate(others, 1):
            smaller = strided(side, place.stride)
            for kind, choice in enumerate(place.choices):
                if choice == SKIP:
                    continue
                kernel, expansion = parts_of(choice)
                inner = place.inputs * expansion
                tables[column][number, kind] = [
                    _dense(place.inputs, inner, 1, side, side),
                    _depthwise(inner, kernel, side, smaller),
                    _dense(inner, place.outputs, 1, smaller, smaller),
                ]
            side = smaller
        fixed.append(_dense(others[-1].outputs, HEAD, 1, side, side))
        tables[0][number, :] = fixed
    return tables


def _dense(inputs: int, outputs: int, window: int, before: int, after: int) -> list[float]:
    weights = inputs * outputs * window
    moved = inputs * before**2 + outputs * after**2
    return [weights * after**2 / 1e6, 0.0, moved / 1e6, weights / 1e6, 0, 1]


def _depthwise(channels: int, kernel: int, before: int, after: int) -> list[float]:
    weights = channels * kernel**2
    moved = channels * (before**2 + after**2)
    return [0.0, weights * after**2 / 1e6, moved / 1e6, weights / 1e6, kernel, 1]
