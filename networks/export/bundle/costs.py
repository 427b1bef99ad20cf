"""What an ONNX file costs a device: multiply-accumulates and live activations, from its own graph."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any


@dataclass(frozen=True, slots=True)
class GraphCosts:
    """Of one image.

    Args:
        macs_m: multiply-accumulates of convolutions and linear layers, in millions.
        peak_activations: most values that are alive at once: what a node reads and writes, and what later
            ones still need.
    """

    macs_m: float
    peak_activations: int


def graph_costs(content: bytes) -> GraphCosts:
    """Costs of a float network, its shapes worked out for a single image.

    Args:
        content: ONNX without quantization, the number of images free.
    """
    import onnx

    model = onnx.load_model_from_string(content)
    for given in (*model.graph.input, *model.graph.output):
        first = given.type.tensor_type.shape.dim[0]
        first.ClearField("dim_param")
        first.dim_value = 1
    model = onnx.shape_inference.infer_shapes(model)
    shapes = {
        item.name: [dim.dim_value for dim in item.type.tensor_type.shape.dim]
        for item in (*model.graph.input, *model.graph.value_info, *model.graph.output)
    }
    weights = {item.name: list(item.dims) for item in model.graph.initializer}
    macs = sum(_macs(node, shapes, weights) for node in model.graph.node)
    return GraphCosts(macs / 1e6, _peak(model.graph, shapes))


def _macs(node: Any, shapes: Mapping[str, list[int]], weights: Mapping[str, list[int]]) -> int:
    if node.op_type == "Conv":
        (_, group_inputs, *kernel), out = weights[node.input[1]], shapes[node.output[0]]
        return prod(out) * group_inputs * prod(kernel)
    if node.op_type in ("Gemm", "MatMul") and node.input[1] in weights:
        return prod(weights[node.input[1]])
    return 0


def _peak(graph: Any, shapes: Mapping[str, list[int]]) -> int:
    """Values alive while a node runs, where that is the most; weights do not count."""
    last = {name: index for index, node in enumerate(graph.node) for name in node.input}
    last |= {item.name: len(graph.node) for item in graph.output}
    alive = {item.name for item in graph.input}
    peak = 0
    for index, node in enumerate(graph.node):
        if node.op_type == "Constant":  # mean and std of the pixels: weights in another place
            continue
        alive |= {name for name in node.output if name in shapes}
        peak = max(peak, sum(prod(shapes[name]) for name in alive))
        alive = {name for name in alive if last.get(name, -1) > index}
    return peak
