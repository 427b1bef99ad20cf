r"""The task-conditioned predictor: a prior from other tasks, and what was observed on this one.

With :math:`m` of :mod:`predictors.transfer.task_model` as prior mean, an observation of this task is

.. math:: y = (1 + b)\,m(a) + o + g(a) + \varepsilon, \qquad g \sim \mathcal{GP}(0, s_g^2 k),

a level o, a stretch b and a residual g of its own, with the kernel of
:mod:`predictors.gaussian_processes.cell_kernel`; all posteriors are closed, so an observation is taken in
within milliseconds. Without an embedding it is a plain Gaussian process about a constant. A task far from the
training tasks is ``extrapolated``: predictions have no interval.
"""

import hashlib
import json
from dataclasses import replace
from typing import Self

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save
from scipy.linalg import cho_factor, cho_solve
from scipy.special import ndtr

from encoders.safetensors_about import about_of
from encoders.tasks.embedding import TaskEmbedding
from predictors.calibrated import checked
from predictors.calibration.conformal import Calibration
from predictors.gaussian_processes.cell_kernel import scaled
from predictors.gaussian_processes.matern import matern
from predictors.gaussian_processes.posterior import Posterior
from predictors.prediction import Prediction
from predictors.predictor import DamagedModel, NotEnoughLabels, Predictor
from predictors.transfer.task_model import Scales, TaskModel, digest, load_task_model
from spaces.space import Codes, Floats, Space

FORMAT = "netwright-task-predictor-1"
STRETCH = 0.3
"""Standard deviation of b: tasks differ in how much a cell matters."""
FAR_LEVEL = 15.0
"""Standard deviation of o on a task far from those learned from: two classes are easier than twenty."""
PROMISING = 20
"""Own observations from which on intervals come from leave-one-out errors.

Their coverage holds for architectures chosen in the same way as the observed ones.
"""
_GRID = (0.35, 1.0, 2.8)
"""Factors on the scales of the residual and the noise that observations choose among."""
_CHOSEN_ON = 300


