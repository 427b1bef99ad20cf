"""Networks that begin with the weights of their space's backbone."""

from collections.abc import Mapping
from functools import lru_cache

from torch import Tensor, nn

from networks.build import assemble, codes_of
from networks.plan import Plan, plan_network
from networks.pretrained.efficientnet_lite import MEAN, STD, load
from networks.pretrained.importance import ordered
from networks.supernet.slices import matched, sliced
from spaces.costs.network_config import FULL, NetworkConfig
from spaces.families.efficientnet_lite import RESOLUTIONS, LiteSpace
from spaces.known import get_space

PIXELS = (MEAN,) * 3, (STD,) * 3
"""Mean and standard deviation of each channel that the backbones' images were normalized with."""


class NotPretrained(ValueError):
    """The networks of a space have no pretrained weights; never worth a retry."""


def pretrained(space_name: str, architecture: str, network: NetworkConfig | None = None) -> nn.Sequential:
    """An architecture's network with the backbone's weights, in training mode.

    The classifier is the backbone's for its own 1,000 classes, else a new one from torch's global generator.
    Batch norms hold the backbone's statistics, which a smaller network's signals do not have:
    :func:`networks.training.recalibrate.recalibrate` them.

    Args:
        space_name: of the Lite spaces.
        architecture: a string of the space.
        network: which network is meant; None: ImageNet's, at the architecture's own resolution.

    Raises:
        NotPretrained: the space has no backbone, or its small skeleton is meant.
        BackboneUnavailable: the backbone's package is not installed.
    """
    space = get_space(space_name)
    if not isinstance(space, LiteSpace):
        raise NotPretrained(f"{space.public_name} has no pretrained backbone; train from scratch")
    network = network or space.network_config()
    if network.skeleton != FULL:
        raise NotPretrained(f"the {network.skeleton} skeleton has no pretrained weights; use the full one")
    plan, large = plan_network(space_name, codes_of(space_name, architecture), network), _whole_plan(space)
    made = assemble(plan)
    head = network.classes == large.classes
    made.load_state_dict(sliced(backbone_state(space_name), made, matched(plan, large), head=head))
    return made


@lru_cache(maxsize=1)
def backbone_state(space_name: str) -> Mapping[str, Tensor]:
    """The state of the whole backbone as the space's network, inner channels by importance; never change it.

    Raises:
        BackboneUnavailable: the backbone's package is not installed.
    """
    space = get_space(space_name)
    assert isinstance(space, LiteSpace)
    packaged = load(space_name).state_dict()
    large = _whole_plan(space)
    names = dict.fromkeys(name.rsplit(".", 1)[0] for name in packaged)
    state: dict[str, Tensor] = {}
    for name in names:
        own = _own_name(name, len(large.layers))
        state |= {f"{own}.{key}": packaged[f"{name}.{key}"] for key in _KEYS if f"{name}.{key}" in packaged}
    for index, layer in enumerate(large.layers):
        if layer.part.startswith("stage") and layer.part != "stage0":
            prefix = f"{index}."
            block = {
                key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)
            }
            state |= {prefix + key: value for key, value in ordered(block).items()}
    return state


_KEYS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
_OUTER = {"_conv_stem": (0, "conv"), "_bn0": (0, "norm"), "_conv_head": (-4, "conv"), "_bn1": (-4, "norm")}
_INNER = {
    "_expand_conv": "expand.conv", "_bn0": "expand.norm", "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.norm", "_project_conv": "project.conv", "_bn2": "project.norm",
}  # fmt: skip


def _own_name(packaged: str, layers: int) -> str:
    """What a module of the packaged network is called in the space's."""
    if packaged == "_fc":
        return str(layers - 1)
    if packaged in _OUTER:
        index, name = _OUTER[packaged]
        return f"{index % layers}.{name}"
    _, block, name = packaged.split(".")
    return f"{int(block) + 1}.{_INNER[name]}"


def _whole_plan(space: LiteSpace) -> Plan:
    return plan_network(space.name, space.parse(space.whole(RESOLUTIONS[-1])))
