"""Training from someone's observations: cross-validated figures that say what happened."""

import numpy as np
import pytest

from predictors.kinds import KINDS
from predictors.kinds.gbdt import GbdtPredictor
from predictors.training.observations import FOLDS, new_predictor, read_predictor, train
from spaces.known import get_space

CELLS = get_space("nasbench201")


def labels(count, seed=0):
    codes = CELLS.sample(count, np.random.default_rng(seed))
    statistics = CELLS.statistics(codes)
    return codes, 90 + np.log(statistics["params_m"]) + 0.3 * statistics["depth"]


def test_figures_are_of_labels_that_were_held_out():
    codes, values = labels(60)
    steps = []
    trained = train(CELLS, "gp", codes, values, on_step=lambda *step: steps.append(step[:2]))
    assert steps == [(done, FOLDS + 1) for done in range(FOLDS + 1)]
    assert trained.figures.spearman > 0.8 and trained.figures.coverage > 0.7
    assert trained.figures.labels == 60 and trained.figures.folds == FOLDS
    noise = np.random.default_rng(1).permutation(values)
    assert abs(train(CELLS, "gp", codes, noise).figures.spearman) < 0.5
    again = read_predictor("gp", trained.predictor.to_bytes(), CELLS)
    assert again.digest() == trained.predictor.digest()


def test_repetitions_lie_in_one_fold():
    codes, _ = labels(12)
    values = np.random.default_rng(2).normal(size=12)
    figures = train(CELLS, "gp", np.repeat(codes, 5, axis=0), np.repeat(values, 5)).figures
    # A repetition in another fold would tell the answer, and its error would be nothing.
    assert figures.mean_absolute_error > 0.3


def test_few_architectures_are_learned_but_not_held_out():
    codes, values = labels(4)
    figures = train(CELLS, "gp", codes, values).figures
    assert (figures.labels, figures.folds, figures.spearman, figures.coverage) == (4, 0, None, None)


def test_a_transfer_needs_and_keeps_its_source():
    codes, values = labels(40)
    source = GbdtPredictor(CELLS).fit(codes, values)
    with pytest.raises(ValueError, match="source"):
        new_predictor(CELLS, "precision")
    trained = train(CELLS, "precision", codes[:9], values[:9] - 2, source=source)
    predicted = trained.predictor.predict(codes[9:]).mean
    assert np.corrcoef(predicted, values[9:])[0, 1] > 0.6 and abs((values[9:] - predicted).mean() - 2) < 1
    again = read_predictor("precision", trained.predictor.to_bytes(), CELLS)
    np.testing.assert_allclose(again.predict(codes).mean, trained.predictor.predict(codes).mean, atol=1e-4)


def test_kinds_are_those_with_a_module():
    assert KINDS.names() == ("auto", "gbdt", "gp", "neural", "precision")
    assert KINDS.get("gp").most_labels < KINDS.get("gbdt").most_labels
