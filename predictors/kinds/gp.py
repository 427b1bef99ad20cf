"""Exact Gaussian process over groups of training-free features (White et al. 2021, "How Powerful are
Performance Predictors in Neural Architecture Search?", find it strongest where labels are few).

Paths of the live graph, its structure, exact statistics of the smallest architecture that computes the same
function, training-free scores, and the embeddings of pretrained networks (FBNetV3, Dai et al. 2021), each
group standardized over the space and with one lengthscale; targets are normal scores. Errors of leaving one
label out, in closed form, calibrate the intervals, so no label is spent; they are inflated by what
cross-fitting of everything, hyperparameters and scores too, finds them short.

The process is a BoTorch model whose hyperparameters ``fit_gpytorch_mll`` finds
(:mod:`predictors.gaussian_processes.exact_gp`). What predicts is its posterior as arrays
(:mod:`predictors.gaussian_processes.conditioned`), so that reading a model, predicting, and refining it
without a new fit load no torch.
"""

import base64
import json
from collections.abc import Sequence
from typing import Self

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from encoders.features import feature_names
from encoders.pretrained.networks import Pretrained, pretrained_bytes, pretrained_of
from encoders.safetensors_about import about_of
from predictors.calibrated import ScoredPredictor, checked
from predictors.calibration.conformal import Calibration
from predictors.calibration.cross_fitting import cross_fitted
from predictors.calibration.normal_scores import NormalScores
from predictors.gaussian_processes.conditioned import ConditionedGp
from predictors.gaussian_processes.feature_groups import CENTERS as CENTERS
from predictors.gaussian_processes.feature_groups import Embedded, center_of, standard, standardized
from predictors.gaussian_processes.matern import scaled
from predictors.inputs import informed_kinds
from predictors.kinds import KINDS
from predictors.kinds.gbdt import GbdtPredictor
from predictors.predictor import DamagedModel, NotEnoughLabels
from predictors.transfer.sources import predictions_of, sources_of_text, sources_to_text
from spaces.space import Codes, Floats, Space

FORMAT = "netwright-gp-2"
FINE_FROM = 200
"""Labels from which each numeric variable has a lengthscale of its own."""
FITTED_ON = 1000
"""Labels beyond these do not take part in the choice of hyperparameters, only in the posterior."""
INFLATED_UP_TO = 800
"""Labels beyond which the hyperparameters no longer learn any of them by heart."""
FOLDS = 4
"""Of the cross-fitting that inflates the intervals."""
_CHUNK = 4096
"""Architectures whose features are computed together."""


