"""Tests and errors against values known from textbooks and from scipy."""

import numpy as np
import pytest
from scipy import stats

from experiments.framework.statistics import (
    ahead,
    bootstrap,
    holm,
    p_of_mean,
    p_of_share,
    paired,
    quantile,
    share,
    standard_error,
    welch,
)

# Student (1908): hours of sleep gained by ten patients under two drugs.
FIRST = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SECOND = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


def test_the_paired_test_is_students():
    found = paired(SECOND, FIRST)
    assert found.mean == pytest.approx(1.58)
    assert found.standard_error == pytest.approx(0.389, abs=1e-3)
    assert found.p == pytest.approx(0.002833 / 2, abs=1e-6)  # his t is 4.0621 on 9 degrees of freedom
    assert found.clearly_above and not paired(FIRST, SECOND).clearly_above


def test_welchs_test_of_the_same_values():
    found = welch(SECOND, FIRST)
    assert found.p == pytest.approx(0.07939 / 2, abs=1e-5)  # t = 1.8608 on 17.776 degrees of freedom
    assert found.standard_error == pytest.approx(np.hypot(stats.sem(FIRST), stats.sem(SECOND)))


def test_each_variance_is_divided_by_its_own_sample():
    ours, theirs = [1.0, 3.0], [0.0, 2.0, 4.0, 2.0]
    expected = np.sqrt(np.var(ours, ddof=1) / 2 + np.var(theirs, ddof=1) / 4)
    assert welch(ours, theirs).standard_error == pytest.approx(expected)


def test_samples_of_different_size_do_not_pair():
    with pytest.raises(ValueError, match="one size"):
        paired([1.0, 2.0], [1.0])


def test_ties_and_single_values_are_not_above():
    for found in (paired([1.0, 2.0], [1.0, 2.0]), welch([1.0, 1.0], [1.0, 1.0]), paired([2.0], [1.0])):
        assert found.p == 1.0 and not found.clearly_above


def test_equal_differences_are_as_clear_as_their_number():
    assert not paired([2.0] * 4, [1.0] * 4).clearly_above
    assert paired([2.0] * 5, [1.0] * 5).p == pytest.approx(1 / 32)


def test_holm_is_as_in_his_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == [] and holm([0.9, 0.8]) == [1.0, 1.0]


def test_a_task_counts_the_rival_that_is_nearest():
    rng = np.random.default_rng(0)
    ours = rng.normal(2, 1, 20)
    far, near = ours - 3 + rng.normal(0, 1, 20), ours - 0.5 + rng.normal(0, 1, 20)
    alone = ahead({"a": (ours, {"far": far})})["a"]
    both = ahead({"a": (ours, {"far": far, "near": near})})["a"]
    assert alone < 0.001 and both == pytest.approx(paired(ours, near).p)
    two = ahead({"a": (ours, {"far": far}), "b": (ours, {"far": far})})
    assert two["a"] == pytest.approx(2 * alone)


def test_the_mean_against_a_bound():
    assert p_of_mean(FIRST, 0.0) == pytest.approx(stats.ttest_1samp(FIRST, 0, alternative="greater").pvalue)
    assert p_of_mean(FIRST, 2.0) == pytest.approx(stats.ttest_1samp(FIRST, 2, alternative="less").pvalue)
    assert p_of_mean([1.0], 0.0) is None and standard_error([1.0]) is None


def test_shares():
    assert p_of_share(20, 20, 0.99) == pytest.approx(0.99**20)
    assert share(50, 100).standard_error == pytest.approx(0.05)


def test_the_bootstraps_error_of_a_mean_is_its_standard_error():
    sample = np.random.default_rng(1).normal(0, 1, 400)
    found = bootstrap(lambda values: float(values.mean()), sample)
    assert found.value == pytest.approx(sample.mean()) and found.n == 400
    assert found.standard_error == pytest.approx(stats.sem(sample), rel=0.1)
    assert bootstrap(lambda values: float(values.mean()), sample) == found


def test_the_medians_error_of_normal_values():
    errors = [
        quantile(np.random.default_rng(seed).normal(0, 1, 400), 0.5).standard_error for seed in range(20)
    ]
    assert np.mean(errors) == pytest.approx(np.sqrt(np.pi / 2 / 400), rel=0.15)
