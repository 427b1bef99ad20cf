"""Heads on frozen networks: one exact Gaussian process for each network, one set of hyperparameters for all.

The networks differ by the seed of their training alone, so what suits one head suits all, and the first one's
variance, the dearest part of a prediction, stands for all. Beyond :data:`LARGEST` labels each head learns a
random part of them, as in bagging.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from predictors.matern_kernel import (
    TREND,
    Posterior,
    condition,
    distances,
    kernel,
    most_likely,
    scaled_distances,
)
from spaces.space import Floats

FITTED_ON = 400
"""Labels beyond these do not take part in the choice of hyperparameters."""
LARGEST = 2000
"""Labels beyond these are not learned by one head."""
_CHUNK = 2048

Inputs = list[list[Floats]]
"""For each head its groups of features, (b, f) each."""


@dataclass(frozen=True, slots=True)
class Head:
    """What one network's embeddings say.

    Args:
        inputs: of the labels it learned, one (n, f) array a group.
        posterior: given those labels.
    """

    inputs: list[Floats]
    posterior: Posterior

    def mean(self, groups: list[Floats]) -> Floats:
        """Posterior mean (b,)."""
        return np.concatenate([cross @ self.posterior.weights for cross in self._cross(groups)])

    def moments(self, groups: list[Floats]) -> tuple[Floats, Floats]:
        """Posterior mean and variance (b,), noise included."""
        theta = self.posterior.theta
        prior = np.exp(theta[-2]) + TREND + np.exp(theta[-1])
        means, variances = [], []
        for cross in self._cross(groups):
            means.append(cross @ self.posterior.weights)
            variances.append(prior - np.einsum("bn,bn->b", cross @ self.posterior.inverse, cross))
        return np.concatenate(means), np.maximum(np.concatenate(variances), np.exp(theta[-1]))

    def _cross(self, groups: list[Floats]) -> Iterator[Floats]:
        """Covariances with the labels, (·, n), of a part of the architectures at a time."""
        theta = self.posterior.theta
        for start in range(0, max(len(groups[0]), 1), _CHUNK):
            part = [x[start : start + _CHUNK] for x in groups]
            yield kernel(scaled_distances(part, self.inputs, theta), theta)


@dataclass(frozen=True, slots=True)
class Heads:
    """All heads, and what each says of the labels without having learned them.

    Shapes:
        errors, deviations: (n,), of the heads' mean at every label, by leaving one out
    """

    heads: tuple[Head, ...]
    errors: Floats
    deviations: Floats

    def __call__(self, inputs: Inputs) -> tuple[Floats, Floats]:
        """Mean and deviation (b,): of the mixture of all heads."""
        first, variance = self.heads[0].moments(inputs[0])
        others = zip(self.heads[1:], inputs[1:], strict=True)
        means = np.stack([first, *(head.mean(groups) for head, groups in others)])
        return means.mean(axis=0), np.sqrt(variance + means.var(axis=0))


def hyperparameters(inputs: Inputs, labels: Floats, centers: list[float], *, seed: int) -> Floats:
    """What suits the first head best; see :func:`predictors.matern_kernel.most_likely`."""
    chosen = np.random.default_rng(seed).permutation(len(labels))[:FITTED_ON]
    groups = [x[chosen] for x in inputs[0]]
    return most_likely(distances(groups, groups), labels[chosen], np.array(centers))


def conditioned(inputs: Inputs, labels: Floats, theta: Floats, *, seed: int) -> Heads:
    """Heads that have learned labels (n,)."""
    heads, means, variances = [], [], []
    for number, groups in enumerate(inputs):
        rows = np.sort(np.random.default_rng([seed, number]).permutation(len(labels))[:LARGEST])
        own = [x[rows] for x in groups]
        posterior = condition(scaled_distances(own, own, theta), labels[rows], theta)
        heads.append(Head(own, posterior))
        others = np.setdiff1d(np.arange(len(labels)), rows)
        mean, variance = np.empty(len(labels)), np.empty(len(labels))
        errors, deviations = posterior.leave_one_out()
        mean[rows], variance[rows] = labels[rows] - errors, deviations**2
        if len(others):
            mean[others], variance[others] = heads[-1].moments([x[others] for x in groups])
        means.append(mean)
        variances.append(variance)
    spread = np.var(means, axis=0)
    return Heads(tuple(heads), labels - np.mean(means, axis=0), np.sqrt(variances[0] + spread))