@KINDS.register
class GpPredictor(ScoredPredictor):
    """Exact Gaussian process, Matérn 5/2 over groups of features.

    Args:
        kinds: of features (:mod:`encoders.features`); by default :func:`informed_kinds`, the deep scores
            among them.
        networks: that learned other tasks in the space; their embeddings are a group of features, in place of
            those that ship.
        sources: models of other tasks in the space, whose predictions are one.
        inflate: whether cross-fitting corrects the intervals, at the cost of four fits more.
    """

    kind = "gp"
    inline_labels = 1_000

    def __init__(
        self,
        space: Space,
        *,
        task: str | None = None,
        seed: int = 0,
        kinds: Sequence[str] | None = None,
        networks: Pretrained | None = None,
        sources: Sequence[GbdtPredictor] = (),
        inflate: bool = True,
    ) -> None:
        super().__init__(space, task=task, seed=seed)
        self.kinds = (
            tuple(kinds)
            if kinds is not None
            else informed_kinds(space, embeddings=networks is None, deep=True)
        )
        self.theta: Floats | None = None
        self.process: ConditionedGp | None = None
        self.networks = None if networks is None else Embedded(networks)
        self.sources = tuple(sources)
        self.inflate = inflate
        self.inflation = 1.0
        self.fine = False
        self.fitted_with = 0

    def fit(self, codes: Codes, values: Floats) -> Self:
        """Learns from labels; see :class:`predictors.predictor.Predictor`."""
        # It loads torch, which predictions do without.
        from predictors.gaussian_processes.exact_gp import fit_groups

        values = checked(self.space, codes, values)
        self.fine, self.fitted_with = len(values) >= FINE_FROM, len(values)
        chosen = np.random.default_rng(self.seed).permutation(len(values))[:FITTED_ON]
        labels = NormalScores.fit(values[chosen]).transform(values[chosen])
        centers = [center_of(kind) for kind in self._groups()]
        theta = fit_groups(self._inputs(codes[chosen]), labels, centers)
        self.inflation = 1.0
        self._condition(codes, values, theta)
        if self.inflate and FOLDS <= len(values) <= INFLATED_UP_TO:
            away = cross_fitted(self._uninflated, codes, values, folds=FOLDS, seed=self.seed)
            found = Calibration.of(away.truth - away.mean, away.scale).std_factor()
            self.inflation = max(1.0, found / max(self.calibration.std_factor(), 1e-9))
            self._condition(codes, values, theta)
        return self

    def _uninflated(self, codes: Codes, values: Floats) -> Self:
        narrow = type(self)(
            self.space,
            task=self.task,
            seed=self.seed,
            kinds=self.kinds,
            networks=None if self.networks is None else self.networks.networks,
            sources=self.sources,
            inflate=False,
        )
        return narrow.fit(codes, values)

    def fits_anew(self, more: int) -> bool:
        """Whether :meth:`refine` chooses hyperparameters anew, which loads torch."""
        known = 0 if self.learned is None else len(self.learned[1])
        return known + more >= 2 * self.fitted_with

    def refine(self, codes: Codes, values: Floats) -> Self:
        """Adds labels; hyperparameters stay until the labels have doubled: one matrix inversion."""
        anew = self.fits_anew(len(values))
        codes, values = self.together(codes, values)
        if self.theta is None or anew:
            return self.fit(codes, values)
        return self._condition(codes, checked(self.space, codes, values), self.theta)

    def _condition(self, codes: Codes, values: Floats, theta: Floats) -> Self:
        self.learned, self.theta = (codes.copy(), values.copy()), theta
        self.scores = NormalScores.fit(values)
        points = scaled(self._inputs(codes), theta[:-2])
        self.process = ConditionedGp.of(points, self.scores.transform(values), theta)
        errors, std = self.process.posterior.leave_one_out()
        self.calibration = Calibration.of(self.inflation * errors, std)
        return self

    def scored(self, codes: Codes) -> tuple[Floats, Floats]:
        """Posterior mean and standard deviation (b,), noise included."""
        if self.process is None or self.theta is None:
            raise NotEnoughLabels("the predictor has not been fitted")
        means, variances = [np.empty(0)], [np.empty(0)]
        for start in range(0, len(codes), _CHUNK):
            points = scaled(self._inputs(codes[start : start + _CHUNK]), self.theta[:-2])
            mean, variance = self.process.marginals(points)
            means.append(mean)
            variances.append(variance)
        return np.concatenate(means), np.sqrt(np.concatenate(variances))

    def means(self, codes: Codes) -> Floats:
        """Posterior means (b,) of codes (b, v) on the scale of scores: a small part of :meth:`scored`."""
        if self.process is None or self.theta is None:
            raise NotEnoughLabels("the predictor has not been fitted")
        parts = [
            self.process.mean(scaled(self._inputs(codes[start : start + _CHUNK]), self.theta[:-2]))
            for start in range(0, len(codes), _CHUNK)
        ]
        return np.concatenate([np.empty(0), *parts])

    def left_out(self) -> Floats:
        """Errors (n,) on the labels, each left out in its turn, on the scale of scores."""
        if self.process is None:
            raise NotEnoughLabels("the predictor has not been fitted")
        return self.inflation * self.process.posterior.leave_one_out()[0]

    @property
    def fitted(self) -> bool:
        """Whether it has learned anything."""
        return self.process is not None

    def _inputs(self, codes: Codes) -> list[Floats]:
        """Standardized features, one (b, f) array a group."""
        inputs: list[Floats] = []
        for kind, x in zip(
            self._kinds(), standardized(self.space, self.task, self.kinds, codes), strict=True
        ):
            inputs += np.split(x, self._parts(kind, x.shape[1]), axis=1)
        if self.networks is not None:
            inputs.append(self.networks.together(codes))
        if self.sources:
            inputs.append(predictions_of(self.sources, codes))
        return inputs

    def _kinds(self) -> tuple[str, ...]:
        """The kinds that vary."""
        return standard(self.space, self.task, self.kinds).kinds

    def _groups(self) -> list[str]:
        """The kind of each group of :meth:`_inputs`."""
        found = standard(self.space, self.task, self.kinds)
        others = [*(["pretrained"] if self.networks else []), *(["sources"] if self.sources else [])]
        return [
            kind
            for kind, center in zip(found.kinds, found.centers, strict=True)
            for _ in range(self._parts(kind, len(center)))
        ] + others

    def _parts(self, kind: str, width: int) -> int:
        """Into how many groups a kind is split: one a variable where labels abound."""
        return width if self.fine and kind == "ordinal" else 1

    def to_bytes(self) -> bytes:
        """Safetensors: labels and hyperparameters; the posterior follows from them."""
        if self.theta is None or self.learned is None:
            raise NotEnoughLabels("the predictor has not been fitted")
        codes, values = self.learned
        about = {
            "format": FORMAT,
            "space": self.space.name,
            "task": self.task,
            "seed": self.seed,
            "kinds": self.kinds,
            "features": feature_names(self.space, self.kinds),
            "rows": len(values),
            "inflation": self.inflation,
            "fine": self.fine,
            "fitted_with": self.fitted_with,
            "sources": sources_to_text(self.sources),
            "networks": None
            if self.networks is None
            else base64.b64encode(pretrained_bytes(self.networks.networks)).decode(),
        }
        # One array: the library writes several in an order of its own, and the digest would change.
        numbers = np.concatenate([self.theta, values, codes.astype(np.float64).ravel()])
        return save({"numbers": numbers}, {"about": json.dumps(about)})

    @classmethod
    def from_bytes(cls, data: bytes, space: Space) -> Self:
        """Reads what :meth:`to_bytes` wrote; DamagedModel for anything else."""
        try:
            numbers = load(data)["numbers"]
            about = about_of(data)
            if about["format"] != FORMAT or about["space"] != space.name:
                raise DamagedModel(f"the bytes hold no {FORMAT} model of {space.name}")
            model = cls(space, task=about["task"], seed=about["seed"], kinds=about["kinds"])
            if about["features"] != list(feature_names(space, model.kinds)):
                raise DamagedModel(f"the model was trained on other features than {space.name} has now")
            model.inflation = float(about["inflation" if "inflation" in about else "widening"])
            model.sources = sources_of_text(about["sources"], space)
            if about["networks"] is not None:
                model.networks = Embedded(pretrained_of(base64.b64decode(about["networks"]), space))
            model.fine, model.fitted_with = bool(about["fine"]), int(about["fitted_with"])
            rows, width = int(about["rows"]), len(space.variables)
            theta, values, codes = np.split(numbers, [len(numbers) - rows * (width + 1), -rows * width])
            return model._condition(codes.reshape(rows, width).astype(np.int8), values, theta)
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, DamagedModel):
                raise
            raise DamagedModel(f"the bytes are no predictor: {error}") from error
