"""A space of small convolutional networks for 32×32 pixels: four stages, each with a kernel and a width."""

import numpy as np

from networks.plan import IN_CHANNELS, Call, Plan, PlanBuilder, planner
from spaces.block_chain import Block, BlockChain
from spaces.costs.layer_cost import strided
from spaces.costs.network_config import SMALL, NetworkConfig
from spaces.image_space import ImageSpace
from spaces.known import SPACES, get_space
from spaces.space import Codes, Floats, Variable

KERNELS, WIDTHS = (3, 5), (8, 16, 24)
STRIDES = (1, 2, 1, 2)
SIDE, STEM, CLASSES = 32, 8, 4
BYTES = 4
"""Of a number in memory."""


@SPACES.register
class Pocket(ImageSpace, BlockChain):
    """A convolution to 8 channels, then four convolutions, each with a batch norm and ReLU."""

    name = "pocket"
    title = "Pocket networks"
    description = "Four convolutions for images of 32×32 pixels; each chooses its kernel and its width."
    blocks = tuple(
        Block(
            f"stage{index}",
            (Variable(f"kernel{index}", KERNELS), Variable(f"width{index}", WIDTHS)),
            tuple(f"k{kernel}w{width}" for kernel in KERNELS for width in WIDTHS),
            tuple(f"conv{kernel}_{width}" for kernel in KERNELS for width in WIDTHS),
            "k, one of 3 and 5, then w, one of 8, 16 and 24",
        )
        for index in range(len(STRIDES))
    )
    tasks = ("stripes",)
    devices = ()
    metrics = ("accuracy", "params_m", "macs_m", "peak_memory_mb")
    statistics_names = ("params_m", "macs_m", "peak_memory_mb")
    example = "k3w8|k3w16|k3w16|k3w24"

    def enumerate(self) -> Codes:
        """Every architecture, the last variable varying fastest."""
        sizes = [len(variable.choices) for variable in self.variables]
        return np.array(list(np.ndindex(*sizes)), dtype=np.int8)

    def usual_size(self, task: str | None, skeleton: str) -> tuple[int, int | None]:
        """Four classes and 32 pixels."""
        return CLASSES, SIDE

    def costs(self, codes: Codes, network: NetworkConfig) -> dict[str, Floats]:
        """Exact costs of codes (b, v): parameters, multiply-accumulates and memory at batch 1 in fp32."""
        assert network.classes is not None and network.resolution is not None
        stem, side = STEM // _share(network), network.resolution
        inputs = np.full(len(codes), float(stem))
        params = np.full(len(codes), 9.0 * 3 * stem + 2 * stem)
        macs = np.full(len(codes), 9.0 * 3 * stem * side**2)
        peak = np.full(len(codes), (3.0 + stem) * side**2)
        for stage, stride in enumerate(STRIDES):
            kernel = np.take(KERNELS, codes[:, 2 * stage]).astype(np.float64)
            width = np.take(WIDTHS, codes[:, 2 * stage + 1]).astype(np.float64) // _share(network)
            made = strided(side, stride)
            params += kernel**2 * inputs * width + 2 * width
            macs += kernel**2 * inputs * width * made**2
            peak = np.maximum(peak, inputs * side**2 + width * made**2)
            inputs, side = width, made
        params += (inputs + 1) * network.classes
        macs += inputs * network.classes
        return {"params_m": params / 1e6, "macs_m": macs / 1e6, "peak_memory_mb": BYTES * peak / 1e6}


def _share(network: NetworkConfig) -> int:
    """By what all widths are divided: the small skeleton has half of them."""
    return 2 if network.skeleton == SMALL else 1


@planner("pocket")
def plan(codes: Codes, network: NetworkConfig) -> Plan:
    """The network of codes (8,)."""
    made = PlanBuilder(network.resolution, network.classes)
    inputs = STEM // _share(network)
    made.add("stem", Call("ConvNorm", (IN_CHANNELS, inputs), {"kernel": 3}), inputs)
    spellings = get_space("pocket").format(codes[None])[0].split("|")
    for stage, (stride, row) in enumerate(zip(STRIDES, codes.reshape(-1, 2).tolist(), strict=True)):
        kernel, width = KERNELS[row[0]], WIDTHS[row[1]] // _share(network)
        call = Call("ConvNorm", (inputs, width), {"kernel": kernel, "stride": stride})
        made.add(f"stage{stage}", call, width, stride)
        inputs = width
    made.pool(inputs)
    made.classify(inputs)
    return made.plan({f"stage{stage}": spelling for stage, spelling in enumerate(spellings)})
