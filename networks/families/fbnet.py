"""Networks of fbnet: 22 blocks of nine choices (Wu et al., CVPR 2019)."""

from networks.plan import IN_CHANNELS, Call, Plan, PlanBuilder, planner
from spaces.costs.network_config import SMALL, NetworkConfig
from spaces.families.fbnet import CHANNELS, CHOICES, HEAD, STAGE_OF, STEM, version_of
from spaces.space import Codes


@planner("fbnet")
def plan(codes: Codes, network: NetworkConfig) -> Plan:
    """The network of codes (22,); for ``cifar100`` with the strides for 32×32 pixels.

    Small: with these strides and half the channels everywhere.
    """
    version = version_of(network.task, network.skeleton)
    share = 2 if network.skeleton == SMALL else 1
    made = PlanBuilder(network.resolution, network.classes)
    width = STEM // share
    stem = Call("ConvNorm", (IN_CHANNELS, width), {"kernel": 3, "stride": version.stem_stride})
    made.add("stem", stem, width, version.stem_stride)
    choices = [CHOICES[code] for code in codes.tolist()]
    for block, (choice, stage) in enumerate(zip(choices, STAGE_OF, strict=True)):
        stride = version.strides[stage] if STAGE_OF.index(stage) == block else 1
        channels = CHANNELS[stage] // share
        made.add(f"block{block}", _layer(choice, width, channels, stride), channels, stride)
        width = channels
    made.add("head", Call("ConvNorm", (width, HEAD // share)), HEAD // share)
    made.pool(HEAD // share)
    made.classify(HEAD // share)
    return made.plan({f"block{block}": choice for block, choice in enumerate(choices)})


def _layer(choice: str, inputs: int, outputs: int, stride: int) -> Call:
    """The layer of a choice; a skip that has to change side or channels is a 1×1 convolution."""
    if choice == "skip":
        if stride == 1 and inputs == outputs:
            return Call("nn.Identity")
        return Call("ConvNorm", (inputs, outputs), {"kernel": 1, "stride": stride})
    kernel, expansion, *groups = (int(part[1:]) for part in choice.split("_"))
    if groups:
        options = {"kernel": kernel, "stride": stride, "groups": groups[0]}
        return Call("GroupedResidual", (inputs, outputs), options)
    return Call(
        "InvertedResidual", (inputs, outputs), {"kernel": kernel, "stride": stride, "expansion": expansion}
    )
