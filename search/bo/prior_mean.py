r"""A model of one quantity as the prior mean of a search's own observations of it.

With the model's mean :math:`\mu(a)`, standardized over the space, an observation is

.. math:: y(a) = o + c\,\bigl((1 + w)\,\mu(a) + g(a) + \varepsilon\bigr), \qquad
          w \sim \mathcal{N}(0, s^2), \quad g \sim \mathcal{GP}(0, \sigma^2 k)

(Rasmussen & Williams 2006, section 2.7, "Incorporating explicit basis functions"). The model may be of
another task: then only its order carries over, and the level o is free. The scale c and the residual's
standard deviation σ are the likeliest of a grid. It is a BoTorch model with a linear, a Matérn and a constant
kernel, whose mean is the input's first column.

Notation: n observations, c candidates, f features.
"""

import copy
import hashlib
import json
from typing import Any, Self

import numpy as np
import torch
from botorch.models import SingleTaskGP
from gpytorch.kernels import ConstantKernel, LinearKernel, ScaleKernel
from gpytorch.likelihoods import GaussianLikelihood
from gpytorch.means import Mean
from scipy.special import ndtr, ndtri
from torch import Tensor

from predictors.gaussian_processes.exact_gp import as_tensor, marginals, with_fantasies
from predictors.gaussian_processes.grouped_matern import GroupedMatern, Groups
from predictors.gaussian_processes.posterior import Posterior
from predictors.prediction import Prediction
from predictors.predictor import DamagedModel, NotEnoughLabels, Predictor
from search.bo.inputs import input_map
from spaces.metric import Quantity
from spaces.space import Codes, Floats, Space

STRETCH = 0.3
"""Standard deviation s of w at most: tasks differ in how much an architecture matters."""
USUAL = 0.6
"""σ of a model of another task before there are observations to choose it by: a correlation of about .8."""
OWN = (0.5, 1.0, 2.0)
"""Factors on σ that it is chosen from."""
LEAST = 0.02
"""σ of a model of the same quantity at least; otherwise it is the model's own standard deviation."""
NOISE = 0.5
"""Standard deviation of ε in units of σ."""
LEAST_NOISE = 2e-4
"""Smallest variance of ε, in units of c: GPyTorch's likelihood takes no less than half of it."""
LEVEL = 25.0
"""Variance of o in units of c where the model is of another task; else it is as uncertain as the model."""
SCALES = (0.1, 0.2, 0.35, 0.6, 1.0, 1.6, 2.5)
"""What c is chosen from, in standard deviations of the model's means over the space."""
CHOSEN_FROM = 5
"""Observations from which on they choose."""
CHOSEN_ON = 100
"""Observations, the latest, that c and σ are chosen on."""
REFERENCE = 2000
USUAL_ERRORS = 5
"""Errors as large as expected that those of the observations are averaged with."""


