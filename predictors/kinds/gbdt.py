"""Gradient-boosted trees on features that need no training (Luo et al. 2020, "Accuracy Prediction with
Non-neural Model for Neural Architecture Search"), bagged, on top of a linear trend in the cheap statistics.

Targets are learned as normal scores. The trend is what makes the first ten labels worth something: trees
alone cannot say "more is better" beyond what they saw. Bagging gives the spread between members, and the
labels a member did not see calibrate the intervals without a label being spent (Kim et al. 2020, "Predictive
Inference Is Free with the Jackknife+-after-Bootstrap"). With many labels, a fifth is held out instead: split
conformal, whose coverage is guaranteed.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any, Protocol, Self

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from encoders.features import DEFAULT_KINDS, feature_names, features
from predictors.calibrated import ScoredPredictor, checked
from predictors.calibration.conformal import Calibration
from predictors.calibration.normal_scores import NormalScores
from predictors.inputs import cost_kinds
from predictors.kinds import KINDS
from predictors.predictor import DamagedModel, NotEnoughLabels
from spaces.cached import cached_by_space
from spaces.space import Codes, Floats, Space

FORMAT = "netwright-gbdt-3"
TREND_KINDS = ("counts", "structure", "statistics", "reduced", "scores", "messages")
"""Kinds of features that the linear trend sees where labels are few, of those that the trees see."""
TOLD_APART = 0.1
"""Share of the architectures on which it is measured how far an imitation is from its teacher."""


@dataclass(frozen=True, slots=True)
class GbdtOptions:
    """Sizes of the ensemble.

    Args:
        members: bootstrap members.
        trees: boosting rounds of each.
        depth: of a tree.
        learning_rate: shrinkage of each tree.
        ridge: penalty of the linear trend, on standardized statistics.
        kinds: of features.
        split_from: labels from which a fifth is held out for calibration.
        trend_kinds: of features that the linear trend sees, among ``kinds``.
    """

    members: int = 8
    trees: int = 60
    depth: int = 3
    learning_rate: float = 0.2
    ridge: float = 3.0
    kinds: tuple[str, ...] = DEFAULT_KINDS
    split_from: int = 100
    trend_kinds: tuple[str, ...] = TREND_KINDS


def _renamed(options: dict[str, Any]) -> dict[str, Any]:
    """Stored options under today's names: up to 0.1 the learning rate was called ``rate``."""
    return {"learning_rate" if name == "rate" else name: options[name] for name in options}


def cost_options(space: Space) -> GbdtOptions:
    """Options for costs on a device, with the features of :func:`predictors.inputs.cost_kinds`.

    Where features explain the jumps of a cost, there are more trees and a smaller learning rate.
    """
    if not space.list_operations:
        return GbdtOptions()
    return GbdtOptions(trees=150, learning_rate=0.1, depth=4, kinds=cost_kinds(space))


@dataclass(frozen=True, slots=True)
class _Trend:
    """Ridge regression on standardized statistics: intercept + coefficients · z."""

    center: Floats
    scale: Floats
    coefficients: Floats
    intercept: float

    @classmethod
    def fit(cls, statistics: Floats, values: Floats, ridge: float) -> "_Trend":
        center, scale = statistics.mean(axis=0), statistics.std(axis=0)
        scale = np.where(scale > 1e-12, scale, 1.0)
        z = (statistics - center) / scale
        intercept = float(values.mean())
        gram = z.T @ z + ridge * np.eye(z.shape[1])
        return cls(center, scale, np.linalg.solve(gram, z.T @ (values - intercept)), intercept)

    def __call__(self, statistics: Floats) -> Floats:
        result: Floats = self.intercept + ((statistics - self.center) / self.scale) @ self.coefficients
        return result


@dataclass(frozen=True, slots=True)
class _Member:
    trend: _Trend
    trees: xgb.Booster

    def __call__(self, x: NDArray[np.float32], statistics: Floats) -> Floats:
        result: Floats = self.trend(statistics) + self.trees.inplace_predict(x).astype(np.float64)
        return result


class Teacher(Protocol):
    """A fitted model that can be imitated."""

    scores: NormalScores

    def means(self, codes: Codes) -> Floats:
        """What it says of codes (b, v), (b,), on the scale of scores."""

    def left_out(self) -> Floats:
        """Its errors (n,) on its labels, each left out in its turn, on the scale of scores."""


@cached_by_space(maxsize=64)
def _trend_columns(space: Space, kinds: tuple[str, ...], trend: tuple[str, ...]) -> NDArray[np.int64]:
    """Where the trend's features are among those of ``kinds``, in the order of ``trend``."""
    names = feature_names(space, kinds)
    trending = feature_names(space, tuple(kind for kind in trend if kind in kinds))
    return np.array([names.index(name) for name in trending], dtype=np.int64)


