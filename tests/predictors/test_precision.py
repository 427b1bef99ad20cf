"""Transfer between precisions: what it gains, what it promises, and what it refuses."""

import json

import numpy as np
import pytest
from scipy.stats import kendalltau

from predictors.kinds.gbdt import GbdtPredictor
from predictors.kinds.precision import PrecisionTransfer
from predictors.prediction import Prediction
from predictors.predictor import DamagedModel, NotEnoughLabels, Predictor
from spaces.known import get_space

CELLS = get_space("nasbench201")
CODES = np.unique(CELLS.sample(3000, np.random.default_rng(0)), axis=0)


def full_precision(codes):
    statistics = CELLS.statistics(codes)
    return 90 + np.log(statistics["params_m"]) + 0.4 * statistics["depth"]


def low_precision(codes, loss):
    """A monotone map of full precision, less what every operation of one kind costs."""
    lost = loss * (codes == 2).sum(axis=1)
    return 10 + 0.8 * full_precision(codes) - lost


@pytest.fixture(scope="module")
def source():
    drawn = CODES[np.random.default_rng(1).permutation(len(CODES))[:200]]
    return GbdtPredictor(CELLS, seed=0).fit(drawn, full_precision(drawn))


def moved(source, loss, labels=40, seed=2):
    order = np.random.default_rng(seed).permutation(len(CODES))
    few, rest = CODES[order[:labels]], CODES[order[labels:]]
    noise = 0.02 * np.random.default_rng(seed).standard_normal(labels)
    model = PrecisionTransfer(CELLS, source=source).fit(few, low_precision(few, loss) + noise)
    return model, few, rest


def test_it_is_no_worse_than_the_source_where_nothing_is_lost(source):
    model, _, rest = moved(source, 0.0)
    truth = low_precision(rest, 0.0)
    alone = kendalltau(source.predict(rest).mean, truth).statistic
    assert kendalltau(model.predict(rest).mean, truth).statistic > alone - 0.005


def test_it_learns_what_low_precision_loses(source):
    model, _, rest = moved(source, 0.6)
    truth = low_precision(rest, 0.6)
    alone = kendalltau(source.predict(rest).mean, truth).statistic
    taught = kendalltau(model.taught.predict(rest).mean, truth).statistic
    found = kendalltau(model.predict(rest).mean, truth).statistic
    assert found > max(alone, taught) + 0.02
    assert model.amplitude > 0


def test_means_and_intervals_are_on_the_targets_scale(source):
    shares = []
    for seed in range(3):
        model, _, rest = moved(source, 0.3, seed=seed)
        prediction, truth = model.predict(rest), low_precision(rest, 0.3)
        assert abs(np.median(prediction.mean - truth)) < 0.3
        shares.append(((prediction.lower <= truth) & (truth <= prediction.upper)).mean())
    assert 0.82 < np.mean(shares) <= 0.99


def test_the_source_stays_as_it_was(source):
    before = source.digest()
    model, _, _ = moved(source, 0.6)
    assert source.digest() == before != model.taught.digest()


class Teachable(Predictor):
    """Knows nothing until it is taught anything, and everything from then on; predicts no more."""

    kind = "teachable"
    told = False

    def fit(self, codes, values):
        raise NotEnoughLabels("it is taught")

    def refine(self, codes, values):
        self.told = True
        return self

    def predict(self, codes, confidence=0.9):
        mean = full_precision(codes) if self.told else -full_precision(codes)
        return Prediction(mean, 0 * mean, mean, mean, confidence)

    def probability_below(self, codes, bound):
        return (self.predict(codes).mean <= bound).astype(float)

    def to_bytes(self):
        return b""

    @classmethod
    def from_bytes(cls, data, space):
        return cls(space)


def test_what_is_left_is_about_the_mean_that_it_is_added_to():
    """A source that is wrong before and right after it was taught: nothing is left to correct."""
    few, rest = CODES[:40], CODES[40:400]
    model = PrecisionTransfer(CELLS, source=Teachable(CELLS)).fit(few, low_precision(few, 0.0))
    assert kendalltau(model.predict(rest).mean, full_precision(rest)).statistic > 0.98


def test_bytes_of_before_are_read_about_the_source_alone(source):
    model, _, rest = moved(source, 0.6)
    content = json.loads(model.to_bytes()) | {"format": "netwright-precision-1"}
    del content["base"]
    again = PrecisionTransfer.from_bytes(json.dumps(content).encode(), CELLS)
    assert again.taught is again.source
    assert kendalltau(again.predict(rest).mean, low_precision(rest, 0.6)).statistic > 0.7


def test_it_survives_its_bytes(source):
    model, _, rest = moved(source, 0.6)
    data = model.to_bytes()
    again = PrecisionTransfer.from_bytes(data, CELLS)
    np.testing.assert_allclose(again.predict(rest[:50]).mean, model.predict(rest[:50]).mean)
    np.testing.assert_allclose(again.predict(rest[:50]).upper, model.predict(rest[:50]).upper)
    assert again.digest() == model.digest()
    for wrong in (b"", b"{}", b"[]", data.replace(b"netwright-precision-2", b"netwright-precision-0")):
        with pytest.raises(DamagedModel):
            PrecisionTransfer.from_bytes(wrong, CELLS)
    with pytest.raises(DamagedModel):
        PrecisionTransfer.from_bytes(data, get_space("gnn"))


def test_a_source_without_its_labels_still_serves(source):
    shipped = GbdtPredictor.from_bytes(source.to_bytes(), CELLS)
    model, _, rest = moved(shipped, 0.6)
    assert np.isfinite(model.predict(rest).mean).all()


def test_a_further_label_is_learned_on_top(source):
    model, _, rest = moved(source, 0.6)
    model.refine(rest[:20], low_precision(rest[:20], 0.6))
    assert len(model.learned[1]) == 60


@pytest.mark.parametrize("values", [[1.0], [1.0, np.nan]])
def test_labels_that_teach_nothing_are_refused(source, values):
    with pytest.raises(NotEnoughLabels):
        PrecisionTransfer(CELLS, source=source).fit(CODES[: len(values)], np.array(values))
    with pytest.raises(NotEnoughLabels):
        PrecisionTransfer(CELLS, source=source).predict(CODES[:2])


def test_constant_labels_predict_themselves(source):
    model = PrecisionTransfer(CELLS, source=source).fit(CODES[:20], np.full(20, 50.0))
    assert np.isfinite(model.predict(CODES[:100]).mean).all()


def test_bounds_are_likelier_the_wider_they_are(source):
    model, _, rest = moved(source, 0.3)
    low, high = (model.probability_below(rest, bound) for bound in np.quantile(model.learned[1], [0.3, 0.7]))
    assert (low <= high).all() and ((low >= 0) & (high <= 1)).all()