class PriorMean(Predictor):
    """Predicts what a search observes, from a model of it or of another task.

    Args:
        space: that is searched; the model is of its networks.
        base: the model.
        quantity: what is observed.
        same: whether the model is of the same quantity, so that its level counts too.
    """

    kind = "prior_mean"

    def __init__(
        self, space: Space, *, base: Predictor, quantity: Quantity, same: bool, task: str | None = None
    ) -> None:
        super().__init__(space, task=task)
        self.base, self.quantity, self.same = base, quantity, same
        reference = base.predict(space.networks(space.sample(REFERENCE, np.random.default_rng(0))))
        self.center, self.spread = float(reference.mean.mean()), max(float(reference.mean.std()), 1e-9)
        own = max(float(reference.std.mean()) / self.spread, LEAST)
        self.usual = min(own, USUAL) if same else USUAL
        self.codes: Codes = np.empty((0, len(space.variables)), dtype=np.int8)
        self.values: Floats = np.empty(0)
        self._model: SingleTaskGP | None = None
        self._listed: tuple[Codes, Floats] | None = None
        """Inputs of the last codes, kept because a search asks for the same candidates again."""
        self._level, self._scale = self.center, self.spread
        self._stretch = 1.0

    @property
    def extrapolated(self) -> bool:
        """Whether the model is of another task, so that only its order is used."""
        return not self.same and not len(self.values)

    def fit(self, codes: Codes, values: Floats) -> Self:
        """Learns observations; see :class:`.Predictor`."""
        values = np.asarray(values, dtype=np.float64)
        if len(values) != len(codes) or not np.isfinite(values).all() or not len(values):
            raise NotEnoughLabels("there must be one finite value for each architecture, and at least one")
        self.codes, self.values = codes.copy(), values.copy()
        self._learn()
        return self

    def refine(self, codes: Codes, values: Floats) -> Self:
        """Learns further observations; one is enough."""
        known = np.concatenate([self.values, np.asarray(values, dtype=np.float64)])
        return self.fit(np.concatenate([self.codes, codes]), known)

    def with_fantasies(self, codes: Codes) -> Self:
        """See :class:`search.bo.prior.Fantasizes`."""
        found = copy.copy(self)
        if self._model is None:
            return found.refine(codes, self.predict(codes).mean)
        found.codes = np.concatenate([self.codes, codes])
        found.values = np.concatenate([self.values, self.predict(codes).mean])
        found._model = with_fantasies(self._model, self._inputs(codes))
        return found

    def predict(self, codes: Codes, confidence: float = 0.9) -> Prediction:
        """Mean, standard deviation and interval for codes (b, v).

        The interval is that of the normal distribution, wider by what the errors on the observations are,
        each left out. None is promised of another task before :data:`CHOSEN_FROM` observations.
        """
        mean, std = self._moments(codes)
        if self._model is None and self.same:
            told = self.base.predict(self.space.networks(codes), confidence)
            return Prediction(mean, std, told.lower, told.upper, confidence)
        half = float(ndtri(0.5 + confidence / 2)) * self._stretch * std
        if not self.same and len(self.values) < CHOSEN_FROM:
            half = np.full(len(codes), np.nan)
        return Prediction(mean, std, mean - half, mean + half, confidence)

    def probability_below(self, codes: Codes, bound: float) -> Floats:
        """P(value ≤ bound), (b,), of a normal distribution."""
        mean, std = self._moments(codes)
        probability: Floats = ndtr((bound - mean) / std)
        return probability

    def to_bytes(self) -> bytes:
        """What was observed, and which model is the prior, as JSON."""
        content = {
            "base": self.base.digest(),
            "same": self.same,
            "architectures": self.space.format(self.codes),
            "values": self.values.tolist(),
        }
        return json.dumps(content).encode()

    @classmethod
    def from_bytes(cls, data: bytes, space: Space) -> Self:
        """Not supported: a search makes its prior mean again from its observations."""
        raise DamagedModel("a prior mean belongs to its search and is not read from bytes")

    def digest(self) -> str:
        """``sha256:`` of :meth:`to_bytes`."""
        return "sha256:" + hashlib.sha256(self.to_bytes()).hexdigest()

    # inside
    def _base(self, codes: Codes) -> Floats:
        """The model's means (b,)."""
        return self.base.predict(self.space.networks(codes)).mean

    def _inputs(self, codes: Codes) -> Floats:
        """The standardized mean and the features (b, 1 + f)."""
        if self._listed is not None and self._listed[0] is codes:
            return self._listed[1]
        mean = (self._base(codes) - self.center) / self.spread
        result: Floats = np.column_stack([mean, input_map(self.space, self.task)(codes)])
        if len(codes) > REFERENCE:
            self._listed = codes, result
        return result

    def _moments(self, codes: Codes) -> tuple[Floats, Floats]:
        """Mean and standard deviation (b,), one measurement's noise included."""
        if self._model is None:
            prediction = self.base.predict(self.space.networks(codes))
            free = self.spread * np.sqrt(STRETCH**2 + USUAL**2 * (1 + NOISE**2))
            return prediction.mean, prediction.std if self.same else np.full(len(codes), free)
        mean, variance = marginals(self._model, self._inputs(codes))
        return self._level + self._scale * mean, self._scale * np.sqrt(variance)

    def _learn(self) -> None:
        inputs = self._inputs(self.codes)
        self._level = (
            self.center if self.same else float(self.values.mean() - self.spread * inputs[:, 0].mean())
        )
        own, self._scale = self.usual, self.spread
        if len(self.values) >= CHOSEN_FROM:
            own, self._scale = self._likeliest(inputs[-CHOSEN_ON:], self.values[-CHOSEN_ON:])
        self._model = self._made(inputs, (self.values - self._level) / self._scale, own)
        self._stretch = _stretch(self._model)

    def _likeliest(self, inputs: Floats, values: Floats) -> tuple[float, float]:
        """σ and c of greatest marginal likelihood, c with a log-normal prior about the model's spread."""
        best, found = np.inf, (self.usual, self.spread)
        for times in OWN:
            own = times * self.usual
            model = self._made(inputs, np.zeros(len(values)), own).train()
            with torch.no_grad():
                prior = model.likelihood(model.forward(model.train_inputs[0]))
                for factor in SCALES:
                    labels = as_tensor((values - self._level) / (factor * self.spread))
                    loss = len(values) * np.log(factor) - float(prior.log_prob(labels))
                    loss += 0.5 * np.log(factor) ** 2 + 0.5 * np.log(times) ** 2
                    if loss < best:
                        best, found = loss, (own, factor * self.spread)
        return found

    def _made(self, inputs: Floats, labels: Floats, own: float) -> SingleTaskGP:
        likelihood = GaussianLikelihood()
        likelihood.noise = max((NOISE * own) ** 2, LEAST_NOISE)
        model = SingleTaskGP(
            as_tensor(inputs),
            as_tensor(labels)[:, None],
            likelihood=likelihood,
            covar_module=self._kernel(own),
            mean_module=_FirstColumn(),
            outcome_transform=None,
            input_transform=None,
        ).double()
        model.requires_grad_(False)
        return model.eval()

    def _kernel(self, own: float) -> Any:
        look = input_map(self.space, self.task)
        linear = LinearKernel(active_dims=(0,))
        linear.variance = min(STRETCH, self.usual) ** 2
        groups = Groups.of(look.sizes, look.prior_log_lengthscales(self.quantity))
        residual = ScaleKernel(GroupedMatern(groups, active_dims=tuple(range(1, 1 + sum(look.sizes)))))
        residual.outputscale = own**2
        level = ConstantKernel()
        level.initialize(constant=torch.tensor(self.usual**2 if self.same else LEVEL))
        return linear + residual + level


def _stretch(model: SingleTaskGP) -> float:
    """How much wider the errors on the observations are, each left out, than the model expects; towards 1
    where they are few, and never below."""
    with torch.no_grad():
        x, y = model.train_inputs[0][-CHOSEN_ON:], model.train_targets[-CHOSEN_ON:]
        covariance = model.covar_module(x).to_dense().numpy()
        residuals = (y - model.mean_module(x)).numpy()
        noise = float(model.likelihood.noise.mean())
    errors, std = Posterior.of(covariance, residuals, noise).leave_one_out()
    return max(1.0, float(np.sqrt((USUAL_ERRORS + ((errors / std) ** 2).sum()) / (USUAL_ERRORS + len(y)))))


class _FirstColumn(Mean):  # type: ignore[misc]
    """The prior mean stands in the first column of the input."""

    def forward(self, x: Tensor) -> Tensor:
        """Means (…, n) of inputs (…, n, f)."""
        return x[..., 0]
