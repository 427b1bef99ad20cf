"""Ensemble of graph networks, pretrained on what costs no label and tuned on few labels.

The networks (:mod:`encoders.pretrained.train`, torch-geometric) learned a space's exact statistics and
training-free scores (FBNetV3, Dai et al., CVPR 2021). They stay as they are; what is learned from labels is a
head on each: a Gaussian process on its embedding and on exact numbers that it was pretrained on. Networks
that learned other tasks' labels may stand in their place. Where no networks ship, small ones learn the labels
themselves, from scratch; ``trunk`` says which, and is part of the bytes and so of the digest. Prediction
loads no torch.
"""

import base64
import json
from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from encoders.features import feature_names, features
from encoders.pretrained import networks as pretrained
from encoders.pretrained.networks import NoPretrained, Pretrained
from encoders.safetensors_about import about_of
from predictors.calibrated import ScoredPredictor, checked
from predictors.calibration.conformal import Calibration
from predictors.calibration.cross_fitting import cross_fitted
from predictors.calibration.normal_scores import NormalScores
from predictors.gaussian_processes.feature_groups import (
    REFERENCE,
    Embedded,
    center_of,
    standard,
    standardized,
)
from predictors.inputs import exact_kinds
from predictors.kinds import KINDS
from predictors.kinds.gbdt import GbdtPredictor
from predictors.neural_heads import Heads, Inputs, conditioned, hyperparameters
from predictors.predictor import DamagedModel, NotEnoughLabels
from predictors.transfer.sources import predictions_of, sources_of_text, sources_to_text
from spaces.space import Codes, Floats, Space

FORMAT = "netwright-neural-2"
FOLDS = 4
INFLATED_UP_TO = 800
"""Labels beyond which the hyperparameters no longer learn any of them by heart."""
SCRATCH_MEMBERS, SCRATCH_STEPS, SCRATCH_BATCH = 2, 150, 64
_PRETRAINED = ("pretrained",)


