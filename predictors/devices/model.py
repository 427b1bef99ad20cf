r"""A new device's latency from few measurements, by what the known devices have in common.

With :math:`g_d(x)` the relative latency of known device d and m their mean, a device is

.. math:: y(x) = c\,(a + b\,m(x) + \sum_j w_j c_j(x) + u^T r(x)) + \text{noise} \propto m(x)

where :math:`c_j` are the principal components of what the known devices' functions hold beyond m, with the
variances seen among the devices as the prior of :math:`w_j`, and r are exact features for what no known
device shows. The coefficients come from robust Bayesian regression
(:mod:`predictors.devices.robust_regression`). The idea of carrying over from measured devices is HELP's (Lee
et al., NeurIPS 2021).

Intervals: whole known devices are left out, fitted from k of their labels, and evaluated on others; the
pooled errors, each divided by the standard deviation of its fit, calibrate the intervals.
That standard deviation is first rescaled by the fit's own errors on its measurements when each is left out.
Bounds are held to what is true of most devices (:mod:`predictors.devices.one_sided`), not of their average.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import norm, spearmanr

from predictors.calibration.conformal import Calibration
from predictors.devices.features import residual_features
from predictors.devices.known import KnownDevices, reference_of
from predictors.devices.measurements import METRIC, check_measurements
from predictors.devices.one_sided import OneSided
from predictors.devices.robust_regression import Posterior, regress
from predictors.prediction import Prediction
from spaces.metric import METRICS
from spaces.space import Codes, Floats, Space

COUNTS = (3, 5, 10, 20, 50)
"""Numbers of measurements that intervals are calibrated for."""
COMPONENTS = 6
_RESIDUAL = 0.05
_FREE = 0.5
_DRAWS = 10
_EVALUATED = 200
_FOLDS = 20
_PROBE_NOISE = 0.1
_USUAL = 0.8
_FARTHEST = 5.0

Labels = Mapping[str, tuple[Codes, Floats]]


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """How a fitted device does on measurements that it was not fitted to.

    Args:
        spearman: rank correlation; None where it is undefined.
        coverage: share of the measurements within their 90 % interval; None where none can be promised.
    """

    spearman: float | None
    coverage: float | None


@dataclass(frozen=True)
class DeviceModel:
    """What the known devices of a space have in common.

    Args:
        known: the known devices' functions.
        reference: architectures (m, v) that stand for all of the space.
        calibrations: number of measurements → scores of left-out devices.
        one_sided: number of measurements → how far most of them were slower or faster than expected.
    """

    known: KnownDevices
    reference: Codes
    calibrations: Mapping[int, Calibration] = field(default_factory=dict)
    one_sided: Mapping[int, OneSided] = field(default_factory=dict)

    def __post_init__(self) -> None:
        relative = self.known.relative(self.reference)
        mean = relative.mean(axis=1)
        ones = np.column_stack([np.ones_like(mean), mean])
        affine = np.linalg.lstsq(ones, relative, rcond=None)[0]  # (2, d)
        _, _, directions = np.linalg.svd(relative - ones @ affine, full_matrices=False)
        kept = directions[:COMPONENTS].T / np.sqrt(len(self.known.names))  # (d, c)
        own = residual_features(self.space, self.reference)
        spread = np.maximum(own.std(axis=0), 1e-3) * np.sqrt(own.shape[1])
        # Derived, so that a file holds nothing that could contradict itself.
        for name, value in {
            "_affine": affine,
            "_directions": kept,
            "_center": own.mean(axis=0),
            "_spread": spread,
            "_least": 0.2 * float(np.median(mean)),
        }.items():
            object.__setattr__(self, name, value)

    _affine: Floats = field(init=False, repr=False)
    _directions: Floats = field(init=False, repr=False)
    _center: Floats = field(init=False, repr=False)
    _spread: Floats = field(init=False, repr=False)
    _least: float = field(init=False, repr=False)

    @property
    def space(self) -> Space:
        """What the codes mean."""
        return self.known.space

    @classmethod
    def train(
        cls, space: Space, labels: Labels, *, counts: tuple[int, ...] = COUNTS, seed: int = 0
    ) -> "DeviceModel":
        """Learns the known devices' functions, and how wrong they are about a device left out.

        Args:
            space: what the codes mean.
            labels: device → codes (n, v) and positive values (n,).
            seed: draws the reference and the calibration's measurements.
        """
        reference = reference_of(space)
        model = cls(KnownDevices.fit(space, labels, reference), reference)
        return model.calibrated(labels, counts=counts, seed=seed)

    def without(self, names: set[str]) -> "DeviceModel":
        """The same model, some devices left out; not calibrated."""
        return DeviceModel(self.known.without(names), self.reference)

    def calibrated(
        self, labels: Labels, *, counts: tuple[int, ...] = COUNTS, draws: int = _DRAWS, seed: int = 0
    ) -> "DeviceModel":
        """The same model with scores of left-out devices.

        Args:
            labels: device → codes (n, v) and positive values (n,), of the known devices.
            counts: numbers of measurements to calibrate for.
            draws: of the measurements, for each device and number.
            seed: of the draws.
        """
        scores: dict[int, list[Floats]] = {count: [] for count in counts}
        rng = np.random.default_rng(seed)
        for name in self.known.names:
            codes, values = labels[name]
            rest = self.without({name})
            basis = rest.basis(codes)
            for count in counts:
                for _ in range(draws):
                    order = rng.permutation(len(codes))
                    measured, held_out = order[:count], order[count:][:_EVALUATED]
                    device = rest._fitted(basis[measured], values[measured])
                    mean, std = device.moments(basis[held_out])
                    scores[count].append((values[held_out] - mean) / std)
        calibrations = {
            count: Calibration(np.sort(np.abs(np.concatenate(found))), sum(map(len, found))).thinned()
            for count, found in scores.items()
        }
        one_sided = {count: OneSided.of(found) for count, found in scores.items()}
        return DeviceModel(self.known, self.reference, calibrations, one_sided)

    def basis(self, codes: Codes) -> Floats:
        """What a device's relative latency is linear in: (b, 2 + components + residuals)."""
        relative = self.known.relative(codes)
        mean = relative.mean(axis=1)
        ones = np.column_stack([np.ones_like(mean), mean])
        components = (relative - ones @ self._affine) @ self._directions
        own = (residual_features(self.space, codes) - self._center) / self._spread
        return np.concatenate([ones, components, _RESIDUAL * own], axis=1)

    def fit(self, codes: Codes, values: Floats) -> "FittedDevice":
        """A device from measurements.

        Shapes:
            codes: (k, v), canonical, distinct
            values: (k,), positive, in the metric's unit
        Raises:
            InvalidMeasurements: for fewer than two, values that are not positive numbers or all the same,
                or an architecture measured twice.
        """
        check_measurements(codes, values)
        return self._fitted(self.basis(codes), values)

    def cross_validate(self, codes: Codes, values: Floats) -> CrossValidation:
        """The fit evaluated on its own measurements, each left out in its turn (in at most 20 parts).

        Raises:
            InvalidMeasurements: as :meth:`fit`.
        """
        check_measurements(codes, values)
        basis = self.basis(codes)
        parts = np.arange(len(codes)) % min(len(codes), _FOLDS)
        mean, inside, promised = np.empty(len(codes)), np.zeros(len(codes), dtype=bool), True
        for part in range(parts.max() + 1):
            out = parts == part
            prediction = self._fitted(basis[~out], values[~out]).at(basis[out], 0.9)
            mean[out] = prediction.mean
            inside[out] = (prediction.lower <= values[out]) & (values[out] <= prediction.upper)
            promised &= bool(np.isfinite(prediction.upper).all())
        ranked = float(spearmanr(mean, values).statistic) if len(codes) > 2 and np.ptp(mean) > 0 else None
        return CrossValidation(ranked, float(inside.mean()) if promised else None)

    def probe(self, count: int, candidates: Codes | None = None) -> Codes:
        """Which architectures to measure on a new device: those that leave the least variance elsewhere.

        Greedy A-optimal design (Krause, Singh and Guestrin 2008) under the prior of the coefficients.

        Args:
            count: how many; at most the number of candidates.
            candidates: to choose from (m, v), distinct; of the model's own reference unless given.

        Returns:
            The architectures (count, v), the most informative first.
        """
        pool = np.unique(self.reference if candidates is None else candidates, axis=0)
        if count > len(pool):
            raise ValueError(f"only {len(pool)} candidates to choose {count} from")
        rows = self._weighted(self.basis(pool))
        ahead = self._weighted(self.basis(self.reference))
        covariance = np.diag(self._prior(rows.shape[1])[1])
        chosen: list[int] = []
        for _ in range(count):
            moved = rows @ covariance  # (m, p)
            own = np.einsum("mp,mp->m", moved, rows) + _PROBE_NOISE**2
            gain = ((ahead.T @ ahead / len(ahead)) @ moved.T * moved.T).sum(axis=0) / own
            gain[chosen] = -np.inf
            best = int(gain.argmax())
            chosen.append(best)
            covariance = covariance - np.outer(moved[best], moved[best]) / own[best]
        return np.asarray(pool[chosen])

    # inside
    def _prior(self, size: int) -> tuple[Floats, Floats]:
        """Mean and variance of the coefficients: the known devices' mean, free in offset and slope."""
        mean, variance = np.zeros(size), np.ones(size)
        mean[1], variance[:2] = 1.0, _FREE**2
        return mean, variance

    def _level(self, basis: Floats) -> Floats:
        """The known devices' mean, kept away from zero: what noise is proportional to."""
        return np.maximum(basis[:, 1], self._least)

    def _weighted(self, basis: Floats) -> Floats:
        return basis / self._level(basis)[:, None]

    def _fitted(self, basis: Floats, values: Floats) -> "FittedDevice":
        level = self._level(basis)
        scale = float(np.median(values / level))
        mean, variance = self._prior(basis.shape[1])
        rows, relative = self._weighted(basis), values / level / scale
        posterior = regress(rows, relative, mean, variance)
        return FittedDevice(self, scale, posterior, _stretch(posterior.left_out(rows, relative)), len(values))

    def _calibration(self, count: int) -> Calibration | None:
        """That of the largest calibrated number of measurements not above count; None below all of them."""
        known = [number for number in self.calibrations if number <= count]
        return self.calibrations[max(known)] if known else None

    def _one_sided(self, count: int) -> OneSided | None:
        """The same of :attr:`one_sided`."""
        known = [number for number in self.one_sided if number <= count]
        return self.one_sided[max(known)] if known else None


