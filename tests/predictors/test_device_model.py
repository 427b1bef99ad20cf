"""The shared latency model: what it learns from few measurements, survives, promises and refuses."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from predictors.calibration.feasibility import Cautious
from predictors.devices import shipped as shipped_devices
from predictors.devices.file import from_bytes, to_bytes
from predictors.devices.measured import MeasuredDevice
from predictors.devices.measurements import InvalidMeasurements, check_measurements
from predictors.devices.model import DeviceModel
from predictors.devices.one_sided import OneSided
from predictors.devices.predictor import DevicePredictor
from predictors.predictor import DamagedModel, NotEnoughLabels
from search.bo.prior import with_fantasies
from spaces.known import get_space
from spaces.metric import METRICS, Constraint, Quantity

CELLS = get_space("nasbench201")


def made_up(weights: np.ndarray, noise: float, seed: int):
    """A device whose latency is a sum over choices: 300 cells and their latencies."""
    rng = np.random.default_rng(seed)
    codes = np.unique(CELLS.sample(400, rng), axis=0)[:300]
    values = 3 + weights[np.arange(6), codes].sum(axis=1)
    return codes, values * np.exp(noise * rng.standard_normal(len(codes)))


def cost(seed: int) -> np.ndarray:
    """What each choice (6 edges × 5 operations) costs on a device: mostly the same everywhere."""
    usual = np.array([0.0, 0.1, 1.0, 2.5, 0.6])
    rng = np.random.default_rng(seed)
    return usual * np.exp(0.3 * rng.standard_normal(5)) * np.exp(0.1 * rng.standard_normal((6, 5)))


@pytest.fixture(scope="module")
def labels():
    return {f"d{seed}": made_up(cost(seed), 0.02 + 0.02 * (seed % 3), seed) for seed in range(8)}


@pytest.fixture(scope="module")
def model(labels):
    return DeviceModel.train(CELLS, labels, counts=(10,))


def measured(seed=99, noise=0.03):
    return made_up(cost(seed), noise, seed)


def rank(model, codes, values, measured, given=None):
    labels = values[measured] if given is None else given
    rest = np.setdiff1d(np.arange(len(codes)), measured)
    return spearmanr(model.fit(codes[measured], labels).predict(codes[rest]).mean, values[rest]).statistic


def test_ten_measurements_tell_an_unseen_device(model):
    codes, values = measured()
    assert rank(model, codes, values, np.arange(10)) > 0.95


def test_one_measurement_in_ten_may_be_wrong_by_ten(model):
    codes, values = measured()
    clean = rank(model, codes, values, np.arange(10))
    for wrong, factor in ((0, 10.0), (3, 0.1), (7, 10.0)):
        given = values[:10].copy()
        given[wrong] *= factor
        assert rank(model, codes, values, np.arange(10), given) > clean - 0.03


def test_intervals_hold_the_truth_about_as_often_as_they_say(model):
    shares, widths = [], []
    for seed in range(50, 62):
        codes, values = measured(seed, 0.02 + 0.02 * (seed % 3))
        prediction = model.fit(codes[:10], values[:10]).predict(codes[10:])
        shares.append(((prediction.lower <= values[10:]) & (values[10:] <= prediction.upper)).mean())
        widths.append(np.median((prediction.upper - prediction.lower) / prediction.mean))
    assert 0.82 < np.mean(shares) < 0.98
    assert np.mean(widths) < 0.5


def test_predictions_scale_with_the_unit(model):
    codes, values = measured()
    one = model.fit(codes[:10], values[:10]).predict(codes)
    thousand = model.fit(codes[:10], 1000 * values[:10]).predict(codes)
    np.testing.assert_allclose(thousand.mean, 1000 * one.mean)
    np.testing.assert_allclose(thousand.upper, 1000 * one.upper)
    assert (one.lower >= 0).all() and (one.mean > 0).all()


def test_nothing_is_promised_below_what_was_calibrated(model):
    codes, values = measured()
    prediction = model.fit(codes[:4], values[:4]).predict(codes[10:20])
    assert np.isnan(prediction.lower).all() and np.isnan(prediction.upper).all()
    assert np.isfinite(prediction.mean).all()


def test_the_probability_of_a_bound_rises_with_the_bound(model):
    codes, values = measured()
    device = model.fit(codes[:10], values[:10])
    low, high = (device.probability_below(codes, bound) for bound in np.quantile(values, [0.2, 0.8]))
    assert (low <= high).all() and low.mean() < 0.4 and high.mean() > 0.6


def test_cross_validation_tells_good_measurements_from_noise(model):
    codes, values = measured()
    good = model.cross_validate(codes[:30], values[:30])
    shuffled = model.cross_validate(codes[:30], np.random.default_rng(0).permutation(values[:30]))
    assert good.spearman > 0.9 > 0.5 > shuffled.spearman
    assert 0.7 < good.coverage <= 1
    few = model.cross_validate(codes[:2], values[:2])
    assert few.spearman is None and few.coverage is None


def test_probe_chooses_distinct_members_that_beat_random_ones(model):
    chosen = model.probe(10)
    assert len(np.unique(chosen, axis=0)) == 10
    assert (CELLS.canonical(chosen) == chosen).all()
    np.testing.assert_array_equal(chosen, model.probe(10))
    probed, random = [], []
    for seed in range(70, 82):
        codes, values = measured(seed, 0.02)
        picks = model.probe(6, codes)
        rows = np.flatnonzero((codes[:, None] == picks[None]).all(axis=2).any(axis=1))
        probed.append(rank(model, codes, values, rows))
        random.append(rank(model, codes, values, np.arange(6)))
    assert np.mean(probed) > np.mean(random)
    with pytest.raises(ValueError, match="candidates"):
        model.probe(3, codes[:2])


def test_a_model_survives_its_file(model):
    data = to_bytes(model)
    again = from_bytes(data, CELLS)
    assert to_bytes(again) == data
    codes, values = measured()
    one, two = (m.fit(codes[:10], values[:10]).predict(codes) for m in (model, again))
    np.testing.assert_array_equal(one.upper, two.upper)
    for damaged in (b"", data[:-3], b"{}" * 20):
        with pytest.raises(DamagedModel):
            from_bytes(damaged, CELLS)
    with pytest.raises(DamagedModel):
        from_bytes(data, get_space("fbnet"))


@pytest.mark.parametrize(
    ("change", "message", "index", "field"),
    [
        (lambda c, v: (c[:1], v[:1]), "at least two", None, None),
        (lambda c, v: (c, np.where(np.arange(5) == 2, np.nan, v)), "finite", 2, "value"),
        (lambda c, v: (c, np.where(np.arange(5) == 3, 0.0, v)), "positive", 3, "value"),
        (lambda c, v: (c[[0, 1, 2, 1, 4]], v), "contradicts", 3, "architecture"),
        (lambda c, v: (c[[0, 1, 1]], v[[0, 1, 1]]), "twice", 2, "architecture"),
        (lambda c, v: (c, np.full(5, 2.0)), "the same", None, None),
        (lambda c, v: (c, v[:4]), "one value", None, None),
    ],
)
def test_measurements_that_teach_nothing_are_refused(model, change, message, index, field):
    codes, values = measured()
    with pytest.raises(InvalidMeasurements, match=message) as refused:
        check_measurements(*change(codes[:5], values[:5]))
    assert (refused.value.index, refused.value.field) == (index, field)
    with pytest.raises(InvalidMeasurements, match=message):
        model.fit(*change(codes[:5], values[:5]))


@pytest.mark.parametrize("name", ["nasbench201", "fbnet"])
def test_shipped_models_are_small_and_hold_every_device(name):
    model = shipped_devices.load(name)
    assert set(model.known.names) == set(get_space(name).devices)
    data = shipped_devices.path_of(name).read_bytes()
    assert len(data) < 100_000
    with pytest.raises(KeyError, match="ships"):
        shipped_devices.load("gnn")


def test_a_measured_device_is_named_by_its_measurements():
    cells = CELLS.format(np.unique(CELLS.sample(6, np.random.default_rng(0)), axis=0))
    pairs = tuple((cell, 1.0 + i) for i, cell in enumerate(cells))
    one = MeasuredDevice("nasbench201", "board", "latency_ms", pairs)
    other = MeasuredDevice("nasbench201", "board", "latency_ms", pairs[:-1])
    assert one.quantity.key == "latency_ms@board"
    assert one.predictor() is one.predictor()
    assert one.predictor().digest() != other.predictor().digest()


def test_a_device_predictor_survives_its_bytes_and_refuses_others():
    codes, values = measured()
    fitted = DevicePredictor(CELLS).fit(codes[:8], values[:8])
    again = DevicePredictor.from_bytes(fitted.to_bytes(), CELLS)
    np.testing.assert_array_equal(again.predict(codes).mean, fitted.predict(codes).mean)
    assert again.digest() == fitted.digest()
    refined = DevicePredictor(CELLS).refine(codes[:5], values[:5]).refine(codes[5:8], values[5:8])
    assert refined.digest() == fitted.digest()
    for wrong in (b"", b"[]", fitted.to_bytes().replace(b"sha256:", b"sha256:0")):
        with pytest.raises(DamagedModel):
            DevicePredictor.from_bytes(wrong, CELLS)
    with pytest.raises(NotEnoughLabels):
        DevicePredictor(CELLS).predict(codes)
    with pytest.raises(NotEnoughLabels):
        DevicePredictor(CELLS).fit(codes[:1], values[:1])


def test_a_bound_is_held_to_most_devices_and_to_the_side_that_errs():
    """Three devices of five are as expected; two are far slower, and none is faster."""
    rng = np.random.default_rng(0)
    found = OneSided.of([rng.normal(size=2000) + (2.0 if device % 5 < 2 else 0.0) for device in range(10)])
    at = np.array([1.0, 3.0, 9.0])
    slow, fast = found.not_slower(at), found.not_faster(at)
    assert (np.diff(slow) > 0).all() and (fast > slow).all()
    assert slow[0] < 0.4 and 0.75 < fast[0] < 0.9
    assert found.not_slower(np.array([-50.0]))[0] < 1e-6 < 1 - 1e-6 < found.not_slower(np.array([50.0]))[0]


def test_what_a_bound_promises_of_a_device_is_kept_more_often_than_said(model):
    """Of architectures that are within a bound at .9, fewer than a tenth break it, on unseen devices."""
    broken = []
    for seed in range(60, 72):
        codes, values = measured(seed)
        bound = float(np.quantile(values, 0.4))
        fitted = model.fit(codes[:10], values[:10])
        sure = fitted.probability_within(codes[10:], None, bound) >= 0.9
        broken += (values[10:][sure] > bound).tolist()
        assert (fitted.probability_within(codes, bound, bound) <= 0.5).all()
    assert len(broken) > 300 and np.mean(broken) < 0.05


def test_devices_know_their_bounds_and_files_of_before_do_not(model):
    codes, values = measured()
    bound = Constraint(Quantity("latency_ms", device="d"), max=float(np.median(values)))
    old = replace(model, one_sided={})
    fits = [each.fit(codes[:10], values[:10]) for each in (model, old, from_bytes(to_bytes(model), CELLS))]
    said = [each.probability_within(codes, None, bound.max) for each in fits]
    assert (said[1] == fits[1].probability_below(codes, bound.max)).all()
    assert (said[0] == said[2]).all() and (said[0] != said[1]).any()
    assert isinstance(DevicePredictor(CELLS), Cautious)


def test_real_devices_left_out_are_told_from_ten_measurements(data_dir, tables):
    """As HELP's protocol, with fewer draws: the whole of it is a comparison."""
    codes = tables.architectures("nasbench201", "latency_ms@fpga")[::5]
    model = shipped_devices.load("nasbench201").without({"fpga", "titan_rtx_256", "titan_rtx_32"})
    for device in ("fpga", "titan_rtx_256"):
        values = tables.values("nasbench201", f"latency_ms@{device}", codes)
        order = np.random.default_rng(0).permutation(len(codes))
        assert rank(model, codes, values, order[:10]) > 0.97


@pytest.mark.parametrize("values", [[1e-12, 1e7], [1e-12, 2e-12]])
def test_measurements_at_the_ends_of_the_range_give_latencies_and_take_fantasies(values):
    codes = CELLS.enumerate()
    device = DevicePredictor(CELLS).fit(codes[[7_000, 14_000]], np.array(values))
    mean = device.predict(codes).mean
    assert mean.min() > 0 and mean.max() <= METRICS["latency_ms"].range[1]
    for row in (mean.argmin(), mean.argmax()):
        assert with_fantasies(device, codes[[row]]).predict(codes[:3]).mean.shape == (3,)
