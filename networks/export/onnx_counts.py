"""Parameters and multiply-accumulates of an ONNX file, counted from the file alone."""

from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
from onnx import ModelProto, numpy_helper, shape_inference


def onnx_counts(data: bytes) -> tuple[int, int]:
    """Parameters, and multiply-accumulates for one image, of convolutions and linear layers.

    A batch norm counts its weight and bias, not its running statistics.

    >>> onnx_counts(onnx.ModelProto().SerializeToString())
    (0, 0)
    """
    model = onnx.load_model_from_string(data)
    for given in model.graph.input:
        given.type.tensor_type.shape.dim[0].dim_value = 1  # a channel shuffle computes shapes from the batch
    model = shape_inference.infer_shapes(model, data_prop=True)
    weights = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    for node in model.graph.node:  # the exporter keeps equal weights once
        if node.op_type == "Identity" and node.input[0] in weights:
            weights[node.output[0]] = weights[node.input[0]]
    shapes = _shapes(model)
    params = macs = 0
    for node in model.graph.node:
        held = [weights[name] for name in node.input if name in weights]
        if node.op_type == "BatchNormalization":
            held = held[:2]
        elif node.op_type not in ("Conv", "Gemm", "MatMul"):
            continue
        params += sum(array.size for array in held)
        if node.op_type == "Conv":
            macs += held[0].size * prod(shapes[node.output[0]][2:])
        elif node.op_type != "BatchNormalization":
            macs += held[0].size
    return params, macs


def runtime_counts(data: bytes) -> tuple[int, int]:
    """:func:`onnx_counts` of what ONNX Runtime makes of a file when it loads it, before it optimizes."""
    import onnxruntime

    with TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.optimized_model_filepath = f"{folder}/loaded.onnx"
        options.log_severity_level = 3
        onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        return onnx_counts(Path(options.optimized_model_filepath).read_bytes())


def _shapes(model: ModelProto) -> dict[str, list[int]]:
    """Name of a tensor → its sides; 0 where one is not known."""
    values = [*model.graph.value_info, *model.graph.output]
    return {each.name: [side.dim_value for side in each.type.tensor_type.shape.dim] for each in values}
