"""When an evaluation that is under way is not worth its end: rules over intermediate values.

Notation: v the signed value of one evaluation at a step, more is better; o those of the others at that step.
"""

from collections.abc import Sequence
from statistics import median

RULES = ("median", "halving")
FEWEST = 5
"""Other evaluations that must have reached a step before the median rule says anything."""
REDUCTION = 3
"""Of successive halving: rungs are the steps 1, 3, 9, 27 …, and a third goes on from each."""


def fidelity_of(step: int) -> str:
    """The fidelity under which intermediate values of a step are kept.

    >>> fidelity_of(3)
    'step-3'
    """
    return f"step-{step}"


def why_stop(rule: str, step: int, value: float, others: Sequence[float]) -> str | None:
    """Why an evaluation should end now; None where it should go on.

    ``median``: its value is below the median of the others at that step (Golovin et al. 2017, Google Vizier).
    ``halving``: at a rung it is not among the best third of all that reached it, without waiting for more
    (Li et al. 2020, asynchronous successive halving).

    >>> why_stop("median", 4, 0.1, [0.2, 0.3, 0.4, 0.5, 0.6])
    'below the median of 5 others at step 4'
    >>> why_stop("halving", 3, 0.9, [0.2, 0.3, 0.4]), why_stop("halving", 4, 0.1, [0.2, 0.3, 0.4])
    (None, None)
    """
    if rule == "median":
        if len(others) >= FEWEST and value < median(others):
            return f"below the median of {len(others)} others at step {step}"
        return None
    reached = len(others) + 1
    if not is_rung(step) or reached < REDUCTION:
        return None
    better = sum(other > value for other in others)
    kept = reached // REDUCTION
    return None if better < kept else f"not among the best {kept} of {reached} at step {step}"


def is_rung(step: int) -> bool:
    """Whether a step is 1, 3, 9, 27 …"""
    while step > 1 and step % REDUCTION == 0:
        step //= REDUCTION
    return step == 1
