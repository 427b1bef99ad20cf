r"""How much each inner channel of an inverted residual matters, from its weights alone.

A channel's contribution to the block's output varies by :math:`\lVert w_c \rVert\, \sigma_c`. Here
:math:`w_c` is its column of the narrowing convolution, each entry scaled by the batch norm behind it, and
:math:`\sigma_c` the standard deviation of :math:`\mathrm{ReLU6}(\beta_c + |\gamma_c| z)`,
:math:`z \sim N(0, 1)`: the batch norm in front gives every signal of the training data mean :math:`\beta_c`
and standard deviation :math:`|\gamma_c|`. The mean of a channel that is left out is no loss, since
recalibrated batch norms make up for it. Magnitudes of filters rank channels in Li et al. (ICLR 2017), those
of batch norms' weights in Liu et al. (ICCV 2017).
"""

from collections.abc import Mapping

import torch
from torch import Tensor

CAP = 6.0
_POINTS = 1001


def channel_importance(state: Mapping[str, Tensor], epsilon: float = 1e-3) -> Tensor:
    """The standard deviation (c,) that each inner channel adds to the output of a block.

    Args:
        state: of a :class:`networks.blocks.lite.LiteResidual`.
        epsilon: of its batch norms.
    """
    center, spread = state["depthwise.norm.bias"].double(), state["depthwise.norm.weight"].double().abs()
    quantiles = torch.special.ndtri((torch.arange(_POINTS, dtype=torch.float64) + 0.5) / _POINTS)
    levels = (center + spread * quantiles[:, None]).clamp(0.0, CAP)  # (points, c)
    scale = (
        state["project.norm.weight"].double() / (state["project.norm.running_var"].double() + epsilon).sqrt()
    )
    columns = state["project.conv.weight"].double().flatten(1) * scale[:, None]  # (outputs, c)
    importance: Tensor = columns.norm(dim=0) * levels.std(dim=0, correction=0)
    return importance


def ordered(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of a block with its inner channels in falling order of importance; it computes the same."""
    order = channel_importance(state).argsort(descending=True, stable=True)
    result = {}
    for name, value in state.items():
        if name == "project.conv.weight":
            result[name] = value[:, order]
        elif name.startswith("project.") or not value.dim():
            result[name] = value
        else:  # rows of the expanding and of the depthwise convolution, and their batch norms
            result[name] = value[order]
    return result
