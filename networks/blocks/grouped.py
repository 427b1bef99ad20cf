"""Layers whose 1×1 convolutions work on groups of channels."""

from torch import Tensor, nn

from networks.blocks.mobile import ConvNorm


class ChannelShuffle(nn.Module):
    """Deals the channels out to the groups in turn, so that groups learn of each other (Zhang et al. 2018).

    Shapes:
        forward: (b, channels, h, w) → (b, channels, h, w)
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, image: Tensor) -> Tensor:
        """The same channels in another order."""
        _, channels, height, width = image.shape
        dealt = image.reshape(-1, self.groups, channels // self.groups, height, width)
        return dealt.transpose(1, 2).reshape(-1, channels, height, width)


class GroupedResidual(nn.Module):
    """1×1 in groups, channel shuffle, k×k depthwise, 1×1 in groups (Wu et al., CVPR 2019).

    Where side and channels stay, the input is added.

    Shapes:
        forward: (b, inputs, h, w) → (b, outputs, ⌈h / stride⌉, ⌈w / stride⌉)
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, groups: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            ConvNorm(inputs, inputs, groups=groups),
            ChannelShuffle(groups),
            ConvNorm(inputs, inputs, kernel, stride, groups=inputs),
            ConvNorm(inputs, outputs, groups=groups, activation=None),
        )
        self.adds = stride == 1 and inputs == outputs

    def forward(self, image: Tensor) -> Tensor:
        """The body's output, plus the input where the shapes agree."""
        result: Tensor = self.body(image)
        return image + result if self.adds else result
