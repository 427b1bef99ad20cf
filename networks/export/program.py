"""A network as one Python file that needs torch alone, written from its plan."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from networks.build import codes_of
from networks.export.graph_program import GRAPHS, graph_program
from networks.plan import Argument, Call, Layer, Name, Plan, plan_network
from spaces.costs.network_config import NetworkConfig
from spaces.known import get_space
from spaces.space import Codes

WIDTH = 100
_TAB = "    "


def program(space_name: str, architecture: str | Codes, network: NetworkConfig | None = None) -> str:
    """The text of a file with ``build(num_classes, in_channels, seed)``; run, it prints its parameter count.

    A graph network's file is :func:`networks.export.graph_program.graph_program`.

    Args:
        space_name: a registered space.
        architecture: a string of the space, or codes (v,).
        network: which one is meant; its number of classes is the default. None: the space's own for its
            first task.

    Raises:
        InvalidArchitecture: for a string or codes that are not an architecture of the space.
        NoNetwork: where the space has no networks.
    """
    space = get_space(space_name)
    codes = codes_of(space_name, architecture)
    network = network or space.network_config()
    if space_name == GRAPHS:
        return graph_program(codes, str(network.task))
    plan = plan_network(space_name, codes, network)
    params = round(float(space.costs(codes[None], network)["params_m"][0]) * 1e6)
    about = [
        f"A network of {space.title}, written by Netwright {version('netwright')}.",
        "",
        f"It needs torch alone, and has {params:,} parameters with {plan.classes:,} classes. Its",
        f"exact numbers are for images of {plan.side}×{plan.side} pixels. It is yet to be trained.",
    ]
    return program_of(plan, space.format(codes[None])[0], about, [_main(plan)])


def program_of(
    plan: Plan,
    architecture: str,
    about: Sequence[str],
    end: Sequence[str],
    *,
    modules: Sequence[str] = (),
) -> str:
    """The text of a file that builds a plan's network.

    Args:
        plan: of the network.
        architecture: its string.
        about: lines of the file's docstring.
        end: functions and statements behind ``build``.
        modules: of the standard library that these need.
    """
    calls = [layer.call for layer in plan.layers] + ([plan.cell] if plan.cell else [])
    blocks = _needed({name for call in calls for name in _functions(call)})
    head = [
        "\n".join(['"""' + about[0], *about[1:], '"""']),
        _imports(blocks, modules),
        _constant("ARCHITECTURE", architecture),
    ]
    body = [
        *(block.text for block in blocks),
        *([_cell(plan.cell)] if plan.cell else []),
        _build(plan),
        *end,
    ]
    return "\n\n".join(head) + "\n\n\n" + "\n\n\n".join(body) + "\n"


def layer_text(layer: Layer) -> str:
    """A layer as one line of Python."""
    return _text(layer.call)


# the classes that are used
@dataclass(frozen=True, slots=True)
class _Block:
    """A class of :mod:`networks.blocks`: its text and the names that it uses."""

    name: str
    text: str
    uses: frozenset[str]


@cache
def _blocks() -> dict[str, _Block]:
    """All classes, in the order of their files; nothing is imported."""
    found = {}
    for path in sorted((Path(__file__).parent.parent / "blocks").glob("*.py")):
        source = path.read_text(encoding="utf-8")
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef):
                text = ast.get_source_segment(source, node)
                assert text is not None
                uses = {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}
                found[node.name] = _Block(node.name, text, frozenset(uses))
    return found


def _needed(names: set[str]) -> list[_Block]:
    """The classes of these names and those that they use, each behind what it uses."""
    ordered: dict[str, _Block] = {}

    def add(name: str) -> None:
        if (block := _blocks().get(name)) is not None and name not in ordered:
            for used in sorted(block.uses - {name}):
                add(used)
            ordered[name] = block

    for name in sorted(names):
        add(name)
    return list(ordered.values())


def _functions(argument: Argument) -> Iterator[str]:
    """The names of everything that a call calls."""
    if isinstance(argument, Call):
        yield argument.function
        for item in (*argument.args, *argument.kwargs.values()):
            yield from _functions(item)
    elif isinstance(argument, Mapping):
        for item in argument.values():
            yield from _functions(item)


# the text
def _imports(blocks: Sequence[_Block], modules: Sequence[str]) -> str:
    uses = frozenset().union(*(block.uses for block in blocks))
    lines = ["import torch", f"from torch import {'Tensor, ' if 'Tensor' in uses else ''}nn"]
    standard = [f"import {module}" for module in sorted(modules)]
    standard += ["from collections.abc import Mapping"] if "Mapping" in uses else []
    lines = [*standard, "", *lines] if standard else lines
    return "\n".join(lines)


def _constant(name: str, value: str) -> str:
    """``NAME = "value"``, over several lines where it is long."""
    if len(value) < WIDTH - len(name):
        return f'{name} = "{value}"'
    pieces, line = [], ""
    for part in value.split("|"):
        if len(line) + len(part) > WIDTH - 10:
            pieces.append(line)
            line = ""
        line += part + "|"
    lines = [f'{_TAB}"{piece}"' for piece in [*pieces, line[:-1]]]
    return "\n".join([f"{name} = (", *lines, ")"])


def _cell(call: Call) -> str:
    (edges,) = call.args
    assert isinstance(edges, Mapping)
    lines = [f"{_TAB * 3}{key}: {_text(item)}," for key, item in edges.items()]
    made = "\n".join([f"{_TAB * 2}{{", *lines, f"{_TAB * 2}}}"]) if lines else f"{_TAB * 2}{{}}"
    return (
        f"def cell(channels: int) -> {call.function}:\n"
        f'{_TAB}"""The cell that the network repeats."""\n'
        f"{_TAB}return {call.function}(\n{made}\n{_TAB})"
    )


def _build(plan: Plan) -> str:
    lines: list[str] = []
    for index, layer in enumerate(plan.layers):
        if index == 0 or layer.part != plan.layers[index - 1].part:
            last = [other for other in plan.layers if other.part == layer.part][-1]
            choice = plan.choices.get(layer.part)
            what = f"{layer.part}: {choice}" if choice else layer.part
            shape = " × ".join(map(str, last.shape)) if layer.part != "head" else "num_classes"
            lines.append(f"{_TAB * 3}# {what} → {shape}")
        lines += _wrapped(layer.call)
    return "\n".join(
        [
            f"def build(num_classes: int = {plan.classes}, in_channels: int = 3, seed: int = 0)"
            " -> nn.Module:",
            f'{_TAB}"""The untrained network; equal seeds give equal weights.',
            "",
            f"{_TAB}Shapes:",
            f"{_TAB * 2}forward: (b, in_channels, h, w) → (b, num_classes)",
            f'{_TAB}"""',
            f"{_TAB}with torch.random.fork_rng(devices=[]):",
            f"{_TAB * 2}torch.manual_seed(seed)",
            f"{_TAB * 2}return nn.Sequential(",
            *lines,
            f"{_TAB * 2})",
        ]
    )


