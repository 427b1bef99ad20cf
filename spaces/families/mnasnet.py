"""MnasNet-like image classifiers (Tan et al., CVPR 2019), as measured by Accel-NASBench (Ahmad et al. 2024).

Seven blocks on 224×224 pixels. Block i repeats ``l`` inverted residuals with expansion ``e``, kernel ``k``
and, where ``se`` is true, squeeze-excite; the first of them has the block's stride and changes the channels.
Before them a 3×3 convolution with stride 2 to 32 channels, behind them a 1×1 convolution to 1,280 channels,
the mean over the image and a linear layer to 1,000 classes. An expansion of 1 has no expanding convolution.
Squeeze-excite's short vector has a quarter of the layer's *input* channels.
"""

from functools import lru_cache
from itertools import product

from spaces.block_chain import Block, BlockChain
from spaces.costs.block_costs import CostTable
from spaces.costs.layer_cost import Cost, InvertedResidual, classifier, convolution, strided
from spaces.costs.network_config import SMALL, NetworkConfig
from spaces.image_space import ImageSpace
from spaces.known import SPACES
from spaces.space import Codes, Floats, Variable

SIDE, CLASSES = 224, 1000
STEM, HEAD = 32, 1280
CHANNELS = (16, 24, 40, 80, 112, 192, 320)
STEM_STRIDE, STRIDES = 2, (1, 2, 2, 2, 1, 2, 1)
SMALL_STEM_STRIDE, SMALL_STRIDES = 1, (1, 1, 2, 2, 1, 2, 1)
"""Of the small skeleton, which has half the channels everywhere and is for 32×32 pixels."""
SMALL_SIDE = 32
EXPANSIONS = (1, 4, 6)
KERNELS = (3, 5)
LAYERS = ((1, 2, 3),) * 5 + ((1, 2, 3, 4), (1, 2, 3))
"""Of each block; one block goes to four."""


def _block(index: int) -> Block:
    variables = (
        Variable(f"block{index}_e", EXPANSIONS),
        Variable(f"block{index}_k", KERNELS),
        Variable(f"block{index}_l", LAYERS[index]),
        Variable(f"block{index}_se", (False, True)),
    )
    spellings = tuple(
        f"e{e}_k{k}_l{layers}" + ("_se" if se else "")
        for e, k, layers, se in product(*(variable.choices for variable in variables))
    )
    return Block(
        f"block{index}",
        variables,
        spellings,
        tuple(f"block{index}_{spelling}" for spelling in spellings),
        "eE_kK_lL or eE_kK_lL_se with E in 1, 4, 6, K in 3, 5 and L in " + ", ".join(map(str, LAYERS[index])),
    )


@lru_cache(64)
def _costs(network: NetworkConfig) -> CostTable:
    """The costs of the blocks in one network."""
    small = network.skeleton == SMALL
    share, first = (2, SMALL_STEM_STRIDE) if small else (1, STEM_STRIDE)
    assert network.classes is not None and network.resolution is not None
    inputs, head = STEM // share, HEAD // share
    fixed = [convolution(3, inputs, 3, first, network.resolution)]
    side, blocks = strided(network.resolution, first), []
    for index, stride in enumerate(SMALL_STRIDES if small else STRIDES):
        outputs = CHANNELS[index] // share
        blocks.append(
            [
                _block_cost(inputs, outputs, stride, side, e, k, count, se)
                for e, k, count, se in product(EXPANSIONS, KERNELS, LAYERS[index], (False, True))
            ]
        )
        inputs, side = outputs, strided(side, stride)
    fixed += [convolution(inputs, head, 1, 1, side), classifier(head, side, network.classes)]
    return CostTable(Cost.total(fixed), blocks)


def _block_cost(
    inputs: int, outputs: int, stride: int, side: int, e: int, k: int, count: int, se: bool
) -> Cost:
    """What a block costs whose first layer gets ``inputs`` channels."""
    parts = []
    for _ in range(count):
        short = inputs // 4 if se else 0
        layer = InvertedResidual(inputs, outputs, k, stride, side, e, expands=e > 1, squeezed=short)
        parts.append(layer.cost())
        inputs, side, stride = outputs, strided(side, stride), 1
    return Cost.total(parts)


@SPACES.register
class MnasNet(ImageSpace, BlockChain):
    """The 1.04·10¹¹ networks of the space.

    The canonical string spells the blocks in their order, each ``eE_kK_lL`` or ``eE_kK_lL_se``, joined by
    ``|``. Every choice of every block changes the network, so no two strings mean the same.

    A node of the graph is a block, its operation the joint choice of the block's four variables, named with
    the block: the channels differ from block to block, so what costs little early costs much late.
    """

    name = "mnasnet"
    title = "MnasNet"
    blocks = tuple(_block(index) for index in range(len(CHANNELS)))
    tasks = ("imagenet",)
    devices = ("3090", "a100", "tpuv2", "zcu102")
    metrics = ("accuracy", "latency_ms", "throughput_ips", "params_m", "macs_m", "peak_memory_mb")
    statistics_names = ("params_m", "macs_m", "peak_memory_mb", "depth", "activations_m")
    example = "e1_k3_l1|e6_k3_l2|e4_k5_l3_se|e6_k3_l3|e6_k3_l2_se|e6_k5_l3_se|e6_k3_l1"
    description = (
        "ImageNet classifiers: 7 blocks of inverted residuals, each with expansion, kernel, layers and SE."
    )

    def usual_size(self, task: str | None, skeleton: str) -> tuple[int, int | None]:
        """1,000 classes and 224 pixels; the small skeleton is for 32."""
        return CLASSES, SMALL_SIDE if skeleton == SMALL else SIDE

    def costs(self, codes: Codes, network: NetworkConfig) -> dict[str, Floats]:
        """Exact numbers of the whole network for one image, by the conventions of spaces.costs.layer_cost.

        For ImageNet ``params_m`` equals the table's column in every row. ``macs_m`` counts convolutions and
        linear layers (squeeze-excite's among them); the table counts more, see :meth:`table_macs_m`.
        ``peak_memory_mb`` is in 10⁶ bytes. ``depth`` is the number of convolutions and linear layers one
        behind another, ``activations_m`` the elements (10⁶) that convolutions with a batch norm put out.

        Args:
            codes: (b, 28).
            network: for how many classes, at which resolution, in which skeleton.
        """
        return _costs(network).statistics(self.kinds(codes))

    def table_macs_m(self, codes: Codes) -> Floats:
        r"""Multiply-accumulates of codes (b, 28) as the table's column ``macs_m`` counts them, (b,).

        :math:`\text{MACs} + 4\,\text{activations} + \text{pooled}`: a batch norm counts 4 for each element
        that it puts out, an average pooling 1 for each that it reads or makes (squeeze-excite's, and the
        last one, which is the constant 0.064 of every network). Equal in every row.
        """
        kinds, costs = self.kinds(codes), _costs(self.network_config("imagenet"))
        macs, activations, pooled = (costs.total(name, kinds) for name in ("macs", "activations", "pooled"))
        return (macs + 4 * activations + pooled) / 1e6
