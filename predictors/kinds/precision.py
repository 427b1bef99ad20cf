r"""Accuracy at another precision, from a predictor of full precision and few labels of the other.

APQ (Wang et al., CVPR 2020) starts a predictor of quantized accuracy from one of full precision. Here the
source's answer is the prior mean, in normal scores, and a small Gaussian process learns what is left:

.. math:: y(x) = s(x) + a + b\,s(x) + g(x) + \text{noise}, \quad g \sim GP(0, \alpha\, k_{3/2})

Its kernel sees exact statistics, structure and zero-cost proxies. s is the source after it has also
learned the target's labels, mapped to its scale, where it still holds its own labels: order carries over.
What s leaves of a label is what a source leaves that was taught the other parts of the labels, not that one:
the remainder of labels that s has seen would be smaller than that of new architectures.
How much g may say is chosen by leaving one label out, and is nothing unless the order gains clearly.
"""

import base64
import binascii
import copy
import json
from functools import lru_cache
from typing import Self

import numpy as np
from scipy.stats import kendalltau

from encoders.features import features
from encoders.proxies import table as score_table
from predictors.calibrated import ScoredPredictor, checked
from predictors.calibration.conformal import Calibration
from predictors.calibration.normal_scores import NormalScores
from predictors.kinds import KINDS
from predictors.predictor import DamagedModel, NotEnoughLabels, Predictor
from spaces.metric import Quantity
from spaces.space import Codes, Floats, Space

FORMAT = "netwright-precision-2"
FOLDS = 5
AMPLITUDES = (0.0, 0.125, 0.5, 2.0)
"""Variances of what is left, over that of the noise."""
_BEFORE = "netwright-precision-1"
_OFFSET, _SLOPE = 10.0, 2.5
_REFERENCE = 2000
_WORTH = 0.03
"""Rank correlation that it must gain: a hundred labels do not distinguish a smaller gain from chance."""


