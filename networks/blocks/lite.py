"""Layers of EfficientNet-Lite (Google, 2020)."""

from torch import Tensor, nn


class LiteConv(nn.Sequential):
    """Convolution without bias, padded as TensorFlow's SAME, batch norm and ReLU6.

    Where the padding is odd, the end of rows and columns gets more; the weights were trained so.

    Args:
        side: of the square images that come in; others of the same parity go too.
        activates: whether there is a ReLU6.

    Shapes:
        forward: (b, inputs, h, w) → (b, outputs, ⌈h / stride⌉, ⌈w / stride⌉)
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        *,
        side: int = 1,
        activates: bool = True,
    ) -> None:
        super().__init__()
        padding = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        before, after = padding // 2, padding - padding // 2
        if before < after:
            self.pad = nn.ZeroPad2d((before, after, before, after))
        even = before if before == after else 0
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, even, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=1e-3)
        if activates:
            self.activation = nn.ReLU6()


class LiteResidual(nn.Module):
    """Expand by 1×1, k×k depthwise, narrow by 1×1 (Sandler et al., CVPR 2018), padded as TensorFlow's SAME.

    Where side and channels stay, the input is added.

    Args:
        side: of the square images that come in; others of the same parity go too.
        expand: whether there is a 1×1 convolution in front; without, the expansion is 1.

    Shapes:
        forward: (b, inputs, h, w) → (b, outputs, ⌈h / stride⌉, ⌈w / stride⌉)
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int,
        expansion: int,
        *,
        side: int,
        expand: bool = True,
    ) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand = LiteConv(inputs, inner) if expand else nn.Identity()
        self.depthwise = LiteConv(inner, inner, kernel, stride, inner, side=side)
        self.project = LiteConv(inner, outputs, activates=False)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, image: Tensor) -> Tensor:
        """The three convolutions' output, plus the input where the shapes agree."""
        result: Tensor = self.project(self.depthwise(self.expand(image)))
        return image + result if self.adds else result
