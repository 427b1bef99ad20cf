"""Blend of the other kinds, weighted by cross-fitting on what labels there are (Wolpert 1992, "Stacked
Generalization"): a Gaussian process knows best how smooth a space is, trees find what its kernel does not.
"""

import base64
import json
import sys
from typing import Self

import numpy as np

from predictors.conformal import Calibration
from predictors.cross_fitting import CrossFitted, cross_fitted
from predictors.gbdt import GbdtOptions, GbdtPredictor
from predictors.gp import GpPredictor
from predictors.inputs import informed_kinds
from predictors.normal_scores import NormalScores
from predictors.predictor import DamagedModel, NotEnoughLabels, register
from predictors.scored import ScoredPredictor, checked
from spaces.space import Codes, Floats, Space

FORMAT = "netwright-auto-1"
FOLDS = 4
ONE_ROUND_FROM = 1000
"""Labels beyond which one fold alone tells enough."""
SHARES = np.linspace(0.0, 1.0, 11)
"""Shares of the Gaussian process that are tried."""
EXPECTED_SHARE = 0.6
"""Where the labels cannot tell."""
HOLD = 0.5
"""How much of the error holds the share to where it is expected."""


@register
class AutoPredictor(ScoredPredictor):
    """Gaussian process and boosted trees on the same features, blended."""

    kind = "auto"

    def __init__(self, space: Space, *, task: str | None = None, seed: int = 0) -> None:
        super().__init__(space, task=task, seed=seed)
        self.models: tuple[GpPredictor, GbdtPredictor] | None = None
        self.share = EXPECTED_SHARE

    def fit(self, codes: Codes, values: Floats) -> Self:
        """Learns from labels; see :class:`predictors.predictor.Predictor`."""
        values = checked(self.space, codes, values)
        self.learned = codes.copy(), values.copy()
        self.scores = NormalScores.fit(values)
        self.models = self._process(codes, values), self._trees(codes, values)
        self.share, self.calibration = EXPECTED_SHARE, Calibration(np.empty(0), 0)
        if len(values) >= FOLDS:
            rounds = 1 if len(values) > ONE_ROUND_FROM else FOLDS
            parts = [
                cross_fitted(fit, codes, values, folds=FOLDS, seed=self.seed, rounds=rounds)
                for fit in (self._process, self._trees)
            ]
            self._weigh(*parts)
        return self

    def _process(self, codes: Codes, values: Floats) -> GpPredictor:
        model = GpPredictor(self.space, task=self.task, seed=self.seed, widen=False)
        return model.fit(codes, values)

    def _trees(self, codes: Codes, values: Floats) -> GbdtPredictor:
        # Cross-fitting calibrates the blend: the trees need hold out nothing.
        kinds = informed_kinds(self.space)
        options = GbdtOptions(trees=100, rate=0.1, kinds=kinds, split_from=sys.maxsize)
        return GbdtPredictor(self.space, task=self.task, seed=self.seed, options=options).fit(codes, values)

    def _weigh(self, process: CrossFitted, trees: CrossFitted) -> None:
        """Sets the share and the calibration from what both say of labels they did not learn from."""
        if not len(process.truth):
            return
        errors = [np.mean((process.truth - _blend(share, process.mean, trees.mean)) ** 2) for share in SHARES]
        penalty = HOLD * min(errors) * (SHARES - EXPECTED_SHARE) ** 2
        self.share = float(SHARES[int(np.argmin(errors + penalty))])
        mean = _blend(self.share, process.mean, trees.mean)
        self.calibration = Calibration.of(process.truth - mean, process.scale)

    def scored(self, codes: Codes) -> tuple[Floats, Floats]:
        """Blended mean and the process's deviation, (b,)."""
        if self.models is None:
            raise NotEnoughLabels("the predictor has not been fitted")
        process, trees = self.models
        mean, scale = process.scored(codes)
        return _blend(self.share, mean, trees.scored(codes)[0]), scale

    @property
    def fitted(self) -> bool:
        """Whether it has learned anything."""
        return self.models is not None

    def to_bytes(self) -> bytes:
        """One JSON object: both models' own bytes, the share, the calibration."""
        if self.models is None:
            raise NotEnoughLabels("the predictor has not been fitted")
        process, trees = self.models
        body = {
            "format": FORMAT,
            "space": self.space.name,
            "task": self.task,
            "seed": self.seed,
            "share": self.share,
            "calibration": {"scores": self.calibration.scores.tolist(), "labels": self.calibration.labels},
            "gp": base64.b64encode(process.to_bytes()).decode(),
            "gbdt": json.loads(trees.to_bytes()),
        }
        return json.dumps(body, separators=(",", ":"), allow_nan=False).encode()

    @classmethod
    def from_bytes(cls, data: bytes, space: Space) -> Self:
        """Reads what :meth:`to_bytes` wrote; DamagedModel for anything else."""
        try:
            body = json.loads(data)
            if body["format"] != FORMAT or body["space"] != space.name:
                raise DamagedModel(f"the bytes hold no {FORMAT} model of {space.name}")
            model = cls(space, task=body["task"], seed=body["seed"])
            process = GpPredictor.from_bytes(base64.b64decode(body["gp"]), space)
            trees = GbdtPredictor.from_bytes(json.dumps(body["gbdt"]).encode(), space)
            model.models, model.learned, model.scores = (process, trees), process.learned, process.scores
            model.share = float(body["share"])
            calibration = body["calibration"]
            model.calibration = Calibration(np.array(calibration["scores"]), int(calibration["labels"]))
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, DamagedModel):
                raise
            raise DamagedModel(f"the bytes are no predictor: {error}") from error
        return model


def _blend(share: float, process: Floats, trees: Floats) -> Floats:
    return share * process + (1 - share) * trees
