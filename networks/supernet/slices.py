"""A smaller network's weights as parts of a larger one's: the first channels, the middle of kernels.

The rule of Once-for-All (Cai et al., ICLR 2020) for elastic depth, width and kernels, for any space whose
plans have the same parts: the n-th layer of a part in the smaller network is the n-th of that part in the
larger one; of each tensor it has the first entries along channels and the center along rows and columns.
To keep the most important channels, the caller sorts the larger network's channels by importance first.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from networks.plan import Plan


def matched(small: Plan, large: Plan) -> tuple[int, ...]:
    """For each layer of the smaller plan the index of its layer in the larger one.

    Raises:
        ValueError: a part of the smaller network has more layers than the larger one's.
    """
    places: dict[str, list[int]] = defaultdict(list)
    for index, layer in enumerate(large.layers):
        places[layer.part].append(index)
    found, taken = [], defaultdict[str, int](int)
    for layer in small.layers:
        number = taken[layer.part]
        if number >= len(places[layer.part]):
            raise ValueError(f"the larger network has no layer {number} of {layer.part}")
        found.append(places[layer.part][number])
        taken[layer.part] += 1
    return tuple(found)


def cropped(tensor: Tensor, shape: Sequence[int]) -> Tensor:
    """The first entries along the first two dimensions, the center along others; a view.

    Raises:
        ValueError: the tensor is no larger.

    >>> import torch
    >>> cropped(torch.arange(25.0).view(1, 1, 5, 5), (1, 1, 3, 3))[0, 0, 0].tolist()
    [6.0, 7.0, 8.0]
    """
    if len(shape) != tensor.dim() or any(want > have for want, have in zip(shape, tensor.shape, strict=True)):
        raise ValueError(f"{tuple(shape)} is no part of {tuple(tensor.shape)}")
    for dimension, want in enumerate(shape):
        start = 0 if dimension < 2 else (tensor.shape[dimension] - want) // 2
        tensor = tensor.narrow(dimension, start, want)
    return tensor


def sliced(
    large: Mapping[str, Tensor], network: nn.Module, match: Sequence[int], *, head: bool = True
) -> dict[str, Tensor]:
    """The state of a smaller network.

    Args:
        large: state of the larger network, as :func:`networks.build.assemble` names it.
        network: the smaller one, for the shapes.
        match: by :func:`matched`.
        head: whether the last layer is taken too; without, it stays as it is in ``network``.
    """
    own = network.state_dict()
    last = len(match) - 1
    state = {}
    for name, value in own.items():
        index, _, rest = name.partition(".")
        if int(index) == last and not head:
            state[name] = value
        else:
            state[name] = cropped(large[f"{match[int(index)]}.{rest}"], value.shape).clone()
    return state
