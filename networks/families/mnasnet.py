"""Networks of mnasnet: seven blocks of inverted residuals (Tan et al., CVPR 2019)."""

from networks.plan import IN_CHANNELS, Argument, Call, Plan, PlanBuilder, planner
from spaces.costs.network_config import SMALL, NetworkConfig
from spaces.families.mnasnet import (
    CHANNELS,
    HEAD,
    SMALL_STEM_STRIDE,
    SMALL_STRIDES,
    STEM,
    STEM_STRIDE,
    STRIDES,
)
from spaces.known import get_space
from spaces.space import Codes


@planner("mnasnet")
def plan(codes: Codes, network: NetworkConfig) -> Plan:
    """The network of codes (28,).

    Small: half the channels everywhere, no stride in the stem and the second block.
    """
    small = network.skeleton == SMALL
    share, first = (2, SMALL_STEM_STRIDE) if small else (1, STEM_STRIDE)
    made = PlanBuilder(network.resolution, network.classes)
    width = STEM // share
    stem = Call("ConvNorm", (IN_CHANNELS, width), {"kernel": 3, "stride": first})
    made.add("stem", stem, width, first)
    chosen = get_space("mnasnet").to_variables(codes)
    for block, (channels, stride) in enumerate(
        zip(CHANNELS, SMALL_STRIDES if small else STRIDES, strict=True)
    ):
        expansion, kernel, layers, excited = (
            int(chosen[f"block{block}_{name}"]) for name in ("e", "k", "l", "se")
        )
        for layer in range(layers):
            options: dict[str, Argument] = {"kernel": kernel, "stride": 1 if layer else stride}
            options["expansion"] = expansion
            if expansion == 1:
                options["expand"] = False
            if excited:
                options["scale"] = Call("SqueezeExcite", (width * expansion, width // 4))
            call = Call("InvertedResidual", (width, channels // share), options)
            width = channels // share
            made.add(f"block{block}", call, width, 1 if layer else stride)
    made.add("head", Call("ConvNorm", (width, HEAD // share)), HEAD // share)
    made.pool(HEAD // share)
    made.classify(HEAD // share)
    spellings = get_space("mnasnet").format(codes[None])[0].split("|")
    return made.plan({f"block{block}": spelling for block, spelling in enumerate(spellings)})
