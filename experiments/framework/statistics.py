r"""Standard errors, tests and corrections of every row; nothing else computes them.

A p-value here is one-sided: the probability of a result at least so far beyond a bound if the truth were the
bound. *Clearly* means :math:`p < .05`, after Holm's correction where several tasks make one claim.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEVEL = 0.05
"""The p-value below which something is clear."""
RESAMPLES = 1000

Floats = NDArray[np.float64]
Values = Sequence[float] | Floats


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number that one sample gave, with the standard error estimated from that sample.

    Args:
        value: the estimate.
        standard_error: of the estimate.
        n: size of the sample.
    """

    value: float
    standard_error: float
    n: int

    def to_dict(self) -> dict[str, float]:
        """As JSON, so that a part can return it."""
        return {"value": self.value, "standard_error": self.standard_error, "n": self.n}


@dataclass(frozen=True, slots=True)
class Difference:
    """How far one sample's mean is above another's.

    Args:
        mean: the difference of the means.
        standard_error: of it; 0 where nothing varies.
        p: one-sided, against no difference, on the side where the difference lies.
        n: pairs, or the smaller sample.
    """

    mean: float
    standard_error: float
    p: float
    n: int

    @property
    def clearly_above(self) -> bool:
        """Whether the first is above the second with p < .05; a tie is not."""
        return self.mean > 0 and self.p < LEVEL


def standard_error(values: Values) -> float | None:
    """Of the mean; None for fewer than two values."""
    return float(stats.sem(values)) if len(values) > 1 else None


def p_of_mean(values: Values, bound: float) -> float | None:
    """Student's t against a bound, on the side where the mean lies; None for fewer than two values.

    Where nothing varies it is the sign test's: n equal values on one side are :math:`2^{-n}`.
    """
    if len(values) < 2:
        return None
    sample = np.asarray(values, dtype=np.float64)
    offset = float(sample.mean()) - bound
    error = float(stats.sem(sample))
    if error <= 1e-12 * max(abs(float(sample.mean())), abs(bound), 1e-300):
        return 1.0 if offset == 0 else 0.5 ** len(sample)
    return float(stats.t.sf(abs(offset) / error, len(sample) - 1))


def p_of_estimate(value: float, error: float, bound: float) -> float:
    """Of a normal estimate against a bound, on the side where it lies."""
    if error <= 0:
        return 1.0 if value == bound else 0.0
    return float(stats.norm.sf(abs(value - bound) / error))


def p_of_share(hits: int, of: int, bound: float) -> float:
    """The exact binomial test of a share against a bound in [0, 1], on the side where it lies."""
    side = "greater" if hits / of >= bound else "less"
    return float(stats.binomtest(hits, of, min(max(bound, 0.0), 1.0), side).pvalue)


def paired(ours: Values, theirs: Values) -> Difference:
    """Paired t-test: value i of both comes from one seed, with the same initial draws.

    Raises:
        ValueError: for samples of different size.
    """
    if len(ours) != len(theirs):
        raise ValueError(f"paired samples have one size, not {len(ours)} and {len(theirs)}")
    differences = (np.asarray(ours, dtype=np.float64) - np.asarray(theirs, dtype=np.float64)).tolist()
    p, error = p_of_mean(differences, 0.0), standard_error(differences)
    return Difference(float(np.mean(differences)), error or 0.0, 1.0 if p is None else p, len(differences))


def welch(ours: Values, theirs: Values) -> Difference:
    """Welch's t-test of two independent samples; each variance is divided by its own sample's size."""
    mean = float(np.mean(ours) - np.mean(theirs))
    smaller = min(len(ours), len(theirs))
    if smaller < 2:
        return Difference(mean, 0.0, 1.0, smaller)
    error = float(np.hypot(stats.sem(ours), stats.sem(theirs)))
    if error == 0:
        ties = comb(len(ours) + len(theirs), len(ours))
        return Difference(mean, 0.0, 1.0 if mean == 0 else 1 / ties, smaller)
    side = "greater" if mean >= 0 else "less"
    found = stats.ttest_ind(ours, theirs, equal_var=False, alternative=side)
    return Difference(mean, error, float(found.pvalue), smaller)


def difference(ours: Values, theirs: Values, *, pairs: bool) -> Difference:
    """Paired where seeds pair, Welch's else."""
    return paired(ours, theirs) if pairs else welch(ours, theirs)


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's (1979) adjusted p-values of one claim's tests, in their order.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    adjusted, largest = [1.0] * len(ps), 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=lambda index: ps[index])):
        largest = max(largest, min((len(ps) - rank) * ps[index], 1.0))
        adjusted[index] = largest
    return adjusted


def ahead(
    tasks: Mapping[str, tuple[Values, Mapping[str, Values]]], *, pairs: bool = True
) -> dict[str, float]:
    """Task → Holm's p-value that ours is above every rival there; 1 where some rival's mean is not below.

    Ours must be above all rivals at once, so a task's p-value is the largest of its rivals' (intersection–
    union test), and tasks are corrected for one another.

    Args:
        tasks: task → our values, and each rival's.
        pairs: whether value i of all methods comes from one seed.
    """
    raw = []
    for ours, rivals in tasks.values():
        found = [difference(ours, theirs, pairs=pairs) for theirs in rivals.values()]
        raw.append(max((each.p if each.mean > 0 else 1.0) for each in found))
    return dict(zip(tasks, holm(raw), strict=True))


def bootstrap(
    statistic: Callable[..., float], *samples: Sequence[float] | Floats, resamples: int = RESAMPLES
) -> Estimate:
    """A statistic of one sample, with the bootstrap's standard error.

    Args:
        statistic: of arrays (n,) to a number.
        samples: (n,) each, redrawn together.
        resamples: how many times.
    """
    arrays = [np.asarray(sample, dtype=np.float64) for sample in samples]
    size, rng = len(arrays[0]), np.random.default_rng(0)
    drawn = [
        statistic(*(array[rows] for array in arrays))
        for rows in (rng.integers(size, size=size) for _ in range(resamples))
    ]
    return Estimate(float(statistic(*arrays)), float(np.nanstd(drawn, ddof=1)), size)


def quantile(values: Values, share: float) -> Estimate:
    """A quantile with Maritz and Jarrett's (1978) standard error."""
    from scipy.stats import mstats

    sample = np.asarray(values, dtype=np.float64)
    error = float(mstats.mjci(sample, [share])[0])
    return Estimate(float(np.quantile(sample, share)), error, len(sample))


def share(hits: int, of: int) -> Estimate:
    """A share with its binomial standard error."""
    part = hits / of
    return Estimate(part, float(np.sqrt(part * (1 - part) / of)), of)
