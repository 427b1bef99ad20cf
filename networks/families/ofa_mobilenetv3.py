"""Networks of ofa_mobilenetv3: architectures of Once-for-All's MobileNetV3 (Cai et al., ICLR 2020)."""

from networks.plan import IN_CHANNELS, Argument, Call, Name, Plan, PlanBuilder, planner
from spaces.costs.network_config import SMALL, NetworkConfig
from spaces.families.ofa_mobilenetv3 import (
    CHANNELS,
    CHOICES,
    EXCITED,
    EXPANDED,
    HEAD,
    LAYERS,
    RESOLUTIONS,
    SMALL_STEM_STRIDE,
    SMALL_STRIDES,
    STEM,
    STEM_STRIDE,
    STRIDES,
    squeezed,
)
from spaces.space import Codes

SWISH_FROM = 2
"""The stage from which on layers have h-swish instead of ReLU."""
_SWISH = Name("nn.Hardswish")


@planner("ofa_mobilenetv3")
def plan(codes: Codes, network: NetworkConfig) -> Plan:
    """The network of codes (21,), at their own resolution unless another one is meant.

    Small: half the channels everywhere, no stride in the stem and the first stage.
    """
    small = network.skeleton == SMALL
    share, first = (2, SMALL_STEM_STRIDE) if small else (1, STEM_STRIDE)
    made = PlanBuilder(network.resolution or RESOLUTIONS[codes[0]], network.classes)
    width = STEM // share
    stem: dict[str, Argument] = {"kernel": 3, "stride": first, "activation": _SWISH}
    made.add("stem", Call("ConvNorm", (IN_CHANNELS, width), stem), width, first)
    lean = {"kernel": 3, "stride": 1, "expansion": 1, "expand": False}
    made.add("stem", Call("InvertedResidual", (width, width), lean), width)
    choices = [CHOICES[code] for code in codes[1:].tolist()]
    for place, choice in enumerate(choices):
        stage, layer = divmod(place, LAYERS)
        if choice != "skip":
            stride = 1 if layer else (SMALL_STRIDES if small else STRIDES)[stage]
            channels = CHANNELS[stage] // share
            made.add(f"stage{stage}", _layer(choice, width, channels, stride, stage), channels, stride)
            width = channels
    swished = {"activation": _SWISH}
    made.add("head", Call("ConvNorm", (width, EXPANDED // share), swished), EXPANDED // share)
    made.pool(EXPANDED // share)
    mixing = Call("nn.Conv2d", (EXPANDED // share, HEAD // share, 1), {"bias": False})
    made.add("head", mixing, HEAD // share)
    made.add("head", Call("nn.Hardswish"), HEAD // share)
    made.classify(HEAD // share)
    stages = [
        [choice for choice in choices[first : first + LAYERS] if choice != "skip"]
        for first in range(0, len(choices), LAYERS)
    ]
    return made.plan({f"stage{stage}": " ".join(stages[stage]) for stage in range(len(stages))})


def _layer(choice: str, inputs: int, outputs: int, stride: int, stage: int) -> Call:
    """The inverted residual of a choice."""
    kernel, expansion = (int(part[1:]) for part in choice.split("_"))
    options: dict[str, Argument] = {"kernel": kernel, "stride": stride, "expansion": expansion}
    if EXCITED[stage]:
        expanded = inputs * expansion
        gate = {"gate": Name("nn.Hardsigmoid")}
        options["scale"] = Call("SqueezeExcite", (expanded, squeezed(expanded)), gate)
    if stage >= SWISH_FROM:
        options["activation"] = _SWISH
    return Call("InvertedResidual", (inputs, outputs), options)
