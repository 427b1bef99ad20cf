"""FBNet (Wu et al., CVPR 2019): 22 blocks of nine choices each, with channels and strides fixed by place.

The network, by the paper's Table 1: 224×224 pixels; 3×3 convolution with stride 2 to 16 channels; stages of
1, 4, 4, 4, 4, 4, 1 blocks with 16, 24, 32, 64, 112, 184, 352 channels, whose first blocks have strides 1, 2,
2, 2, 1, 2, 1; 1×1 convolution to 1,504 channels; mean; linear layer to 1,000 classes. So built, the
paper's FBNet-A has the published 4.3 M parameters and 249 M multiply-accumulates. (The code released for
FBNet-B and FBNet-C has 1,984 channels there.)

A block ``kK_eE[_gG]`` is an inverted residual with an expanding 1×1 convolution even at expansion 1; with
groups, both 1×1 convolutions are grouped and a channel shuffle follows the first. ``skip`` passes its input
through; the first block of a stage, which has to change side or channels, is then a 1×1 convolution with the
block's stride (so the authors' released blocks, and HW-NAS-Bench, Li et al., ICLR 2021).

The measured latencies are those of *another* version of these networks, HW-NAS-Bench's for CIFAR-100: 32×32
pixels, no stride in the stem and the second stage, 100 classes. The table does not say so, but its numbers
do: on the FPGA, whose latency is nearly the sum of its layers', the rank correlation with the MACs of that
version is .98 and with those at 224 pixels .90, and an outer block takes as long as its share at 32×32.
"""

from dataclasses import dataclass
from functools import lru_cache

from spaces.block_chain import Block, BlockChain
from spaces.costs.block_costs import CostTable
from spaces.costs.layer_cost import Cost, InvertedResidual, classifier, convolution, strided
from spaces.costs.network_config import SMALL, NetworkConfig
from spaces.image_space import ImageSpace
from spaces.known import SPACES
from spaces.space import Codes, Floats, Variable

CHOICES = ("k3_e1", "k3_e1_g2", "k3_e3", "k3_e6", "k5_e1", "k5_e1_g2", "k5_e3", "k5_e6", "skip")
SKIP = CHOICES.index("skip")
STEM, HEAD = 16, 1504
CHANNELS = (16, 24, 32, 64, 112, 184, 352)
DEPTHS = (1, 4, 4, 4, 4, 4, 1)
STAGE_OF = tuple(stage for stage, depth in enumerate(DEPTHS) for _ in range(depth))


@dataclass(frozen=True, slots=True)
class Version:
    """What a task fixes: strides of the stem and the stages, and the usual side of the image and classes."""

    side: int
    classes: int
    stem_stride: int
    strides: tuple[int, ...]


VERSIONS = {
    "imagenet": Version(224, 1000, 2, (1, 2, 2, 2, 1, 2, 1)),
    "cifar100": Version(32, 100, 1, (1, 1, 2, 2, 1, 2, 1)),
}
_MEASURED = NetworkConfig("cifar100", 100, 32)


def version_of(task: str | None, skeleton: str) -> Version:
    """The strides of a task's network; the small skeleton has those for small images."""
    return VERSIONS["cifar100" if skeleton == SMALL or task == "cifar100" else "imagenet"]


def _opens(index: int) -> bool:
    """Whether a block is the first of a stage that changes side or channels."""
    stage = STAGE_OF[index]
    return STAGE_OF.index(stage) == index and (STEM, *CHANNELS)[stage] != CHANNELS[stage]


def _block(index: int) -> Block:
    stage = f"stage{STAGE_OF[index]}"
    operations = tuple(f"{stage}_{choice}" for choice in CHOICES[:SKIP])
    return Block(
        f"block{index}",
        (Variable(f"block{index}", CHOICES),),
        CHOICES,
        (*operations, f"{stage}_project" if _opens(index) else "skip"),
        f"one of {', '.join(CHOICES)}",
    )


def _block_cost(choice: str, inputs: int, outputs: int, stride: int, side: int) -> Cost:
    """What a choice costs at a place."""
    if choice == "skip":
        if stride == 1 and inputs == outputs:
            return Cost()
        return convolution(inputs, outputs, 1, stride, side)
    kernel, expansion, *groups = (int(part[1:]) for part in choice.split("_"))
    layer = InvertedResidual(
        inputs, outputs, kernel, stride, side, expansion, groups=groups[0] if groups else 1
    )
    return layer.cost()


