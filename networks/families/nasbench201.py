"""Networks of NAS-Bench-201 (Dong & Yang, ICLR 2020): the cell, and the skeleton that stacks it 15 times."""

from networks.plan import CHANNELS, IN_CHANNELS, Argument, Call, Plan, PlanBuilder, planner
from spaces.costs.network_config import NetworkConfig
from spaces.families.nasbench201 import CHOICES, EDGES, stacked
from spaces.space import Codes


@planner("nasbench201")
def plan(codes: Codes, network: NetworkConfig) -> Plan:
    """The network of a cell's codes (6,); small: one cell a stage and half the channels."""
    widths, cells = stacked(network.skeleton)
    made = PlanBuilder(network.resolution, network.classes)
    stem = Call("nn.Conv2d", (IN_CHANNELS, widths[0], 3), {"padding": 1, "bias": False})
    made.add("stem", stem, widths[0])
    made.add("stem", Call("nn.BatchNorm2d", (widths[0],)), widths[0])
    for stage, width in enumerate(widths):
        if stage:
            made.add(f"reduction{stage}", Call("Reduction", (widths[stage - 1], width)), width, stride=2)
        for _ in range(cells):
            made.add(f"stage{stage + 1}", Call("cell", (width,)), width)
    made.add("head", Call("nn.BatchNorm2d", (widths[-1],)), widths[-1])
    made.add("head", Call("nn.ReLU"), widths[-1])
    made.pool(widths[-1])
    made.classify(widths[-1])
    return made.plan({}, _cell(codes))


def _cell(codes: Codes) -> Call:
    """The call that makes a cell."""
    edges: dict[tuple[int, int], Argument] = {
        edge: operation
        for edge, code in zip(EDGES, codes.tolist(), strict=True)
        if (operation := _operation(CHOICES[code])) is not None
    }
    return Call("Cell", (edges,))


def _operation(choice: str) -> Call | None:
    """What an edge does; None where it brings nothing."""
    if choice == "none":
        return None
    if choice == "skip_connect":
        return Call("nn.Identity")
    if choice == "avg_pool_3x3":
        return Call("nn.AvgPool2d", (3,), {"stride": 1, "padding": 1, "count_include_pad": False})
    return Call("ReluConvNorm", (CHANNELS, CHANNELS, {"nor_conv_1x1": 1, "nor_conv_3x3": 3}[choice]))
