"""Networks of mnasnet: seven blocks of inverted residuals (Tan et al., CVPR 2019)."""

from networks.plan import IN_CHANNELS, Argument, Call, Plan, PlanBuilder, planner
from spaces.families.mnasnet import CHANNELS, CLASSES, HEAD, SIDE, STEM, STRIDES
from spaces.space import Codes, get_space

SMALL_STRIDES = (1, 1, 2, 2, 1, 2, 1)


@planner("mnasnet")
def plan(codes: Codes, *, task: str | None, small: bool) -> Plan:
    """The network of codes (28,).

    Small: half the channels everywhere, 32×32 pixels, no stride in the stem and the second block.
    """
    share = 2 if small else 1
    made = PlanBuilder(32 if small else SIDE, CLASSES)
    first = 1 if small else 2
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
