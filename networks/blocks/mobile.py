"""Layers of mobile image classifiers."""

from torch import Tensor, nn


class ConvNorm(nn.Sequential):
    """Convolution without bias, batch norm and activation.

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
        activation: type[nn.Module] | None = nn.ReLU,
    ) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        if activation is not None:
            layers.append(activation())
        super().__init__(*layers)


class SqueezeExcite(nn.Module):
    """Scales each channel by a gate that a short vector decides (Hu et al., CVPR 2018).

    Shapes:
        forward: (b, channels, h, w) → (b, channels, h, w)
    """

    def __init__(self, channels: int, squeezed: int, gate: type[nn.Module] = nn.Sigmoid) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.ReLU(),
            nn.Conv2d(squeezed, channels, 1),
            gate(),
        )

    def forward(self, image: Tensor) -> Tensor:
        """The scaled image."""
        scaled: Tensor = image * self.gate(image)
        return scaled


class InvertedResidual(nn.Module):
    """Expand by 1×1, k×k depthwise, narrow by 1×1 (Sandler et al., CVPR 2018).

    Where side and channels stay, the input is added.

    Args:
        expand: whether there is a 1×1 convolution in front; without, the expansion is 1.
        scale: what stands between the depthwise convolution and the narrowing one.

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
        expand: bool = True,
        scale: nn.Module | None = None,
        activation: type[nn.Module] = nn.ReLU,
    ) -> None:
        super().__init__()
        inner = inputs * expansion
        layers: list[nn.Module] = []
        if expand:
            layers.append(ConvNorm(inputs, inner, activation=activation))
        layers.append(ConvNorm(inner, inner, kernel, stride, groups=inner, activation=activation))
        if scale is not None:
            layers.append(scale)
        layers.append(ConvNorm(inner, outputs, activation=None))
        self.body = nn.Sequential(*layers)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, image: Tensor) -> Tensor:
        """The body's output, plus the input where the shapes agree."""
        result: Tensor = self.body(image)
        return image + result if self.adds else result
