"""Heads on frozen networks: one exact Gaussian process for each network, one set of hyperparameters for all.

The networks differ only by the seed of their training, so the hyperparameters of the first head and its
variance, which takes most of the time of a prediction, are used for all. Beyond :data:`LARGEST` labels each
head learns a random part of them, as in bagging.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from predictors.gaussian_processes.conditioned import ConditionedGp
from predictors.gaussian_processes.matern import scaled
from spaces.space import Floats

FITTED_ON = 400
"""Labels beyond these do not take part in the choice of hyperparameters."""
LARGEST = 2000
"""Labels beyond these are not learned by one head."""

Inputs = list[list[Floats]]
"""For each head its groups of features, (b, f) each."""


@dataclass(frozen=True, slots=True)
class Head:
    """What one network's embeddings say: which labels it learned (n,), and its process given them."""

    rows: NDArray[np.int64]
    process: ConditionedGp


@dataclass(frozen=True, slots=True)
class Heads:
    """All heads, and what each says of the labels without having learned them.

    Shapes:
        log_lengthscales: (g,)
        errors, std: (n,), of the heads' mean at every label, by leaving one out
    """

    log_lengthscales: Floats
    heads: tuple[Head, ...]
    errors: Floats
    std: Floats

    def __call__(self, inputs: Inputs) -> tuple[Floats, Floats]:
        """Mean and standard deviation (b,): of the mixture of all heads."""
        first, *others = (
            (head.process, scaled(groups, self.log_lengthscales))
            for head, groups in zip(self.heads, inputs, strict=True)
        )
        mean, variance = first[0].marginals(first[1])
        means = [mean, *(process.mean(points) for process, points in others)]
        return np.mean(means, axis=0), np.sqrt(variance + np.var(means, axis=0))


def hyperparameters(inputs: Inputs, labels: Floats, centers: list[float], *, seed: int) -> Floats:
    """Those of the first head.

    Args:
        inputs: of every head.
        labels: normal scores, (n,).
        centers: prior mean of each group's log lengthscale, (g,).
        seed: draws the labels that are fitted to.
    """
    # It loads torch, which predictions do without.
    from predictors.gaussian_processes.exact_gp import fit_groups

    chosen = np.random.default_rng(seed).permutation(len(labels))[:FITTED_ON]
    return fit_groups([x[chosen] for x in inputs[0]], labels[chosen], centers)


def conditioned(inputs: Inputs, labels: Floats, theta: Floats, *, seed: int) -> Heads:
    """Heads that have learned labels (n,)."""
    heads: list[Head] = []
    means, variances = [], []
    for number, groups in enumerate(inputs):
        rows = np.sort(np.random.default_rng([seed, number]).permutation(len(labels))[:LARGEST])
        points = scaled(groups, theta[:-2])
        same = bool(heads) and np.array_equal(rows, heads[0].rows)
        process = ConditionedGp.of(
            points[rows], labels[rows], theta, known=heads[0].process.noise if same else None
        )
        heads.append(Head(rows, process))
        mean, variance = np.empty(len(labels)), np.empty(len(labels))
        errors, std = process.posterior.leave_one_out()
        mean[rows], variance[rows] = labels[rows] - errors, std**2
        others = np.setdiff1d(np.arange(len(labels)), rows)
        mean[others], variance[others] = process.marginals(points[others])
        means.append(mean)
        variances.append(variance)
    spread = np.var(means, axis=0)
    return Heads(theta[:-2], tuple(heads), labels - np.mean(means, axis=0), np.sqrt(variances[0] + spread))
