"""The ONNX files of a bundle: pixels in, scores out; as trained, and with eight bits."""

import logging
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from networks.export.onnx_file import exported
from networks.images.decode import Pixels

if TYPE_CHECKING:
    from torch import nn

CALIBRATION_IMAGES = 256
_BATCH = 16
_PREPARING = ("Transpose", "Cast", "Sub", "Div")
"""Nodes between the pixels and the network; they stay as they are."""


def pixels_onnx(
    network: "nn.Module",
    side: int,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    about: Mapping[str, str],
) -> bytes:
    """A network in evaluation mode with its preprocessing: images (b, side, side, 3) uint8 to scores.

    Args:
        network: takes (b, 3, side, side) float32 after ``(pixel − mean) / std``.
        side: of the images, in pixels.
        mean, std: of each channel, 0 to 255.
        about: metadata of the file.
    """
    import torch
    from torch import Tensor, nn

    class FromPixels(nn.Module):
        """The preprocessing before a network."""

        mean: Tensor
        std: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.network = network
            self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1))
            self.register_buffer("std", torch.tensor(std).view(3, 1, 1))

        def forward(self, images: Tensor) -> Tensor:
            x = images.permute(0, 3, 1, 2).to(torch.float32)
            scores: Tensor = self.network((x - self.mean) / self.std)
            return scores

    example = torch.zeros(2, side, side, 3, dtype=torch.uint8)
    return exported(FromPixels().eval(), example, dict(about))


def int8_onnx(content: bytes, images: Pixels) -> bytes:
    """The network with eight bits: ONNX Runtime's static quantization (QDQ), weights per channel.

    Activations are unsigned, weights signed, as ONNX Runtime advises for processors; ranges are the least and
    greatest values that come up on the images.

    Args:
        content: of :func:`pixels_onnx`.
        images: (n, side, side, 3) uint8, of those that the network learned from.
    """
    import onnx
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quant_pre_process,
        quantize_static,
    )

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """The images, batch by batch."""

        def __init__(self) -> None:
            self._batches = _batches(images)

        def get_next(self) -> dict[str, Any] | None:
            return next(self._batches, None)

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it warns through the root logger that it was not asked to do more
    try:
        with tempfile.TemporaryDirectory() as folder:
            plain, ready, small = (Path(folder) / f"{name}.onnx" for name in ("plain", "ready", "small"))
            plain.write_bytes(content)
            quant_pre_process(plain, ready, skip_symbolic_shape=True)
            model = onnx.load(ready)
            quantize_static(
                ready,
                small,
                Reader(),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
                # ONNX Runtime quantizes biases itself when it loads the file, as it fuses the convolutions.
                extra_options={"QuantizeBias": False},
                nodes_to_exclude=[node.name for node in model.graph.node if node.op_type in _PREPARING],
            )
            made = onnx.load(small)
    finally:
        root.setLevel(level)
    original = onnx.load_model_from_string(content)
    made.producer_name, made.producer_version = original.producer_name, original.producer_version
    del made.metadata_props[:]
    for entry in original.metadata_props:
        made.metadata_props.add(key=entry.key, value=entry.value)
    _shorten_names(made)
    data: bytes = made.SerializeToString()
    return data


def _shorten_names(model: Any) -> None:
    """Gives values short names, and nodes none: of a small network they are a tenth of the file."""
    graph = model.graph
    kept = {value.name for value in (*graph.input, *graph.output)}
    names = [each.name for each in graph.initializer] + [name for node in graph.node for name in node.output]
    short = {name: f"v{index:x}" for index, name in enumerate(dict.fromkeys(names)) if name not in kept}
    for each in graph.initializer:
        each.name = short.get(each.name, each.name)
    for node in graph.node:
        node.name = ""
        node.input[:] = [short.get(name, name) for name in node.input]
        node.output[:] = [short.get(name, name) for name in node.output]
    del graph.value_info[:]


def calibration_images(x: Pixels) -> Pixels:
    """Evenly chosen images of a training set, which lies in a random order: its first ones."""
    return np.ascontiguousarray(x[:CALIBRATION_IMAGES])


def _batches(images: Pixels) -> Iterator[dict[str, Any]]:
    for start in range(0, len(images), _BATCH):
        yield {"images": images[start : start + _BATCH]}