@KINDS.register
class GbdtPredictor(ScoredPredictor):
    """Bagged XGBoost over one-hot, path and live-subgraph features and exact statistics."""

    kind = "gbdt"
    most_labels = 50_000
    inline_labels = 300

    def __init__(
        self, space: Space, *, task: str | None = None, seed: int = 0, options: GbdtOptions | None = None
    ) -> None:
        super().__init__(space, task=task, seed=seed)
        self.options = options or GbdtOptions()
        self.members: list[_Member] = []
        self.noise = 1.0

    def fit(self, codes: Codes, values: Floats) -> Self:
        """Learns from labels; see :class:`predictors.predictor.Predictor`."""
        values = checked(self.space, codes, values)
        self.learned = codes.copy(), values.copy()
        self.scores = NormalScores.fit(values)
        values = self.scores.transform(values)
        rng = np.random.default_rng(self.seed)
        x, statistics = self._inputs(codes)
        order = rng.permutation(len(values))
        held = order[: len(values) // 5] if len(values) >= self.options.split_from else order[:0]
        learn = np.setdiff1d(order, held)
        bags = [np.unique(rng.choice(learn, size=len(learn))) for _ in range(self.options.members)]
        self.members = [self._member(x[bag], statistics[bag], values[bag], rng) for bag in bags]
        outputs = self._outputs(x, statistics)
        if len(held):
            self._calibrate(
                outputs[:, held], np.ones((len(self.members), len(held)), dtype=bool), values[held]
            )
        else:
            unseen = np.stack([~np.isin(learn, bag) for bag in bags])
            self._calibrate(outputs[:, learn], unseen, values[learn])
        return self

    def imitate(self, teacher: Teacher, codes: Codes) -> Self:
        """Learns what a slower model says of any architectures, not labels (Buciluă et al. 2006, "Model
        Compression"). It never sees the labels, and its bytes hold none.

        Intervals come from the teacher's errors on its own labels, each left out, wider by how far the
        imitation is from the teacher.

        Args:
            teacher: fitted.
            codes: architectures (n, v), drawn at random.
        """
        self.learned, self.scores = None, teacher.scores
        said = teacher.means(codes)
        rng = np.random.default_rng(self.seed)
        x, statistics = self._inputs(codes)
        apart, learn = np.split(rng.permutation(len(codes)), [round(TOLD_APART * len(codes))])
        self.members = [
            self._member(x[learn], statistics[learn], said[learn], rng) for _ in range(self.options.members)
        ]
        miss = self._outputs(x[apart], statistics[apart]).mean(axis=0) - said[apart]
        errors = teacher.left_out()
        errors = errors * np.sqrt(1 + (miss**2).mean() / max(float((errors**2).mean()), 1e-18))
        self.noise = max(float(np.sqrt((errors**2).mean())), 1e-9)
        self.calibration = Calibration.of(errors, np.full(len(errors), self.noise))
        return self

    @property
    def fitted(self) -> bool:
        """Whether it has learned anything."""
        return bool(self.members)

    def _inputs(self, codes: Codes) -> tuple[NDArray[np.float32], Floats]:
        x = features(self.space, codes, task=self.task, kinds=self.options.kinds)
        columns = _trend_columns(self.space, self.options.kinds, self.options.trend_kinds)
        return x, x[:, columns].astype(np.float64)

    def _member(
        self, x: NDArray[np.float32], statistics: Floats, values: Floats, rng: np.random.Generator
    ) -> _Member:
        trend = _Trend.fit(statistics, values, self.options.ridge)
        parameters = {
            "max_depth": self.options.depth,
            "eta": self.options.learning_rate,
            "colsample_bytree": 0.5,
            "tree_method": "exact" if len(values) < 2000 else "hist",
            "base_score": 0.0,
            # XGBoost's seed is 32 bits wide.
            "seed": int(rng.integers(2**31)),
            "nthread": 1,
        }
        trees = xgb.train(parameters, xgb.DMatrix(x, values - trend(statistics)), self.options.trees)
        return _Member(trend, trees)

    def _outputs(self, x: NDArray[np.float32], statistics: Floats) -> Floats:
        """Every member's prediction, (members, b)."""
        return np.stack([member(x, statistics) for member in self.members])

    def _calibrate(self, outputs: Floats, usable: NDArray[np.bool_], values: Floats) -> None:
        """Sets noise and calibration from outputs (members, n), of which only those ``usable`` count."""
        counted = usable.sum(axis=0) >= 2
        if not counted.any():
            self.noise, self.calibration = max(float(values.std()), 1e-9), Calibration(np.empty(0), 0)
            return
        outputs = np.where(usable, outputs, np.nan)[:, counted]
        mean, spread = np.nanmean(outputs, axis=0), np.nanstd(outputs, axis=0)
        residuals = values[counted] - mean
        # Half the typical error is a floor of the scale: members that agree are not thereby right.
        self.noise = max(0.5 * float(np.sqrt((residuals**2).mean())), 1e-9)
        self.calibration = Calibration.of(residuals, np.hypot(spread, self.noise))

    def scored(self, codes: Codes) -> tuple[Floats, Floats]:
        """Mean and scale (b,) on the scale of scores."""
        if not self.members:
            raise NotEnoughLabels("the predictor has not been fitted")
        outputs = self._outputs(*self._inputs(codes))
        return outputs.mean(axis=0), np.hypot(outputs.std(axis=0), self.noise)

    def importances(self) -> dict[str, float]:
        """Share of the total gain that each feature brings to the trees, largest first; sums to 1."""
        names = feature_names(self.space, self.options.kinds)
        gain = dict.fromkeys(names, 0.0)
        for member in self.members:
            for key, value in member.trees.get_score(importance_type="total_gain").items():
                gain[names[int(key[1:])]] += float(np.asarray(value).sum())
        total = sum(gain.values()) or 1.0
        return {name: value / total for name, value in sorted(gain.items(), key=lambda item: -item[1])}

    def to_bytes(self) -> bytes:
        """One JSON object: trends, XGBoost's own JSON of every member, calibration."""
        thinned = self.calibration.thinned()
        body = {
            "format": FORMAT,
            "space": self.space.name,
            "task": self.task,
            "seed": self.seed,
            "options": asdict(self.options),
            "features": list(feature_names(self.space, self.options.kinds)),
            "scores": {
                "values": self.scores.values.tolist(),
                "scores": self.scores.scores.tolist(),
                "logarithmic": self.scores.logarithmic,
            },
            "noise": self.noise,
            "calibration": {"scores": thinned.scores.tolist(), "labels": thinned.labels},
            "members": [
                {
                    "trend": {
                        "center": member.trend.center.tolist(),
                        "scale": member.trend.scale.tolist(),
                        "coefficients": member.trend.coefficients.tolist(),
                        "intercept": member.trend.intercept,
                    },
                    "trees": json.loads(member.trees.save_raw("json")),
                }
                for member in self.members
            ],
        }
        return json.dumps(body, separators=(",", ":"), allow_nan=False).encode()

    @classmethod
    def from_bytes(cls, data: bytes, space: Space) -> Self:
        """Reads what :meth:`to_bytes` wrote; DamagedModel for anything else."""
        try:
            body = json.loads(data)
            if body["format"] != FORMAT or body["space"] != space.name:
                raise DamagedModel(f"the bytes hold no {FORMAT} model of {space.name}")
            # Models written before kinds could be chosen do not name them.
            kinds = tuple(body["options"].get("kinds", DEFAULT_KINDS))
            trend = tuple(body["options"].get("trend_kinds", TREND_KINDS))
            options = GbdtOptions(**_renamed(body["options"]) | {"kinds": kinds, "trend_kinds": trend})
            model = cls(space, task=body["task"], seed=body["seed"], options=options)
            if body["features"] != list(feature_names(space, kinds)):
                raise DamagedModel(f"the model was trained on other features than {space.name} has now")
            scores = body["scores"]
            model.scores = NormalScores(
                np.array(scores["values"]), np.array(scores["scores"]), bool(scores["logarithmic"])
            )
            model.noise = float(body["noise"])
            calibration = body["calibration"]
            model.calibration = Calibration(np.array(calibration["scores"]), int(calibration["labels"]))
            for member in body["members"]:
                trend = member["trend"]
                trees = xgb.Booster()
                trees.load_model(bytearray(json.dumps(member["trees"]).encode()))
                trees.set_param({"nthread": 1})
                model.members.append(
                    _Member(
                        _Trend(
                            np.array(trend["center"]),
                            np.array(trend["scale"]),
                            np.array(trend["coefficients"]),
                            float(trend["intercept"]),
                        ),
                        trees,
                    )
                )
        except (
            KeyError,
            TypeError,
            UnicodeDecodeError,
            json.JSONDecodeError,
            xgb.core.XGBoostError,
        ) as error:
            raise DamagedModel(f"the bytes are no predictor: {error}") from error
        return model
