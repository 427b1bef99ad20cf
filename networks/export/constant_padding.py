"""Paddings in ONNX files as constants: torch's exporter computes them in ten nodes each, from the shape."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


@contextmanager
def constant_paddings(opset: int) -> Iterator[None]:
    """While it lasts, ``torch.onnx.export`` by tracing writes a padding of a constant width as one node.

    Args:
        opset: that is exported to.
    """
    import torch
    from torch.onnx.symbolic_helper import parse_args
    from torch.onnx.utils import register_custom_op_symbolic, unregister_custom_op_symbolic

    @parse_args("v", "is", "s", "v")
    def pad(graph: Any, image: Any, widths: Sequence[int], mode: str, value: Any) -> Any:
        """Widths come as (before, after) of each dimension, the last dimension first."""
        before, after = list(widths[0::2])[::-1], list(widths[1::2])[::-1]
        untouched = [0] * (4 - len(before))  # images and channels
        pads = torch.tensor([*untouched, *before, *untouched, *after])
        return graph.op("Pad", image, graph.op("Constant", value_t=pads), mode_s=mode)

    register_custom_op_symbolic("aten::pad", pad, opset)
    try:
        yield
    finally:
        unregister_custom_op_symbolic("aten::pad", opset)
