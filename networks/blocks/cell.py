"""Layers of networks that stack a cell."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class ReluConvNorm(nn.Sequential):
    """ReLU, convolution without bias, batch norm.

    Shapes:
        forward: (b, inputs, h, w) → (b, outputs, h / stride, w / stride)
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
        )


class Cell(nn.Module):
    """Four nodes; each is the sum of what its edges bring, and zero where they bring nothing.

    Args:
        edges: (source, target) → what is done on the way; the image is node 0, the output node 3.

    Shapes:
        forward: (b, channels, h, w) → (b, channels, h, w)
    """

    def __init__(self, edges: Mapping[tuple[int, int], nn.Module]) -> None:
        super().__init__()
        self.edges = nn.ModuleDict({f"{source}_{target}": edge for (source, target), edge in edges.items()})

    def forward(self, image: Tensor) -> Tensor:
        """The cell's last node."""
        nodes = [image]
        for target in (1, 2, 3):
            terms = [
                self.edges[f"{source}_{target}"](node)
                for source, node in enumerate(nodes)
                if f"{source}_{target}" in self.edges
            ]
            nodes.append(sum(terms[1:], terms[0]) if terms else torch.zeros_like(image))
        return nodes[-1]


class Reduction(nn.Module):
    """Residual block that halves the image and expands it; the shortcut is a mean pooling and a convolution.

    Shapes:
        forward: (b, narrow, h, w) → (b, wide, ⌈h / 2⌉, ⌈w / 2⌉)
    """

    def __init__(self, narrow: int, wide: int) -> None:
        super().__init__()
        self.body = nn.Sequential(ReluConvNorm(narrow, wide, 3, stride=2), ReluConvNorm(wide, wide, 3))
        self.shortcut = nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), nn.Conv2d(narrow, wide, 1, bias=False))

    def forward(self, image: Tensor) -> Tensor:
        """Body plus shortcut."""
        result: Tensor = self.body(image) + self.shortcut(image)
        return result
