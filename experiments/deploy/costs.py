"""Exact costs of random networks, counted five ways.

The reference is :meth:`spaces.space.Space.costs`; what else counts is torch's parameters,
``torch.utils.flop_counter`` (a multiply-accumulate is two FLOPs), the exported ONNX file, and what ONNX
Runtime makes of the file when it loads it.
"""

from collections.abc import Sequence

import numpy as np

from experiments.framework.context import Context
from experiments.framework.registry import comparison
from experiments.framework.row import NO_TABLE, Row
from networks.plan import plan_network, planned_spaces
from spaces.costs.network_config import SKELETONS, NetworkConfig
from spaces.families.nasbench201 import EDGES, NONE
from spaces.known import get_space
from spaces.space import Codes, Space

COUNT = 5
"""Architectures of each space and seed; ``--seeds 80`` takes 400 of each space, about 40 minutes."""
CLASSES = (2, 5, 10, 100, 1000)
SIDES = (32, 96, 160, 224)
WAYS = ("torch", "onnx", "onnxruntime")

PROTOCOL = f"""\
{COUNT} architectures of each space with networks, drawn uniformly for each seed, each with one of {CLASSES}
classes, a resolution of {SIDES} pixels or of 8 to 256 in equal parts (a quarter of those of ofa_mobilenetv3
keep their own), and one of the skeletons {SKELETONS}. Per cent of them whose parameters and
multiply-accumulates by the space are those that torch counts (torch.utils.flop_counter, convolutions and
linear layers), that the ONNX file holds, and that ONNX Runtime has after loading it without optimizations. Of
nasbench201 a file is compared with the costs of the cell without the operations that do not reach its output,
which no file can hold; torch counts these too."""


def agreeing(space_name: str, seed: int) -> dict[str, float]:
    """Per cent of the networks of a seed that agree, by way of counting."""
    import torch

    from networks.export.onnx_counts import onnx_counts, runtime_counts
    from networks.export.onnx_file import onnx_file

    torch.set_num_threads(1)
    space, rng = get_space(space_name), np.random.default_rng([seed, len(space_name)])
    agreed = dict.fromkeys(WAYS, 0)
    for row in space.sample(COUNT, rng):
        network = drawn(space, rng)
        agreed["torch"] += by_torch(space, row, network) == by_space(space, row, network)
        file = onnx_file(space_name, row, network)
        held = by_space(space, reaching(row) if space_name == "nasbench201" else row, network)
        agreed["onnx"] += onnx_counts(file) == held
        agreed["onnxruntime"] += runtime_counts(file) == held
    return {way: 100.0 * count / COUNT for way, count in agreed.items()}


def drawn(space: Space, rng: np.random.Generator) -> NetworkConfig:
    """Classes, resolution and skeleton of one network."""
    own = space.network_config().resolution is None and rng.random() < 0.25
    side = int(rng.choice(SIDES) if rng.random() < 0.5 else rng.integers(8, 257))
    return space.network_config(
        str(rng.choice(space.tasks)),
        classes=int(rng.choice(CLASSES)),
        resolution=None if own else side,
        skeleton=SKELETONS[0] if own else str(rng.choice(SKELETONS)),
    )


def by_space(space: Space, codes: Codes, network: NetworkConfig) -> tuple[int, int]:
    """Parameters and multiply-accumulates of codes (v,), as the space says."""
    costs = space.costs(codes[None], network)
    return round(1e6 * float(costs["params_m"][0])), round(1e6 * float(costs["macs_m"][0]))


def by_torch(space: Space, codes: Codes, network: NetworkConfig) -> tuple[int, int]:
    """The same of the built network, on tensors without data."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from networks.build import build

    side = plan_network(space.name, codes, network).side
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        built = build(space.name, codes, network).eval()
        built(torch.empty(1, 3, side, side))
    return sum(p.numel() for p in built.parameters()), counter.get_total_flops() // 2


def reaching(codes: Codes) -> Codes:
    """A cell's codes (6,) without the operations that do not reach its output, as an exporter leaves it."""
    kept, useful = codes.copy(), {3}
    for edge in reversed(range(len(EDGES))):
        source, target = EDGES[edge]
        if target not in useful:
            kept[edge] = NONE
        elif codes[edge] != NONE:
            useful.add(source)
    return kept


@comparison("costs", protocol=PROTOCOL, seeds=3, full_seeds=8, hours=0.05)
def costs(context: Context) -> Sequence[Row]:
    """Each space, each way of counting."""
    rows = []
    for space_name in planned_spaces():
        runs = [
            context.once(f"{space_name} seed {seed}", agreeing, space_name, seed) for seed in context.seeds
        ]
        for way in WAYS:
            values = [run[way] for run in runs]
            rows.append(
                Row.measured(f"{space_name}-{way}", values, "%", goal="== 100", evaluated_on=NO_TABLE)
            )
    return rows
