"""Bayesian optimization over fixed vectors of all architectures: what an embedding is worth to a search.

An exact Gaussian process with a radial kernel (GPyTorch) and expected improvement (BoTorch; Jones et al.
1998); no feature but the vectors, no pretrained prediction. It evaluates embeddings; designs are searched for
by :mod:`search`.
"""

import gpytorch
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.distance import pdist
from torch import Tensor

from search.bo.tabulated import log_expected_improvement
from spaces.space import Floats

_LENGTHS = (0.25, 0.5, 1.0, 2.0)
"""Lengthscales tried, as multiples of the median distance between vectors."""
_NOISE = 0.05
"""Variance of the noise, that of the standardized values being 1."""
_BLOCK = 64
"""Candidates whose joint posterior is computed."""


def latent_search(
    vectors: NDArray[np.float32], values: Floats, *, evaluations: int, seed: int, random_first: int = 10
) -> Floats:
    """The values evaluated, in order, (evaluations,); more is better.

    Args:
        vectors: of every candidate, (m, d).
        values: of every candidate, (m,); only those evaluated are used.
        evaluations: in all.
        seed: of the first draws.
        random_first: how many are drawn at random before the first model.
    """
    rng = np.random.default_rng(seed)
    sample = vectors[rng.choice(len(vectors), size=min(200, len(vectors)), replace=False)].astype(np.float64)
    points = torch.from_numpy(vectors.astype(np.float64) / (float(np.median(pdist(sample))) or 1.0))
    chosen = rng.choice(len(points), size=random_first, replace=False).tolist()
    while len(chosen) < evaluations:
        found = values[chosen]
        centered = torch.from_numpy((found - found.mean()) / max(float(found.std()), 1e-9))
        mean, std = _posterior(points, points[chosen], centered)
        gain = log_expected_improvement(mean, std, float(centered.max()))
        gain[chosen] = -np.inf
        chosen.append(int(np.argmax(gain)))
    evaluated: Floats = values[chosen]
    return evaluated


def random_search(values: Floats, *, evaluations: int, seed: int) -> Floats:
    """The values of distinct candidates drawn at random, (evaluations,)."""
    drawn: Floats = np.random.default_rng(seed).choice(values, size=evaluations, replace=False)
    return drawn


class _Radial(gpytorch.models.ExactGP):  # type: ignore[misc]
    """A Gaussian process with zero mean, unit variance and one lengthscale."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        super().__init__(x, y, gpytorch.likelihoods.GaussianLikelihood())
        self.likelihood.noise = _NOISE
        self.kernel = gpytorch.kernels.RBFKernel()
        self.to(x).requires_grad_(False)

    def forward(self, x: Tensor) -> gpytorch.distributions.MultivariateNormal:
        """The prior at points (…, n, d)."""
        return gpytorch.distributions.MultivariateNormal(x.new_zeros(x.shape[:-1]), self.kernel(x))


def _posterior(points: Tensor, x: Tensor, y: Tensor) -> tuple[Floats, Floats]:
    """Mean and standard deviation (m,) at points (m, d); the lengthscale has the greatest evidence."""
    model = _Radial(x, y)
    likelihood = gpytorch.mlls.ExactMarginalLogLikelihood(model.likelihood, model)

    def evidence(length: float) -> float:
        model.kernel.lengthscale = length
        return float(likelihood(model(x), y))

    model.kernel.lengthscale = max(_LENGTHS, key=evidence)
    model.eval()
    blocks = torch.arange(-(-len(points) // _BLOCK) * _BLOCK).clamp_max(len(points) - 1).reshape(-1, _BLOCK)
    with torch.no_grad():
        found = model(points[blocks])  # (m / block, block): a joint posterior of all would have m² entries
        mean, variance = (each.flatten()[: len(points)].numpy() for each in (found.mean, found.variance))
    return mean, np.sqrt(variance)
