"""Once-for-All's MobileNetV3 space (Cai et al., ICLR 2020): stages of two to four layers.

The network, as the authors' released one of width 1.0: 3×3 convolution with stride 2 to 16 channels; one
inverted residual of 16 channels without an expanding convolution; five stages with 24, 40, 80, 112, 160
channels, whose first layers have strides 2, 2, 2, 1, 2, and squeeze-excite in the second, fourth and fifth;
1×1 convolution to 960 channels; mean; 1×1 convolution to 1,280 without batch norm; linear layer to 1,000
classes. A layer is an inverted residual with kernel 3, 5 or 7 and expansion 3, 4 or 6. Squeeze-excite's
short vector has a quarter of the expanded channels, rounded to eights. Images have 128 to 224 pixels a side,
in steps of 4.

Without the resolution there are (9² + 9³ + 9⁴)⁵ = 2.2·10¹⁹ networks, the paper's 2·10¹⁹. The resolution is a
choice, as in the paper: each measured latency is of a network with its own.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spaces.block_chain import Block, BlockChain
from spaces.costs.block_costs import CostTable
from spaces.costs.layer_cost import Cost, InvertedResidual, classifier, convolution, strided
from spaces.costs.network_config import SMALL, NetworkConfig
from spaces.image_space import ImageSpace
from spaces.known import SPACES
from spaces.space import Bools, Codes, Floats, InvalidArchitecture, Variable

RESOLUTIONS = tuple(range(128, 225, 4))
KERNELS = (3, 5, 7)
EXPANSIONS = (3, 4, 6)
CHOICES = (*(f"k{kernel}_e{expansion}" for kernel in KERNELS for expansion in EXPANSIONS), "skip")
SKIP = CHOICES.index("skip")
CLASSES = 1000
STEM, EXPANDED, HEAD = 16, 960, 1280
CHANNELS = (24, 40, 80, 112, 160)
STEM_STRIDE, STRIDES = 2, (2, 2, 2, 1, 2)
SMALL_STEM_STRIDE, SMALL_STRIDES = 1, (1, 2, 2, 1, 2)
"""Of the small skeleton, which has half the channels everywhere and is for 32×32 pixels."""
SMALL_SIDE = 32
EXCITED = (False, True, False, True, True)
LAYERS, FEWEST = 4, 2
"""Of each stage, at most and at least."""


def squeezed(expanded: int) -> int:
    """Length of squeeze-excite's short vector: a quarter of the channels, rounded to eights, at least 90 %.

    >>> squeezed(72), squeezed(120), squeezed(960)
    (24, 32, 240)
    """
    wanted = expanded // 4
    rounded = max(8, (wanted + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * wanted else rounded + 8


def _resolution() -> Block:
    names = tuple(f"r{resolution}" for resolution in RESOLUTIONS)
    hint = "rR with R from 128 to 224 in steps of 4"
    return Block("resolution", (Variable("resolution", RESOLUTIONS),), names, names, hint)


def _block(stage: int, layer: int) -> Block:
    name = f"stage{stage}_layer{layer}"
    choices = CHOICES if layer >= FEWEST else CHOICES[:SKIP]
    operations = tuple(f"stage{stage}_{choice}" if choice != "skip" else choice for choice in choices)
    return Block(name, (Variable(name, choices),), choices, operations, f"one of {', '.join(choices)}")


def _layer_cost(choice: str, inputs: int, outputs: int, stage: int, stride: int, side: int) -> Cost:
    """What a choice costs at a place."""
    if choice == "skip":
        return Cost()
    kernel, expansion = (int(part[1:]) for part in choice.split("_"))
    short = squeezed(inputs * expansion) if EXCITED[stage] else 0
    return InvertedResidual(inputs, outputs, kernel, stride, side, expansion, squeezed=short).cost()


@lru_cache(256)
def _costs(network: NetworkConfig) -> CostTable:
    """The costs of the layers in one network, whose resolution is given."""
    small = network.skeleton == SMALL
    share, first = (2, SMALL_STEM_STRIDE) if small else (1, STEM_STRIDE)
    assert network.classes is not None and network.resolution is not None
    inputs, expanded, head = STEM // share, EXPANDED // share, HEAD // share
    fixed = [convolution(3, inputs, 3, first, network.resolution)]
    side, blocks = strided(network.resolution, first), []
    fixed.append(InvertedResidual(inputs, inputs, 3, 1, side, 1, expands=False).cost())
    for stage, stride in enumerate(SMALL_STRIDES if small else STRIDES):
        outputs = CHANNELS[stage] // share
        for layer in range(LAYERS):
            step = 1 if layer else stride
            choices = CHOICES if layer >= FEWEST else CHOICES[:SKIP]
            blocks.append([_layer_cost(choice, inputs, outputs, stage, step, side) for choice in choices])
            inputs, side = outputs, strided(side, step)
    fixed += [convolution(inputs, expanded, 1, 1, side), _mixed(expanded, head, side)]
    fixed.append(classifier(head, 1, network.classes))
    return CostTable(Cost.total(fixed), blocks)


def _mixed(expanded: int, head: int, side: int) -> Cost:
    """The mean over the image and a 1×1 convolution without batch norm."""
    weights = expanded * head
    return Cost(
        params=weights,
        macs=weights,
        pooled=expanded * (side**2 + 1),
        depth=1,
        peak=max(expanded * (side**2 + 1), expanded + head),
    )


@SPACES.register
class OfaMobileNetV3(ImageSpace, BlockChain):
    """The 5.4·10²⁰ architectures of the space: 2.2·10¹⁹ networks at 25 resolutions.

    The canonical string spells the resolution and four layers a stage, joined by ``|``:
    ``r224|k3_e4|k5_e6|k7_e3|skip|…``. A stage of two or three layers ends in skips, and skips stand nowhere
    else, so each architecture has one string. Architectures are drawn uniformly: nine in ten stages then
    have four layers. (The authors draw the depth first, and each of the three alike.)

    A node of the graph is the resolution or a layer, whose operation is named with the stage; skips pass
    their input through.
    """

    name = "ofa_mobilenetv3"
    title = "Once-for-All MobileNetV3"
    blocks = (_resolution(), *(_block(stage, layer) for stage in range(5) for layer in range(LAYERS)))
    rule = "a stage has a fourth layer only behind a third"
    identity_operations = ("skip",)
    tasks = ("imagenet",)
    devices = (
        "2080ti_1", "2080ti_32", "2080ti_64", "titan_rtx_1", "titan_rtx_32", "titan_xp_1", "titan_xp_32",
        "titan_xp_64", "v100_32",
    )  # fmt: skip
    metrics = ("latency_ms", "params_m", "macs_m", "peak_memory_mb")
    statistics_names = ("params_m", "macs_m", "peak_memory_mb", "depth", "activations_m")
    example = (
        "r224|k3_e4|k3_e3|skip|skip|k5_e3|k5_e3|k5_e3|skip|k3_e6|k3_e3|k3_e3|k3_e3|k3_e6|k3_e6|skip|skip"
        "|k5_e6|k5_e6|k5_e6|skip"
    )
    description = (
        "ImageNet classifiers: a resolution and five stages of two to four inverted residuals, each with "
        "kernel and expansion. No table holds accuracies; latencies were measured on GPUs."
    )

    def __init__(self) -> None:
        super().__init__()
        stage = sum(len(CHOICES[:SKIP]) ** depth for depth in range(FEWEST, LAYERS + 1))
        self.size = len(RESOLUTIONS) * stage ** len(CHANNELS)

    def keeps_rule(self, codes: Codes) -> Bools:
        """Which of codes (b, 21) have no layer behind a skip in the same stage."""
        skipped = codes[:, 1:].reshape(-1, len(CHANNELS), LAYERS) == SKIP
        kept: Bools = np.all(skipped[:, :, 1:] >= skipped[:, :, :-1], axis=(1, 2))
        return kept

    def usual_size(self, task: str | None, skeleton: str) -> tuple[int, int | None]:
        """1,000 classes; architectures have their own resolutions, the small skeleton is for 32 pixels."""
        return CLASSES, SMALL_SIDE if skeleton == SMALL else None

    def resolutions(self, codes: Codes, network: NetworkConfig) -> NDArray[np.int64]:
        """The sides (b,) of the images that the networks of codes (b, 21) are meant for."""
        own = np.array(RESOLUTIONS)[codes[:, 0]]
        return own if network.resolution is None else np.full(len(codes), network.resolution)

    def costs(self, codes: Codes, network: NetworkConfig) -> dict[str, Floats]:
        """Exact numbers of the whole network for one image, by the conventions of spaces.costs.layer_cost.

        ``macs_m`` counts convolutions (squeeze-excite's among them) and the linear layer. ``peak_memory_mb``
        is in 10⁶ bytes. ``depth`` is the number of convolutions and linear layers one behind another,
        ``activations_m`` the elements (10⁶) that convolutions with a batch norm put out.

        Args:
            codes: (b, 21).
            network: for how many classes; a resolution takes the place of each architecture's own.
        """
        result = {name: np.empty(len(codes)) for name in self.statistics_names}
        sides = self.resolutions(codes, network)
        for side in np.unique(sides).tolist():
            rows = sides == side
            kinds = codes[rows, 1:].astype(np.int64)
            for name, values in _costs(replace(network, resolution=side)).statistics(kinds).items():
                result[name][rows] = values
        return result

    def from_settings(
        self, kernels: Sequence[int], expansions: Sequence[int], depths: Sequence[int], resolution: int
    ) -> Codes:
        """Codes (21,) of a network as the authors' code and the latency table write it.

        Args:
            kernels: of all 20 layers, those that the depth leaves out among them.
            expansions: likewise.
            depths: layers of each of the 5 stages.
            resolution: pixels a side.

        Raises:
            InvalidArchitecture: for a value that is no choice, or another number of values.
        """
        wanted = len(CHANNELS) * LAYERS
        if (len(kernels), len(expansions), len(depths)) != (wanted, wanted, len(CHANNELS)):
            raise InvalidArchitecture(
                f"{len(kernels)} kernels, {len(expansions)} expansions and {len(depths)} depths",
                hint=f"{wanted} kernels, {wanted} expansions and {len(CHANNELS)} depths",
            )
        if not set(depths) <= set(range(FEWEST, LAYERS + 1)):
            raise InvalidArchitecture(f"depths {depths}", hint=f"each from {FEWEST} to {LAYERS}")
        layers = [
            f"k{kernel}_e{expansion}" if place % LAYERS < depths[place // LAYERS] else "skip"
            for place, (kernel, expansion) in enumerate(zip(kernels, expansions, strict=True))
        ]
        return self.parse("|".join([f"r{resolution}", *layers]))