@lru_cache(64)
def _costs(network: NetworkConfig) -> CostTable:
    """The costs of the blocks in one network."""
    version = version_of(network.task, network.skeleton)
    share = 2 if network.skeleton == SMALL else 1
    assert network.classes is not None and network.resolution is not None
    inputs, head = STEM // share, HEAD // share
    fixed = [convolution(3, inputs, 3, version.stem_stride, network.resolution)]
    side, blocks = strided(network.resolution, version.stem_stride), []
    for index, stage in enumerate(STAGE_OF):
        stride = version.strides[stage] if STAGE_OF.index(stage) == index else 1
        outputs = CHANNELS[stage] // share
        blocks.append([_block_cost(choice, inputs, outputs, stride, side) for choice in CHOICES])
        inputs, side = outputs, strided(side, stride)
    fixed += [convolution(inputs, head, 1, 1, side), classifier(head, side, network.classes)]
    return CostTable(Cost.total(fixed), blocks)


@SPACES.register
class FbNet(ImageSpace, BlockChain):
    """The 9²² networks of the space (9.8·10²⁰).

    The canonical string is the table's ``blocks``. A skip that passes its input through does nothing, so
    within a stage it may stand anywhere behind the first block: such networks share an
    :meth:`isomorphism_key` and keep their own strings.

    A node of the graph is a block. Its operation is named with the stage, which fixes the channels: counting
    operations then says nearly all. The skips that pass their input through are all one operation.
    """

    name = "fbnet"
    title = "FBNet"
    blocks = tuple(_block(index) for index in range(len(STAGE_OF)))
    identity_operations = ("skip",)
    tasks = ("imagenet", "cifar100")
    devices = (
        "1080ti_1", "1080ti_32", "1080ti_64", "2080ti_32", "2080ti_64", "essential_ph_1", "fpga", "gold_6226",
        "gold_6240", "pixel2", "samsung_a50", "samsung_s7", "silver_4114", "silver_4210r", "titan_rtx_1",
        "titan_rtx_32", "titanx_1", "titanx_32", "titanx_64", "titanxp_1", "titanxp_32", "titanxp_64",
    )  # fmt: skip
    metrics = ("latency_ms", "params_m", "macs_m", "peak_memory_mb")
    statistics_names = (
        "params_m", "macs_m", "peak_memory_mb", "depth", "activations_m", "measured_macs_m",
        "measured_activations_m",
    )  # fmt: skip
    example = (
        "k3_e1|k3_e6|k5_e1|k3_e1|k3_e1|k5_e6|k5_e3|k3_e6|k5_e6|k5_e6|k5_e1|skip|k5_e3|k5_e6|k3_e1|k5_e1|k5_e3"
        "|k5_e6|k5_e1|k5_e6|k5_e6|k3_e6"
    )
    description = (
        "Image classifiers: 22 blocks of nine choices each. Costs are of the ImageNet version (224×224); "
        "latencies were measured on the CIFAR-100 version (32×32), whose costs the task cifar100 gives."
    )

    def isomorphism_key(self, codes: Codes) -> str:
        """The canonical string without the skips that pass their input through, stage by stage."""
        stages: list[list[str]] = [[] for _ in CHANNELS]
        for index, code in enumerate(codes.tolist()):
            if code != SKIP or _opens(index):
                stages[STAGE_OF[index]].append(CHOICES[code])
        return "/".join("|".join(stage) for stage in stages)

    def usual_size(self, task: str | None, skeleton: str) -> tuple[int, int | None]:
        """ImageNet's 1,000 classes and 224 pixels, CIFAR-100's 100 and 32; the small skeleton is for 32."""
        return VERSIONS[task or "imagenet"].classes, version_of(task, skeleton).side

    def costs(self, codes: Codes, network: NetworkConfig) -> dict[str, Floats]:
        """Exact numbers of the whole network for one image, by the conventions of spaces.costs.layer_cost.

        No table holds parameters or MACs of this space, so nothing measured confirms them; the tests compare
        with a network built and counted another way, and with what the paper says of FBNet-A.

        ``macs_m`` counts convolutions and the linear layer. ``peak_memory_mb`` is in 10⁶ bytes. ``depth`` is
        the number of convolutions and linear layers one behind another, ``activations_m`` the elements (10⁶)
        that convolutions put out. ``measured_macs_m`` and ``measured_activations_m`` are, whatever network is
        meant, those of the version that the latencies were measured on.

        Args:
            codes: (b, 22).
            network: the task ``cifar100`` has the strides for small images, every other one ImageNet's.
        """
        kinds = self.kinds(codes)
        measured = _costs(_MEASURED)
        return {
            **_costs(network).statistics(kinds),
            "measured_macs_m": measured.total("macs", kinds) / 1e6,
            "measured_activations_m": measured.total("activations", kinds) / 1e6,
        }
