"""Blend of the other kinds, weighted by cross-fitting on what labels there are (Wolpert 1992, "Stacked
Generalization"): a Gaussian process knows best how smooth a space is, networks pretrained on statistics and
scores what architectures have in common, trees find what neither kernel does.

Where labels are many, or no networks ship, the networks stay out: see :data:`NETWORKS_UP_TO`.
"""

import base64
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Self

import numpy as np

from encoders.pretrained import networks as pretrained
from encoders.pretrained.networks import Pretrained
from predictors.calibrated import ScoredPredictor, checked
from predictors.calibration.conformal import Calibration
from predictors.calibration.cross_fitting import CrossFitted, cross_fitted
from predictors.calibration.normal_scores import NormalScores
from predictors.inputs import informed_kinds
from predictors.kinds import KINDS
from predictors.kinds.gbdt import GbdtOptions, GbdtPredictor
from predictors.kinds.gp import GpPredictor
from predictors.kinds.neural import NeuralPredictor
from predictors.predictor import DamagedModel, NotEnoughLabels
from spaces.space import Codes, Floats, Space

FORMAT = "netwright-auto-2"
FOLDS = 4
ONE_ROUND_FROM = 1000
"""Labels from which one fold is enough for calibration, and from which more and deeper trees are fitted."""
FEW_TREES = GbdtOptions(trees=100, learning_rate=0.1)
MANY_TREES = GbdtOptions(trees=400, learning_rate=0.05, depth=4)
NETWORKS_UP_TO = 5000
"""Labels beyond which the heads on networks would take longer than they are worth."""
STEP = 0.1
"""Between the shares that are tried."""
EXPECTED = {"gp": 0.45, "gbdt": 0.1, "neural": 0.45}
EXPECTED_WITHOUT = {"gp": 0.6, "gbdt": 0.4}
"""Shares where the labels do not decide; the second without networks."""
HOLD = 0.5
"""How much of the error holds the shares to where they are expected."""

_KINDS: dict[str, type[ScoredPredictor]] = {
    "gp": GpPredictor,
    "gbdt": GbdtPredictor,
    "neural": NeuralPredictor,
}