class TaskPredictor(Predictor):
    """Predicts the accuracy on one task.

    Args:
        space: of the architectures.
        embedding: of the task; None for a Gaussian process that knows no other task.
        model: what is known of other tasks; needed with an embedding.
    """

    kind = "task_conditioned"

    def __init__(
        self,
        space: Space,
        *,
        task: str | None = None,
        seed: int = 0,
        embedding: TaskEmbedding | None = None,
        model: TaskModel | None = None,
    ) -> None:
        super().__init__(space, task=task, seed=seed)
        if (embedding is None) != (model is None):
            raise ValueError("an embedding and a model of tasks belong together")
        self.embedding = embedding
        self.model = model
        self.reasons: tuple[str, ...] = (
            () if model is None or embedding is None else tuple(model.far(embedding))
        )
        self.codes: Codes = np.empty((0, len(space.variables)), dtype=np.int8)
        self.values: Floats = np.empty(0)
        self._base = Scales(1.0, 1.0, 1.0) if model is None else model.scales
        if self.reasons:
            self._base = replace(self._base, level=FAR_LEVEL)
        self.scales = self._base
        self._posterior: tuple[Floats, Floats, Posterior] | None = None
        self._own = Calibration(np.empty(0), 0)

    @property
    def extrapolated(self) -> bool:
        """Whether the task is far from those learned from; ``reasons`` says in what."""
        return bool(self.reasons)

    def fit(self, codes: Codes, values: Floats) -> Self:
        """Learns this task's labels, forgetting earlier ones of it; see :class:`.Predictor`."""
        return self._learn(codes.copy(), checked(self.space, codes, values))

    def refine(self, codes: Codes, values: Floats) -> Self:
        """Takes in further observations of this task; one is enough where other tasks are known."""
        values = np.asarray(values, dtype=np.float64)
        if len(values) != len(codes):
            raise ValueError(f"{len(codes)} architectures but {len(values)} labels")
        together = np.concatenate([self.codes, codes]), np.concatenate([self.values, values])
        if self.model is None or len(together[1]) != 1:
            checked(self.space, *together)
        elif not np.isfinite(values).all():
            raise NotEnoughLabels("labels must be finite numbers")
        return self._learn(*together)

    def predict(self, codes: Codes, confidence: float = 0.9) -> Prediction:
        """Predictions for codes (b, v); no bounds where none can be promised."""
        mean, scale = self._scored(codes)
        if len(self.values) >= PROMISING or self.model is None:
            return self._own.prediction(mean, scale, confidence)
        if self.extrapolated or len(self.values):
            # Neither the errors of other tasks nor a handful of this one's are like what is to come.
            nothing = np.full(len(mean), np.nan)
            return Prediction(mean, scale, nothing, nothing, confidence)
        return self.model.calibration.prediction(mean, scale, confidence)

    def probability_below(self, codes: Codes, bound: float) -> Floats:
        """P(value ≤ bound), (b,), of a normal distribution."""
        mean, scale = self._scored(codes)
        probability: Floats = ndtr((bound - mean) / np.maximum(scale, 1e-9))
        return probability

    def _learn(self, codes: Codes, values: Floats) -> Self:
        self.codes, self.values = codes, values
        part = np.random.default_rng(self.seed).permutation(len(values))[:_CHOSEN_ON]
        self.scales = self._likeliest(codes[np.sort(part)], values[np.sort(part)])
        points, prior = scaled(self.space, codes), self._prior(codes)
        covariance = self._covariance(points, points, prior, prior)
        center = prior if self.model is not None else np.full(len(values), values.mean())
        posterior = Posterior.of(covariance, values - center, self.scales.noise**2)
        self._posterior = points, prior, posterior
        self._own = Calibration.of(*posterior.leave_one_out())
        return self

    def _likeliest(self, codes: Codes, values: Floats) -> Scales:
        """Scales of greatest posterior probability on a grid about those found on held-out tasks."""
        points, prior = scaled(self.space, codes), self._prior(codes)
        if self.model is None:
            spread = max(float(values.std()), 1e-6)
            base = Scales(10 * spread, spread, 0.3 * spread)
            centered = values - values.mean()
        else:
            base, centered = self._base, values - prior
        best, found = np.inf, base
        for cells in _GRID:
            for noise in _GRID:
                scales = Scales(base.level, base.cells * cells, base.noise * noise)
                matrix = self._covariance(points, points, prior, prior, scales)
                factor = cho_factor(matrix + scales.noise**2 * np.eye(len(values)), lower=True)
                loss = 0.5 * float(centered @ cho_solve(factor, centered))
                loss += float(np.log(np.diag(factor[0])).sum()) + np.log(cells) ** 2 + np.log(noise) ** 2
                if loss < best:
                    best, found = loss, scales
        return found

    def _covariance(
        self, a: Floats, b: Floats, prior_a: Floats, prior_b: Floats, scales: Scales | None = None
    ) -> Floats:
        """Prior covariances (n, m) of this task's own residual."""
        scales = scales or self.scales
        found = scales.level**2 + scales.cells**2 * matern(a, b)
        if self.model is not None:
            found += STRETCH**2 * np.outer(prior_a - self.model.mean, prior_b - self.model.mean)
        return found

    def _prior(self, codes: Codes) -> Floats:
        """Prior mean (b,) of codes (b, v) from other tasks; 0 without them."""
        if self.model is None or self.embedding is None:
            return np.zeros(len(codes))
        return self.model.prior(self.embedding, codes)

    def _scored(self, codes: Codes) -> tuple[Floats, Floats]:
        """Mean and standard deviation (b,), one measurement's noise included."""
        prior, scales = self._prior(codes), self.scales
        if self._posterior is None:
            if self.model is None:
                raise NotEnoughLabels("the predictor has not been fitted")
            total = np.sqrt(scales.level**2 + scales.cells**2 + scales.noise**2)
            return prior, np.full(len(codes), total)
        points, learned, posterior = self._posterior
        mean, variance = np.empty(len(codes)), np.empty(len(codes))
        center = prior if self.model is not None else np.full(len(codes), self.values.mean())
        for start in range(0, len(codes), 2048):
            rows = slice(start, start + 2048)
            cross = self._covariance(scaled(self.space, codes[rows]), points, prior[rows], learned)
            mean[rows] = center[rows] + cross @ posterior.weights
            own = np.full(len(cross), scales.level**2 + scales.cells**2)
            if self.model is not None:
                own += (STRETCH * (prior[rows] - self.model.mean)) ** 2
            variance[rows] = posterior.variance(cross, own)
        return mean, np.sqrt(variance + scales.noise**2)

    def to_bytes(self) -> bytes:
        """The embedding and the observations; the model of other tasks is named by its digest."""
        if self.model is None and self._posterior is None:
            raise NotEnoughLabels("the predictor has not been fitted")
        about = {
            "format": FORMAT,
            "space": self.space.name,
            "task": self.task,
            "seed": self.seed,
            "rows": len(self.values),
            "model": None if self.model is None else hashlib.sha256(self.model.to_bytes()).hexdigest(),
        }
        task = np.frombuffer(b"" if self.embedding is None else self.embedding.to_bytes(), dtype=np.uint8)
        own = np.concatenate([self.values, self.codes.astype(np.float64).ravel()])
        # One array: the library writes several in an order of its own, and the digest would change.
        raw = np.concatenate([np.frombuffer(own.tobytes(), dtype=np.uint8), task])
        return save({"bytes": raw}, {"about": json.dumps(about)})

    @classmethod
    def from_bytes(cls, data: bytes, space: Space) -> Self:
        """Reads what :meth:`to_bytes` wrote; the model of other tasks is the one that ships.

        Raises:
            DamagedModel: for damaged bytes, another space's, or where another model ships now.
        """
        try:
            raw, about = load(data)["bytes"].tobytes(), about_of(data)
            if about["format"] != FORMAT or about["space"] != space.name:
                raise DamagedModel(f"the bytes hold no {FORMAT} model of {space.name}")
            rows, width = int(about["rows"]), len(space.variables)
            own = np.frombuffer(raw[: 8 * rows * (width + 1)], dtype=np.float64)
            model = None if about["model"] is None else load_task_model(space.name)
            if model is not None and digest(space.name) != "sha256:" + about["model"]:
                raise DamagedModel(f"another model of tasks ships for {space.name} now")
            embedding = None if model is None else TaskEmbedding.from_bytes(raw[8 * rows * (width + 1) :])
            found = cls(space, task=about["task"], seed=int(about["seed"]), embedding=embedding, model=model)
            codes = own[rows:].reshape(rows, width).astype(np.int8)
            return found._learn(codes, own[:rows].copy()) if rows else found
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, DamagedModel):
                raise
            raise DamagedModel(f"the bytes are no predictor: {error}") from error


def load_task_predictor(space_name: str, embedding: TaskEmbedding) -> TaskPredictor:
    """The shipped predictor of a space for a task, before any observation of it.

    Raises:
        KeyError: where none ships for the space.
        OtherVersion: where the task was embedded by another version of the encoder.
    """
    model = load_task_model(space_name)
    return TaskPredictor(model.space, embedding=embedding, model=model)
