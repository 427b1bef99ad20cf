"""Exports: a network as Python, ONNX, JSON or a drawing.

All but ONNX are made without torch.
"""

from networks.export.drawing import draw
from networks.export.program import program

__all__ = ["draw", "program"]