@KINDS.register
class NeuralPredictor(ScoredPredictor):
    """Frozen graph networks with tuned heads.

    Args:
        trunk: ``pretrained`` or ``scratch``; by default the first where such networks ship. ``given`` where
            there are ``networks``.
        kinds: of exact features that the heads see beside the embeddings.
        networks: that learned other tasks, in place of those that ship.
        sources: models of other tasks in the space, whose predictions the heads see too.
        inflate: whether cross-fitting corrects the intervals, at the cost of four fits more.

    Raises:
        NoPretrained: for ``pretrained`` where none ship.
    """

    kind = "neural"
    most_labels = 10_000

    def __init__(
        self,
        space: Space,
        *,
        task: str | None = None,
        seed: int = 0,
        trunk: Literal["pretrained", "scratch", "given"] | None = None,
        kinds: tuple[str, ...] | None = None,
        networks: Pretrained | None = None,
        sources: Sequence[GbdtPredictor] = (),
        inflate: bool = True,
    ) -> None:
        super().__init__(space, task=task, seed=seed)
        ships = pretrained.ships(space.network_space.name)
        if trunk == "pretrained" and not ships:
            raise NoPretrained(f"no pretrained networks of {space.name} ship")
        if networks is not None:
            trunk = "given"
        elif trunk == "given":
            raise NoPretrained("no networks are given")
        self.trunk = trunk or ("pretrained" if ships else "scratch")
        self.kinds = exact_kinds(space) if kinds is None else tuple(kinds)
        self.sources = tuple(sources)
        self.inflate = inflate
        self.networks: Embedded | None = None if networks is None else Embedded(networks)
        """Those that are given, or that learned the labels from scratch."""
        self.theta: Floats | None = None
        self.heads: Heads | None = None
        self.inflation = 1.0
        self.away: Calibration | None = None
        """Of networks from scratch: they know every label by heart, so that leaving one out says nothing."""
        self.level = 1.0
        """A typical head's standard deviation; for networks from scratch only its ratios are meaningful."""
        self.fitted_with = 0

    def fit(self, codes: Codes, values: Floats) -> Self:
        """Learns from labels; see :class:`predictors.predictor.Predictor`."""
        values = checked(self.space, codes, values)
        self.fitted_with, self.inflation, self.away = len(values), 1.0, None
        labels = NormalScores.fit(values).transform(values)
        if self.trunk == "scratch":
            self.networks = self._from_scratch(codes, labels)
        inputs = self._inputs(codes)
        groups = ["pretrained", *self._exact_kinds(), *(["sources"] if self.sources else [])]
        centers = [center_of(group) for group in groups]
        theta = hyperparameters(inputs, labels, centers, seed=self.seed)
        self._condition(codes, values, theta)
        if not self.inflate or len(values) < FOLDS:
            return self
        if self.trunk == "scratch":
            away = cross_fitted(self._uninflated, codes, values, folds=FOLDS, seed=self.seed)
            self.away = Calibration.of(away.truth - away.mean, away.scale).thinned()
            self._condition(codes, values, theta)
        elif len(values) <= INFLATED_UP_TO:
            away = cross_fitted(self._uninflated, codes, values, folds=FOLDS, seed=self.seed)
            found = Calibration.of(away.truth - away.mean, away.scale).std_factor()
            self.inflation = max(1.0, found / max(self.calibration.std_factor(), 1e-9))
            self._condition(codes, values, theta)
        return self

    def refine(self, codes: Codes, values: Floats) -> Self:
        """Adds labels; networks and hyperparameters stay until the labels have doubled."""
        codes, values = self.together(codes, values)
        if self.theta is None or len(values) >= 2 * self.fitted_with:
            return self.fit(codes, values)
        return self._condition(codes, checked(self.space, codes, values), self.theta)

    def scored(self, codes: Codes) -> tuple[Floats, Floats]:
        """Mean and standard deviation (b,) of the ensemble, noise included."""
        if self.heads is None:
            raise NotEnoughLabels("the predictor has not been fitted")
        mean, std = self.heads(self._inputs(codes))
        return mean, std / self.level

    @property
    def fitted(self) -> bool:
        """Whether it has learned anything."""
        return self.heads is not None

    # inside
    def _uninflated(self, codes: Codes, values: Floats) -> Self:
        narrow = type(self)(
            self.space,
            task=self.task,
            seed=self.seed,
            trunk=self.trunk,
            kinds=self.kinds,
            networks=self.networks.networks if self.trunk == "given" and self.networks else None,
            sources=self.sources,
            inflate=False,
        )
        return narrow.fit(codes, values)

    def _condition(self, codes: Codes, values: Floats, theta: Floats) -> Self:
        self.learned, self.theta = (codes.copy(), values.copy()), theta
        self.scores = NormalScores.fit(values)
        labels = self.scores.transform(values)
        self.heads = conditioned(self._inputs(codes), labels, theta, seed=self.seed)
        if self.trunk == "scratch":
            reference = self.space.sample(REFERENCE, np.random.default_rng(0))
            self.level = float(np.median(self.heads(self._inputs(reference))[1]))
        own = Calibration.of(self.inflation * self.heads.errors, self.heads.std / self.level)
        self.calibration = own if self.away is None else self.away
        return self

    def _exact_kinds(self) -> tuple[str, ...]:
        """The exact kinds that vary."""
        return standard(self.space, self.task, self.kinds).kinds

    def _inputs(self, codes: Codes) -> Inputs:
        """For each network its embedding and the exact features, standardized."""
        exact = standardized(self.space, self.task, self.kinds, codes)
        exact += [predictions_of(self.sources, codes)] if self.sources else []
        return [[own, *exact] for own in self._embeddings(codes)]

    def _embeddings(self, codes: Codes) -> list[Floats]:
        """One (b, d) array a network."""
        if self.networks is None:
            embedded = features(self.space, codes, kinds=_PRETRAINED)
            count = len(pretrained.load_pretrained(self.space.network_space.name).networks)
            found = standard(self.space, None, _PRETRAINED)
            whole = (embedded - found.centers[0]) / found.scales[0] * np.sqrt(count)
            return np.split(whole, count, axis=1)
        return self.networks(codes)

    def _from_scratch(self, codes: Codes, labels: Floats) -> Embedded:
        """Networks that learn the labels alone; constant ones teach nothing, then the exact statistics do."""
        from encoders.pretrained.train import PretrainingOptions, train_network

        targets = labels[:, None].astype(np.float32)
        if np.ptp(labels) < 1e-6:
            targets = features(self.space, codes, self.task, ("statistics",))
        options = PretrainingOptions(steps=SCRATCH_STEPS, batch=SCRATCH_BATCH)
        trained = [
            train_network(self.space, codes, targets, options, seed=self.seed * SCRATCH_MEMBERS + member)
            for member in range(SCRATCH_MEMBERS)
        ]
        return Embedded(Pretrained(self.space, tuple(network.frozen() for network in trained)))

    # files
    def to_bytes(self) -> bytes:
        """Safetensors: labels and hyperparameters, and networks from scratch; the heads follow from them."""
        if self.theta is None or self.learned is None:
            raise NotEnoughLabels("the predictor has not been fitted")
        codes, values = self.learned
        networks = None if self.networks is None else pretrained.pretrained_bytes(self.networks.networks)
        about = {
            "format": FORMAT,
            "space": self.space.name,
            "task": self.task,
            "seed": self.seed,
            "trunk": self.trunk,
            "kinds": self.kinds,
            "features": self._feature_names(),
            "rows": len(values),
            "inflation": self.inflation,
            "away": None if self.away is None else [self.away.labels, *self.away.scores.tolist()],
            "fitted_with": self.fitted_with,
            "sources": sources_to_text(self.sources),
            "networks": None if networks is None else base64.b64encode(networks).decode(),
        }
        # One array: the library writes several in an order of its own, and the digest would change.
        numbers = np.concatenate([self.theta, values, codes.astype(np.float64).ravel()])
        return save({"numbers": numbers}, {"about": json.dumps(about)})

    @classmethod
    def from_bytes(cls, data: bytes, space: Space) -> Self:
        """Reads what :meth:`to_bytes` wrote; DamagedModel for anything else."""
        try:
            numbers, about = load(data)["numbers"], about_of(data)
            if about["format"] != FORMAT or about["space"] != space.name:
                raise DamagedModel(f"the bytes hold no {FORMAT} model of {space.name}")
            trunk, kinds = about["trunk"], tuple(about["kinds"])
            own = about["networks"]
            own = None if own is None else pretrained.pretrained_of(base64.b64decode(own), space)
            given = own if trunk == "given" else None
            model = cls(
                space, task=about["task"], seed=about["seed"], trunk=trunk, kinds=kinds, networks=given
            )
            if about["features"] != list(model._feature_names()):
                raise DamagedModel(f"the model was tuned on other networks than {space.name} has now")
            if own is not None:
                model.networks = Embedded(own)
            model.sources = sources_of_text(about["sources"], space)
            model.inflation, model.fitted_with = (
                float(about["inflation" if "inflation" in about else "widening"]),
                int(about["fitted_with"]),
            )
            if about["away"] is not None:
                model.away = Calibration(np.array(about["away"][1:], dtype=np.float64), int(about["away"][0]))
            rows, width = int(about["rows"]), len(space.variables)
            theta, values, codes = np.split(numbers, [len(numbers) - rows * (width + 1), -rows * width])
            return model._condition(codes.reshape(rows, width).astype(np.int8), values, theta)
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, DamagedModel):
                raise
            raise DamagedModel(f"the bytes are no predictor: {error}") from error

    def _feature_names(self) -> tuple[str, ...]:
        own = feature_names(self.space, _PRETRAINED) if self.trunk == "pretrained" else ()
        return (*own, *feature_names(self.space, self.kinds))
