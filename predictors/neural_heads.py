"""Heads on frozen networks: one exact Gaussian process for each network, one set of hyperparameters for all.

The networks differ by the seed of their training alone, so what suits one head suits all, and the first one's
variance, the dearest part of a prediction, stands for all. Beyond :data:`LARGEST` labels each head learns a
random part of them, as in bagging.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from predictors.gaussian_processes.heteroscedastic_noise import Noise, condition
from predictors.gaussian_processes.matern_kernel import (
    TREND,
    Posterior,
    distances,
    kernel,
    most_likely,
    scaled,
    squared_distances,
)
from spaces.space import Floats

FITTED_ON = 400
"""Labels beyond these do not take part in the choice of hyperparameters."""
LARGEST = 2000
"""Labels beyond these are not learned by one head."""
_CHUNK = 256

Inputs = list[list[Floats]]
"""For each head its groups of features, (b, f) each."""


@dataclass(frozen=True, slots=True)
class Head:
    """What one network's embeddings say.

    Args:
        rows: (n,), which labels it learned.
        embedded: (n, d), their embeddings, scaled.
        exact: (n, f), the other groups, scaled.
        posterior: given those labels.
        noise: of a label, at what is predicted.
    """

    rows: NDArray[np.int64]
    embedded: Floats
    exact: Floats
    posterior: Posterior
    noise: Noise

    def cross(self, embedded: Floats, apart: Floats) -> Floats:
        """Covariances (b, n) with its labels.

        Shapes:
            embedded: (b, d), scaled
            apart: (b, n), squared distances in all else
        """
        squared = squared_distances(embedded, self.embedded)
        squared += apart
        return kernel(squared, self.posterior.theta)

    def variance(self, cross: Floats) -> Floats:
        """Posterior variance (b,), noise included, from covariances (b, n)."""
        prior = np.exp(self.posterior.theta[-2]) + TREND
        known: Floats = np.einsum("bn,bn->b", cross @ self.posterior.inverse, cross)
        result: Floats = np.maximum(prior - known, 0.0) + self.noise(cross @ self.posterior.weights)
        return result


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
        count, lengths = len(inputs[0][0]), self.heads[0].posterior.theta[:-2]
        exact = scaled(inputs[0][1:], lengths[1:]) if len(lengths) > 1 else np.empty((count, 0))
        embedded = [scaled(groups[:1], lengths[:1]) for groups in inputs]
        means, variance = np.empty((len(self.heads), count)), np.empty(count)
        for start in range(0, count, _CHUNK):
            part = slice(start, start + _CHUNK)
            for number, head in enumerate(self.heads):
                # Heads that learned the same labels are equally far from them in all but their embeddings.
                if number == 0 or not np.array_equal(head.rows, self.heads[number - 1].rows):
                    apart = squared_distances(exact[part], head.exact)
                cross = head.cross(embedded[number][part], apart)
                means[number, part] = cross @ head.posterior.weights
                if number == 0:
                    variance[part] = head.variance(cross)
        return means.mean(axis=0), np.sqrt(variance + means.var(axis=0))


def hyperparameters(inputs: Inputs, labels: Floats, centers: list[float], *, seed: int) -> Floats:
    """What suits the first head best; see :func:`predictors.gaussian_processes.matern_kernel.most_likely`."""
    chosen = np.random.default_rng(seed).permutation(len(labels))[:FITTED_ON]
    groups = [x[chosen] for x in inputs[0]]
    return most_likely(distances(groups, groups), labels[chosen], np.array(centers))


def conditioned(inputs: Inputs, labels: Floats, theta: Floats, *, seed: int) -> Heads:
    """Heads that have learned labels (n,)."""
    heads: list[Head] = []
    means, variances = [], []
    exact = scaled(inputs[0][1:], theta[1:-2]) if len(theta) > 3 else np.empty((len(labels), 0))
    for number, groups in enumerate(inputs):
        rows = np.sort(np.random.default_rng([seed, number]).permutation(len(labels))[:LARGEST])
        embedded = scaled(groups[:1], theta[:1])
        own, beside = embedded[rows], exact[rows]
        squared = squared_distances(own, own) + squared_distances(beside, beside)
        same = bool(heads) and np.array_equal(rows, heads[0].rows)
        posterior, noise = condition(squared, labels[rows], theta, known=heads[0].noise if same else None)
        head = Head(rows, own, beside, posterior, noise)
        heads.append(head)
        others = np.setdiff1d(np.arange(len(labels)), rows)
        mean, variance = np.empty(len(labels)), np.empty(len(labels))
        errors, deviations = posterior.leave_one_out()
        mean[rows], variance[rows] = labels[rows] - errors, deviations**2
        if len(others):
            cross = head.cross(embedded[others], squared_distances(exact[others], beside))
            mean[others], variance[others] = cross @ posterior.weights, head.variance(cross)
        means.append(mean)
        variances.append(variance)
    spread = np.var(means, axis=0)
    return Heads(tuple(heads), labels - np.mean(means, axis=0), np.sqrt(variances[0] + spread))