@dataclass(frozen=True)
class FittedDevice:
    """A device fitted to measurements.

    Args:
        model: what the known devices have in common.
        scale: latency of an average architecture.
        posterior: of the coefficients.
        stretch: factor on the standard deviation, from the measurements' own errors when left out.
        count: how many measurements there were.
    """

    model: DeviceModel
    scale: float
    posterior: Posterior
    stretch: float
    count: int

    def predict(self, codes: Codes, confidence: float = 0.9) -> Prediction:
        """Latencies of codes (b, v), within what a latency can be; bounds are NaN where too few measurements
        were given to promise any."""
        return self.at(self.model.basis(codes), confidence).within(*METRICS[METRIC].range)

    def probability_below(self, codes: Codes, bound: float) -> Floats:
        """P(value ≤ bound) for codes (b, v), (b,), as a Gaussian of the calibrated standard deviation."""
        prediction = self.predict(codes)
        probability: Floats = norm.cdf(bound, prediction.mean, np.maximum(prediction.std, 1e-12))
        return probability

    def probability_within(self, codes: Codes, low: float | None, high: float | None) -> Floats:
        """P(low ≤ value ≤ high) for codes (b, v), (b,), at seven devices of ten; see
        :mod:`predictors.devices.one_sided`."""
        found = self.model._one_sided(self.count)
        if found is None:
            above = np.ones(len(codes)) if high is None else self.probability_below(codes, high)
            below = np.zeros(len(codes)) if low is None else self.probability_below(codes, low)
            return np.asarray(np.clip(above - below, 0.0, 1.0))
        mean, std = self.moments(self.model.basis(codes))
        missed = np.zeros(len(codes))
        if high is not None:
            missed += 1.0 - found.not_slower((high - mean) / std)
        if low is not None:
            missed += 1.0 - found.not_faster((mean - low) / std)
        return np.asarray(np.clip(1.0 - missed, 0.0, 1.0))

    def at(self, basis: Floats, confidence: float) -> Prediction:
        """The prediction for rows of :meth:`DeviceModel.basis`."""
        mean, std = self.moments(basis)
        calibration = self.model._calibration(self.count)
        if calibration is None:
            nothing = np.full_like(mean, np.nan)
            return Prediction(mean, std, nothing, nothing, confidence)
        prediction = calibration.prediction(mean, std, confidence)
        lower = np.maximum(prediction.lower, 0.0)  # keeps NaN, and no device is done before it began
        return Prediction(mean, _gaussian(calibration) * std, lower, prediction.upper, confidence)

    def moments(self, basis: Floats) -> tuple[Floats, Floats]:
        """Mean and the fit's own standard deviation (b,), in the metric's unit."""
        level = self.model._level(basis)
        mean = np.maximum(self.scale * (basis @ self.posterior.mean), 0.01 * self.scale * level)
        std = np.sqrt(self.posterior.variance(self.model._weighted(basis)))
        return mean, self.stretch * self.scale * level * std


def _stretch(scores: Floats) -> float:
    """How much wider a device's errors are than the fit expects, shrunk towards 1 where they are few.

    A Gaussian's scores are 0.8 on average. Each is cut off, so that one wrong measurement inflates little.
    """
    return float((1 + np.minimum(scores, _FARTHEST).sum()) / (1 + _USUAL * len(scores)))


def _gaussian(calibration: Calibration) -> float:
    """Factor that gives the standard deviation of a Gaussian with the same 90 % interval.

    The root mean square would be ruled by the tables' few failed measurements.
    """
    q = calibration.quantile(0.9)
    return q / 1.6449 if np.isfinite(q) else 1.0
