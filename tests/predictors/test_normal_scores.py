"""The monotone map to normal scores and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictors.calibration.normal_scores import NormalScores

labels = st.lists(st.floats(-1e3, 1e3, allow_subnormal=False), min_size=2, max_size=200)


@given(labels)
def test_is_monotone_and_undone_by_its_inverse(values):
    labels = np.array(values)
    scores = NormalScores.fit(labels)
    probe = np.sort(np.concatenate([labels, labels + 1.0, labels - 1.0]))
    got = scores.transform(probe)
    assert (np.diff(got) >= 0).all() and np.isfinite(got).all()
    if len(np.unique(labels)) > 1 and np.ptp(labels) > 1e-6:
        inside = labels[(labels >= scores.values[0]) & (labels <= scores.values[-1])]
        np.testing.assert_allclose(scores.inverse(scores.transform(inside)), inside, rtol=1e-6, atol=1e-6)


def test_scores_of_many_labels_are_standard_normal():
    labels = np.random.default_rng(0).exponential(size=5000) ** 3
    scores = NormalScores.fit(labels).transform(labels)
    assert scores.mean() == pytest.approx(0, abs=0.05) and scores.std() == pytest.approx(1, abs=0.05)


def test_what_is_positive_is_never_predicted_negative():
    scores = NormalScores.fit(np.array([1.0, 2.0, 40.0, 90.0]))
    values = scores.inverse(np.array([-30.0, -3.0, 0.0, 3.0, 30.0]))
    assert (values > 0).all() and (np.diff(values) >= 0).all() and np.isfinite(values).all()
    assert np.isnan(scores.inverse(np.array([np.nan]))).all()


@pytest.mark.parametrize("others", [[], [90.0], [95.0], [90.0, 95.0], [-1.0]])
def test_labels_that_differ_by_rounding_alone_are_one_knot(others):
    labels = np.array([93.0, np.nextafter(93.0, 94.0), *others])
    with np.errstate(all="raise"):
        scores = NormalScores.fit(labels)
        got = scores.transform(np.array([80.0, *labels[:2], 99.0]))
        back = scores.inverse(got)
    assert np.isfinite(got).all() and got[0] < got[1] <= got[2] < got[3]
    assert len(scores.values) == 1 + len(others)
    np.testing.assert_allclose(back[1:3], 93.0)
