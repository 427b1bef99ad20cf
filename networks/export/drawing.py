"""The drawing of an architecture: a chain of layers, a cell and what stacks it, or the space's own graph."""

from networks.build import codes_of
from networks.export.cell_drawing import draw_cell
from networks.export.chain_drawing import draw_chain
from networks.export.graph_drawing import draw_graph
from networks.export.svg import heading
from networks.plan import NoNetwork, plan_network
from spaces.costs.network_config import NetworkConfig
from spaces.known import get_space
from spaces.space import Codes, Space


def draw(
    space_name: str,
    architecture: str | Codes,
    network: NetworkConfig | None = None,
    *,
    task: str | None = None,
) -> str:
    """An SVG file: operations, shapes and strides.

    Args:
        space_name: a registered space.
        architecture: a string of the space, or codes (v,).
        network: which one is meant; None: the space's own for its first task.
        task: for the title.

    Raises:
        InvalidArchitecture: for a string or codes that are not an architecture of the space.
    """
    space = get_space(space_name)
    codes = codes_of(space_name, architecture)
    network = network or space.network_config()
    title = f"{space.title} · {task}" if task else space.title
    name = space.format(codes[None])[0]

    def head(width: float) -> tuple[str, float]:
        return heading(width, title, name, _facts(space, codes, network))

    try:
        plan = plan_network(space_name, codes, network)
    except NoNetwork:
        return draw_graph(space, codes, head)
    return draw_chain(plan, title, head) if plan.cell is None else draw_cell(plan, plan.cell, title, head)


def _facts(space: Space, codes: Codes, network: NetworkConfig) -> str:
    """The exact numbers that people ask for first."""
    known = {
        "params_m": "{:.3f} M parameters",
        "macs_m": "{:.1f} M multiply-accumulates",
        "peak_memory_mb": "{:.2f} MB of activations at most",
    }
    values = space.costs(codes[None], network)
    facts = [form.format(values[name][0]) for name, form in known.items() if name in values]
    return " · ".join([*facts, *([network.described()] if network.classes is not None else [])])
