"""Trees that imitate a Gaussian process: as good, without its labels, with intervals that hold."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from encoders.features import features
from predictors.inputs import informed_kinds
from predictors.kinds.gbdt import GbdtOptions, GbdtPredictor
from predictors.kinds.gp import GpPredictor
from predictors.predictor import NotEnoughLabels
from spaces.known import get_space

CELLS = get_space("nasbench201")
EVERYONE = CELLS.enumerate()
KINDS = informed_kinds(CELLS)
OPTIONS = GbdtOptions(members=1, trees=150, depth=4, learning_rate=0.15, kinds=KINDS, trend_kinds=KINDS)


def truth() -> np.ndarray:
    """Something that a process learns better than trees: smooth in what it sees, with noise."""
    x = features(CELLS, EVERYONE, kinds=("live", "structure", "reduced")).astype(np.float64)
    x = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-9)
    rng = np.random.default_rng(0)
    smooth = x @ rng.normal(size=x.shape[1]) + 4 * np.tanh(x @ rng.normal(size=x.shape[1]) / 3)
    return smooth + 0.3 * smooth.std() * rng.normal(size=len(EVERYONE))


@pytest.fixture(scope="module")
def fitted():
    values, order = truth(), np.random.default_rng(1).permutation(len(EVERYONE))
    learn, others = order[:150], order[150:3000]
    teacher = GpPredictor(CELLS, kinds=KINDS).fit(EVERYONE[learn], values[learn])
    student = GbdtPredictor(CELLS, options=OPTIONS).imitate(teacher, EVERYONE)
    return teacher, student, EVERYONE[learn], values[learn], EVERYONE[others], values[others]


def tau(model, codes, values):
    return kendalltau(model.predict(codes).mean, values).statistic


def test_an_imitation_is_nearly_as_good_as_its_teacher_and_better_than_trees_on_the_labels(fitted):
    teacher, student, codes, values, others, truths = fitted
    trees = GbdtPredictor(CELLS).fit(codes, values)
    assert tau(student, others, truths) > tau(teacher, others, truths) - 0.02
    assert tau(student, others, truths) > tau(trees, others, truths)


def test_its_intervals_hold_the_truth_about_as_often_as_they_say(fitted):
    *_, student, _, _, others, truths = fitted
    found = student.predict(others)
    assert 0.85 < np.mean((found.lower <= truths) & (truths <= found.upper)) < 0.97


def test_the_bytes_say_the_same_and_hold_no_label(fitted):
    _, student, _, _, others, _ = fitted
    again = GbdtPredictor.from_bytes(student.to_bytes(), CELLS)
    assert again.options == OPTIONS
    assert np.allclose(again.predict(others).mean, student.predict(others).mean)
    for model in (student, again):
        assert model.learned is None
        with pytest.raises(NotEnoughLabels):
            model.refine(others[:3], np.zeros(3))