@KINDS.register
class PrecisionTransfer(ScoredPredictor):
    """A predictor of one precision's accuracy that starts from another's.

    Args:
        source: fitted to the precision with many labels; not changed.
    """

    kind = "precision"
    needs_source = True

    @classmethod
    def why_not(cls, space: Space, quantity: Quantity) -> tuple[str, str] | None:
        """Precisions of one network differ in accuracy alone."""
        if quantity.metric != "accuracy" or quantity.device is not None:
            return "a transfer between precisions is of accuracy", "accuracy"
        return None

    def __init__(self, space: Space, *, source: Predictor, task: str | None = None, seed: int = 0) -> None:
        super().__init__(space, task=task, seed=seed)
        self.source = source
        self.taught = source

    def fit(self, codes: Codes, values: Floats) -> Self:
        """Learns from labels of the target; see :class:`predictors.predictor.Predictor`."""
        values = checked(self.space, codes, values)
        self.taught = _taught(self.source, codes, values)
        return self._conditioned(codes, values, self._left_out(codes, values))

    @property
    def fitted(self) -> bool:
        """Whether it has learned anything."""
        return self.learned is not None

    def scored(self, codes: Codes) -> tuple[Floats, Floats]:
        """Mean and scale (b,) on the scale of the target's normal scores."""
        if self.learned is None:
            raise NotEnoughLabels("fit comes before predict")
        base = _scores(self.taught, codes)
        cross = self._kernel(self._inputs(codes), self._rows, base, self._base, self.amplitude)
        mean = base + cross @ self._weights
        prior = self.amplitude + _OFFSET + _SLOPE * base**2
        variance = prior - np.einsum("bn,nm,bm->b", cross, self._inverse, cross, optimize=True)
        return mean, np.sqrt(np.maximum(variance, 0.0) + 1.0)

    def to_bytes(self) -> bytes:
        """Both predictors and the target's labels as JSON."""
        if self.learned is None:
            raise NotEnoughLabels("fit comes before saving")
        codes, values = self.learned
        return json.dumps(
            {
                "format": FORMAT,
                "space": self.space.name,
                "task": self.task,
                "seed": self.seed,
                "kind": self.source.kind,
                "source": base64.b64encode(self.source.to_bytes()).decode(),
                "taught": base64.b64encode(self.taught.to_bytes()).decode(),
                "codes": codes.tolist(),
                "values": values.tolist(),
                "base": self._base.tolist(),
            }
        ).encode()

    @classmethod
    def from_bytes(cls, data: bytes, space: Space) -> Self:
        """Reads what :meth:`to_bytes` wrote.

        Raises:
            DamagedModel: for damaged bytes or another space's model.
        """
        try:
            content = json.loads(data)
            if content["format"] not in (FORMAT, _BEFORE) or content["space"] != space.name:
                raise DamagedModel(f"the bytes are no precision transfer of {space.name}")
            read = KINDS.get(content["kind"]).from_bytes
            source = read(base64.b64decode(content["source"], validate=True), space)
            # Bytes written before name neither task nor seed.
            model = cls(space, source=source, task=content.get("task"), seed=int(content.get("seed", 0)))
            codes = np.array(content["codes"], dtype=np.int8)
            values = checked(space, codes, np.array(content["values"]))
            if content["format"] == _BEFORE:  # its remainder is about the source alone
                return model._conditioned(codes, values, _scores(source, codes))
            model.taught = read(base64.b64decode(content["taught"], validate=True), space)
            return model._conditioned(codes, values, np.array(content["base"], dtype=np.float64))
        except DamagedModel:
            raise
        except (ValueError, KeyError, TypeError, OverflowError, binascii.Error) as error:
            raise DamagedModel(f"the bytes are no precision transfer of {space.name}: {error}") from error

    # inside
    def _left_out(self, codes: Codes, values: Floats) -> Floats:
        """Scores (n,) of each label's architecture by a source that was taught the other parts of labels."""
        if self.taught is self.source:
            return _scores(self.source, codes)
        _, group = np.unique(codes, axis=0, return_inverse=True)  # equal architectures lie in one part
        order = np.random.default_rng(self.seed).permutation(int(group.max()) + 1)
        part, found = order[group.ravel()] % FOLDS, np.empty(len(values))
        for number in np.unique(part):
            held = part == number
            others = _taught(self.source, codes[~held], values[~held]) if (~held).sum() > 1 else self.source
            found[held] = _scores(others, codes[held])
        return found

    def _conditioned(self, codes: Codes, values: Floats, base: Floats) -> Self:
        """The Gaussian process on what base (n,) leaves of the labels, at the amplitude that leaving one out
        prefers.
        """
        self.learned = codes.copy(), values.copy()
        self.scores = NormalScores.fit(values)
        self._rows, self._base = self._inputs(codes), base
        targets = self.scores.transform(values)
        rest = targets - self._base
        asked = -1.0
        for amplitude in AMPLITUDES:
            kernel = self._kernel(self._rows, self._rows, self._base, self._base, amplitude)
            inverse: Floats = np.asarray(np.linalg.inv(kernel + np.eye(len(rest))), dtype=np.float64)
            weights, precision = inverse @ rest, np.diag(inverse)
            errors = weights / precision
            # Squared errors would be ruled by the few networks that low precision ruins.
            agreed = float(np.nan_to_num(kendalltau(targets - errors, targets).statistic))
            if amplitude > 0 and agreed <= asked:
                continue
            asked = agreed + _WORTH if amplitude == 0 else agreed
            self.amplitude, self._inverse, self._weights = amplitude, inverse, weights
            self.calibration = Calibration.of(errors, 1 / np.sqrt(precision))
        return self

    def _inputs(self, codes: Codes) -> Floats:
        """Standardized features (b, f) of codes (b, v)."""
        center, scale = _standard(self.space, self.task)
        return (_features(self.space, codes, self.task) - center) * scale

    @staticmethod
    def _kernel(a: Floats, b: Floats, base_a: Floats, base_b: Floats, amplitude: float) -> Floats:
        """Offset, slope and Matérn 3/2 kernel (n, m)."""
        squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
        r = np.sqrt(3 * np.maximum(squared, 0.0))
        kernel: Floats = _OFFSET + _SLOPE * np.outer(base_a, base_b) + amplitude * (1 + r) * np.exp(-r)
        return kernel


def _taught(source: Predictor, codes: Codes, values: Floats) -> Predictor:
    """A copy of the source that has also learned the target's labels, on its own scale."""
    usual = source.predict(codes).mean
    scores = NormalScores.fit(values).transform(values)
    if scores.std() < 1e-9 or usual.std() < 1e-9:
        return source
    own = NormalScores.fit(source.predict(_reference(source.space)).mean)
    mapped_usual = own.transform(usual)
    mapped = own.inverse(mapped_usual.mean() + (scores - scores.mean()) / scores.std() * mapped_usual.std())
    try:
        return copy.copy(source).refine(codes, mapped)
    except NotEnoughLabels:  # read from a file that does not hold its labels: it stays as it is
        return source


def _scores(predictor: Predictor, codes: Codes) -> Floats:
    """Predicted means (b,) as normal scores over the space."""
    usual = NormalScores.fit(predictor.predict(_reference(predictor.space)).mean)
    return usual.transform(predictor.predict(codes).mean)


@lru_cache(maxsize=16)
def _reference(space: Space) -> Codes:
    return space.sample(_REFERENCE, np.random.default_rng(0))


@lru_cache(maxsize=16)
def _standard(space: Space, task: str | None) -> tuple[Floats, Floats]:
    """Center and scale of each feature; all features together have variance 1."""
    x = _features(space, _reference(space), task)
    std = x.std(axis=0)
    varies = std > 1e-6
    return x.mean(axis=0), np.where(varies, 1 / np.where(varies, std, 1), 0) / np.sqrt(varies.sum())


def _features(space: Space, codes: Codes, task: str | None) -> Floats:
    kinds = ["statistics", "structure", "reduced"] + (["scores"] if score_table.ships(space.name) else [])
    return features(space, codes, task, kinds).astype(np.float64)