def _wrapped(call: Call) -> list[str]:
    """The lines of a layer inside the list of layers."""
    line = f"{_TAB * 3}{_text(call)},"
    if len(line) <= WIDTH:
        return [line]
    lines, last = [], _TAB * 4
    for argument in _arguments(call):
        if len(last) + len(argument) > WIDTH:
            lines.append(last.rstrip())
            last = _TAB * 4
        last += f"{argument}, "
    return [f"{_TAB * 3}{call.function}(", *lines, last.rstrip(), f"{_TAB * 3}),"]


def _text(argument: Argument) -> str:
    if isinstance(argument, Name):
        return argument.text
    if isinstance(argument, Call):
        return f"{argument.function}({', '.join(_arguments(argument))})"
    return repr(argument)


def _arguments(call: Call) -> list[str]:
    named = [f"{name}={_text(item)}" for name, item in call.kwargs.items()]
    return [*(_text(item) for item in call.args), *named]


def _main(plan: Plan) -> str:
    return "\n".join(
        [
            'if __name__ == "__main__":',
            f"{_TAB}network = build()",
            f'{_TAB}print(f"{{sum(weight.numel() for weight in network.parameters()):,}} parameters")',
            f"{_TAB}scores = network.eval()(torch.randn(2, 3, {plan.side}, {plan.side}))",
            f'{_TAB}print(f"two images → {{tuple(scores.shape)}}")',
        ]
    )
