"""Activation memory of a NAS-Bench-201 cell, by walking its edges in order.

Convention. The edges run in the string's order. A convolution (its ReLU and batch norm fused into it) or
a pooling makes one new tensor. A skip makes none: it lends its input. None reads and makes nothing. A node
is the sum of its terms, added in place into a tensor that an operation made for this node; only where all
terms so far are lent does the sum of two need a tensor of its own. A node without terms is a tensor of
zeros. A tensor is alive from the step that makes it to the last step that reads it.
"""

from collections.abc import Sequence

_NONE, _SKIP = 0, 1
_EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))


def peak_tensors(kinds: Sequence[int]) -> int:
    """Largest number of tensors alive at once in a cell; all tensors of a cell have the same size.

    Args:
        kinds: per edge 0 for none, 1 for skip, 2 for an operation.

    >>> peak_tensors([2, 2, 2, 2, 2, 2])
    4
    >>> peak_tensors([0, 0, 0, 1, 0, 0])
    1
    """
    steps = _steps(kinds)
    first: dict[int, int] = {0: 0}  # the cell's input is there from the start
    last: dict[int, int] = {}
    for step, tensors in enumerate(steps):
        for tensor in tensors:
            first.setdefault(tensor, step)
            last[tensor] = step
    return max(sum(first[tensor] <= step <= last[tensor] for tensor in last) for step in range(len(steps)))


def _steps(kinds: Sequence[int]) -> list[set[int]]:
    """The tensors that each step reads or makes; tensor 0 is the cell's input."""
    steps: list[set[int]] = []
    holder = [0]  # node → the tensor that holds it; nodes share one where a skip is the only term
    made = 1
    for target in (1, 2, 3):
        held = -1  # tensor of the sum so far
        lent = False  # whether it belongs to another node
        for kind, (node, into) in zip(kinds, _EDGES, strict=True):
            if into != target or kind == _NONE:
                continue
            source = holder[node]
            if kind == _SKIP and held < 0:
                steps.append({source})
                held, lent = source, True
                continue
            if kind != _SKIP:
                steps.append({source, made})
                source, made = made, made + 1
            if held < 0:
                held = source
            elif not lent:
                steps.append({held, source})
            elif kind != _SKIP:
                steps.append({held, source})
                held, lent = source, False
            else:
                steps.append({held, source, made})
                held, lent, made = made, False, made + 1
        if held < 0:
            held, made = made, made + 1
        holder.append(held)
    steps.append({holder[-1]})
    return steps
