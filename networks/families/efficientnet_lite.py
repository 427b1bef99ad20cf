"""Networks of efficientnet_lite and of the spaces of larger backbones; see the space for what varies."""

from networks.plan import IN_CHANNELS, Argument, Call, Plan, PlanBuilder, Planner, planner
from spaces.costs.layer_cost import strided
from spaces.costs.network_config import SMALL, NetworkConfig
from spaces.families.efficientnet_lite import (
    HEAD,
    RESOLUTIONS,
    SKIP,
    SMALL_STEM_STRIDE,
    STEM_STRIDE,
    LiteSpace,
    parts_of,
    places,
)
from spaces.known import get_space
from spaces.space import Codes


def _planner(space_name: str) -> Planner:
    def plan(codes: Codes, network: NetworkConfig) -> Plan:
        """The network of codes (v,), at their own resolution unless another one is meant.

        Small: half the channels everywhere, no stride in the stem and the second stage.
        """
        space = get_space(space_name)
        assert isinstance(space, LiteSpace)
        return _plan(space, codes, network)

    return plan


def _plan(space: LiteSpace, codes: Codes, network: NetworkConfig) -> Plan:
    small = network.skeleton == SMALL
    first, *others = places(space.backbone, small)
    stride, head = SMALL_STEM_STRIDE if small else STEM_STRIDE, HEAD // 2 if small else HEAD
    side = network.resolution or RESOLUTIONS[codes[0]]
    made = PlanBuilder(side, network.classes)
    stem: dict[str, Argument] = {"kernel": 3, "stride": stride, "side": side}
    made.add("stem", Call("LiteConv", (IN_CHANNELS, first.inputs), stem), first.inputs, stride)
    side = strided(side, stride)
    lean: dict[str, Argument] = {"kernel": first.kernel, "stride": first.stride, "expansion": 1}
    lean |= {"side": side, "expand": False}
    made.add("stage0", Call("LiteResidual", (first.inputs, first.outputs), lean), first.outputs, first.stride)
    side = strided(side, first.stride)
    chosen: dict[str, list[str]] = {}
    for place, code in zip(others, codes[1:].tolist(), strict=True):
        if (choice := place.choices[code]) == SKIP:
            continue
        kernel, expansion = parts_of(choice)
        options: dict[str, Argument] = {"kernel": kernel, "stride": place.stride, "expansion": expansion}
        call = Call("LiteResidual", (place.inputs, place.outputs), options | {"side": side})
        part = f"stage{place.stage}"
        made.add(part, call, place.outputs, place.stride)
        chosen.setdefault(part, []).append(choice)
        side = strided(side, place.stride)
    made.add("head", Call("LiteConv", (others[-1].outputs, head)), head)
    made.pool(head)
    made.classify(head)
    return made.plan({part: " ".join(choices) for part, choices in chosen.items()})


for _name in ("efficientnet_lite", "efficientnet_lite1", "efficientnet_lite2"):
    planner(_name)(_planner(_name))