@KINDS.register
class AutoPredictor(ScoredPredictor):
    """Gaussian process, boosted trees and pretrained networks, blended.

    Args:
        sources: models of other tasks in the space, whose predictions are features of the process and the
            networks.
        networks: that learned other tasks, for both; see :func:`encoders.pretrained.train.pretrain_on`.
    """

    kind = "auto"

    def __init__(
        self,
        space: Space,
        *,
        task: str | None = None,
        seed: int = 0,
        sources: Sequence[GbdtPredictor] = (),
        networks: Pretrained | None = None,
    ) -> None:
        super().__init__(space, task=task, seed=seed)
        self.sources = tuple(sources)
        self.networks = networks
        self.models: dict[str, ScoredPredictor] = {}
        self.shares: dict[str, float] = {}
        """Of each kind in the blend; they sum to 1."""

    def fit(self, codes: Codes, values: Floats) -> Self:
        """Learns from labels; see :class:`predictors.predictor.Predictor`."""
        values = checked(self.space, codes, values)
        self.learned = codes.copy(), values.copy()
        self.scores = NormalScores.fit(values)
        there = self.networks is not None or pretrained.ships(self.space.network_space.name)
        networks = there and len(values) <= NETWORKS_UP_TO
        expected = EXPECTED if networks else EXPECTED_WITHOUT
        self.models = {kind: self._make(kind, len(values)).fit(codes, values) for kind in expected}
        self.shares, self.calibration = dict(expected), Calibration(np.empty(0), 0)
        if len(values) >= FOLDS:
            rounds = 1 if len(values) > ONE_ROUND_FROM else FOLDS
            self._weigh({kind: self._away(kind, codes, values, rounds) for kind in expected})
        return self

    def _make(self, kind: str, labels: int) -> ScoredPredictor:
        """An unfitted model; cross-fitting calibrates the blend, so that none need do so itself."""
        if kind == "gbdt":
            sizes = FEW_TREES if labels <= ONE_ROUND_FROM else MANY_TREES
            options = replace(sizes, kinds=informed_kinds(self.space, deep=True), split_from=sys.maxsize)
            return GbdtPredictor(self.space, task=self.task, seed=self.seed, options=options)
        make = GpPredictor if kind == "gp" else NeuralPredictor
        return make(
            self.space,
            task=self.task,
            seed=self.seed,
            sources=self.sources,
            networks=self.networks,
            inflate=False,
        )

    def _away(self, kind: str, codes: Codes, values: Floats, rounds: int) -> CrossFitted:
        def fit(part: Codes, labels: Floats) -> ScoredPredictor:
            return self._make(kind, len(values)).fit(part, labels)

        return cross_fitted(fit, codes, values, folds=FOLDS, seed=self.seed, rounds=rounds)

    def _weigh(self, away: dict[str, CrossFitted]) -> None:
        """Sets shares and calibration from what all say of labels they did not learn from."""
        kinds, truth = list(away), away["gp"].truth
        if not len(truth):
            return
        means = np.stack([away[kind].mean for kind in kinds])
        tried = simplex(len(kinds))
        errors = ((truth - tried @ means) ** 2).mean(axis=1)
        expected = np.array([self.shares[kind] for kind in kinds])
        penalty = HOLD * errors.min() * ((tried - expected) ** 2).sum(axis=1) / 2
        best = tried[int(np.argmin(errors + penalty))]
        self.shares = dict(zip(kinds, best.tolist(), strict=True))
        scale = self._scale({kind: found.scale for kind, found in away.items()})
        self.calibration = Calibration.of(truth - best @ means, scale)

    def scored(self, codes: Codes) -> tuple[Floats, Floats]:
        """Blended mean, and the mean standard deviation of process and networks, (b,)."""
        if not self.models:
            raise NotEnoughLabels("the predictor has not been fitted")
        said = {kind: model.scored(codes) for kind, model in self.models.items()}
        mean = sum((self.shares[kind] * mean for kind, (mean, _) in said.items()), np.zeros(len(codes)))
        return mean, self._scale({kind: scale for kind, (_, scale) in said.items()})

    @staticmethod
    def _scale(scales: dict[str, Floats]) -> Floats:
        """Mean standard deviation of those that have a posterior; the trees' scale is of another kind."""
        known = [scale for kind, scale in scales.items() if kind != "gbdt"]
        return np.asarray(np.mean(known, axis=0))

    @property
    def fitted(self) -> bool:
        """Whether it has learned anything."""
        return bool(self.models)

    def to_bytes(self) -> bytes:
        """One JSON object: the models' own bytes, their shares, the calibration."""
        if not self.models:
            raise NotEnoughLabels("the predictor has not been fitted")
        body = {
            "format": FORMAT,
            "space": self.space.name,
            "task": self.task,
            "seed": self.seed,
            "shares": self.shares,
            "calibration": {"scores": self.calibration.scores.tolist(), "labels": self.calibration.labels},
            "models": {
                kind: base64.b64encode(model.to_bytes()).decode() for kind, model in self.models.items()
            },
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
            for kind, text in body["models"].items():
                model.models[kind] = _KINDS[kind].from_bytes(base64.b64decode(text), space)
            process = model.models["gp"]
            assert isinstance(process, GpPredictor)
            model.sources, model.learned, model.scores = process.sources, process.learned, process.scores
            model.networks = None if process.networks is None else process.networks.networks
            model.shares = {kind: float(body["shares"][kind]) for kind in model.models}
            calibration = body["calibration"]
            model.calibration = Calibration(np.array(calibration["scores"]), int(calibration["labels"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, DamagedModel):
                raise
            raise DamagedModel(f"the bytes are no predictor: {error}") from error
        return model


def simplex(kinds: int) -> Floats:
    """Every way (t, kinds) to share 1 among kinds in steps of :data:`STEP`.

    >>> simplex(2).shape
    (11, 2)
    """
    steps = round(1 / STEP)
    rows = [parts for parts in product(range(steps + 1), repeat=kinds) if sum(parts) == steps]
    return np.array(rows) / steps
