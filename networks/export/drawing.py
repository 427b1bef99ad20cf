"""The drawing of an architecture: a chain of layers, a cell and what stacks it, or the space's own graph."""

from networks.build import codes_of
from networks.export.cell_drawing import draw_cell
from networks.export.chain_drawing import draw_chain
from networks.export.graph_drawing import draw_graph
from networks.export.svg import heading
from networks.plan import NoNetwork, plan_network
from spaces.space import Codes, Space, get_space


def draw(space_name: str, architecture: str | Codes, *, task: str | None = None) -> str:
    """An SVG file: operations, shapes and strides.

    Args:
        space_name: a registered space.
        architecture: a string of the space, or codes (v,).
        task: whose version of the network, and whose statistics.

    Raises:
        InvalidArchitecture: for a string or codes that are no member.
    """
    space = get_space(space_name)
    codes = codes_of(space_name, architecture)
    title = f"{space.title} · {task}" if task else space.title
    name = space.format(codes[None])[0]

    def head(width: float) -> tuple[str, float]:
        return heading(width, title, name, _facts(space, codes, task))

    try:
        plan = plan_network(space_name, codes, task=task)
    except NoNetwork:
        return draw_graph(space, codes, head)
    return draw_chain(plan, title, head) if plan.cell is None else draw_cell(plan, plan.cell, title, head)


def _facts(space: Space, codes: Codes, task: str | None) -> str:
    """The exact numbers that people ask for first."""
    known = {
        "params_m": "{:.3f} M parameters",
        "macs_m": "{:.1f} M multiply-accumulates",
        "peak_memory_mb": "{:.2f} MB of activations at most",
    }
    values = space.statistics(codes[None], task)
    return " · ".join(form.format(values[name][0]) for name, form in known.items() if name in values)
