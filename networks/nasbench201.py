"""Networks of NAS-Bench-201 (Dong & Yang, ICLR 2020): the cell, and the skeleton that stacks it 15 times."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from spaces.nasbench201 import CELLS_PER_STAGE, CHANNELS, CHOICES, EDGES
from spaces.space import Codes

SMALL_CHANNELS = (8, 16, 32)


def network(
    codes: Codes,
    *,
    classes: int,
    in_channels: int,
    channels: tuple[int, ...] = CHANNELS,
    cells: int = CELLS_PER_STAGE,
) -> nn.Module:
    """The network of a cell's codes (6,), with ``cells`` cells of each of ``channels``."""
    choices = [CHOICES[code] for code in codes.tolist()]
    layers: list[nn.Module] = [
        nn.Conv2d(in_channels, channels[0], 3, padding=1, bias=False),
        nn.BatchNorm2d(channels[0]),
    ]
    layers += [Cell(choices, channels[0]) for _ in range(cells)]
    for narrow, wide in pairwise(channels):
        layers.append(Reduction(narrow, wide))
        layers += [Cell(choices, wide) for _ in range(cells)]
    layers += [nn.BatchNorm2d(channels[-1]), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(channels[-1], classes))


def small_network(codes: Codes, *, classes: int, in_channels: int) -> nn.Module:
    """The same skeleton with one cell a stage and half the channels, for scores at initialization."""
    return network(codes, classes=classes, in_channels=in_channels, channels=SMALL_CHANNELS, cells=1)


def _relu_conv_norm(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """ReLU, convolution without bias, affine batch norm."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )


def _operation(choice: str, channels: int) -> nn.Module | None:
    """The module of an edge; None where the edge brings nothing."""
    if choice == "none":
        return None
    if choice == "skip_connect":
        return nn.Identity()
    if choice == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return _relu_conv_norm(channels, channels, {"nor_conv_1x1": 1, "nor_conv_3x3": 3}[choice])


class Cell(nn.Module):
    """Four nodes; each is the sum of what its edges bring, and zero where they bring nothing.

    Shapes:
        forward: (b, channels, h, w) → (b, channels, h, w)
    """

    def __init__(self, choices: list[str], channels: int) -> None:
        super().__init__()
        self.edges = nn.ModuleDict()
        for choice, (source, target) in zip(choices, EDGES, strict=True):
            if (module := _operation(choice, channels)) is not None:
                self.edges[f"{source}_{target}"] = module

    def forward(self, image: Tensor) -> Tensor:
        """The cell's last node."""
        nodes = [image]
        for target in (1, 2, 3):
            terms = [
                self.edges[f"{source}_{target}"](nodes[source])
                for source in range(target)
                if f"{source}_{target}" in self.edges
            ]
            total = terms[0] if terms else torch.zeros_like(image)
            for term in terms[1:]:
                total = total + term
            nodes.append(total)
        return nodes[-1]


class Reduction(nn.Module):
    """Residual block that halves the image and widens it; the shortcut is a mean pooling and a convolution.

    Shapes:
        forward: (b, narrow, h, w) → (b, wide, h / 2, w / 2)
    """

    def __init__(self, narrow: int, wide: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_relu_conv_norm(narrow, wide, 3, stride=2), _relu_conv_norm(wide, wide, 3))
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(narrow, wide, 1, bias=False))

    def forward(self, image: Tensor) -> Tensor:
        """Body plus shortcut."""
        result: Tensor = self.body(image) + self.shortcut(image)
        return result
