"""Search whose prior comes from other data sets."""

import numpy as np
import pytest

from predictors import shipped
from predictors.transfer.graph_tasks import READINGS, STATISTICS, likeness, predicted_by_others, sources_of
from search.problem import Problem
from search.strategies.transfer import TransferStrategy
from search.trial import CompletedTrial
from spaces.known import get_space
from spaces.metric import Observation, Quantity

SPACE = get_space("gnn")
KEY = "accuracy@cora"


def strategy(seed: int = 0) -> TransferStrategy:
    return TransferStrategy(Problem(SPACE, "cora", (Quantity("accuracy", task="cora"),), ()), seed=seed)


def trial(name: str, value: float) -> CompletedTrial:
    return CompletedTrial(Observation(name, {KEY: value}, "test"))


def test_the_data_set_that_is_searched_takes_no_part() -> None:
    """Nor does one with so few measured architectures that its rows could be read back."""
    assert sources_of(SPACE, "cora") == tuple(name for name in STATISTICS if name not in ("cora", "proteins"))
    assert len(sources_of(SPACE, "proteins")) == 8
    assert sources_of(get_space("nasbench201"), "cifar10") == ()
    weights = likeness("cora", sources_of(SPACE, "cora"))
    assert weights.sum() == pytest.approx(1.0) and weights.argmax() == 0  # citeseer, another citation graph
    predicted, readings = predicted_by_others(SPACE, "cora"), len(READINGS)
    own = predicted_by_others(SPACE, "proteins")[:, :readings]  # cora comes first there
    assert predicted.shape == (SPACE.size, 7 * readings)
    assert np.abs(predicted.mean(axis=0)).max() < 1e-6 and np.abs(predicted.std(axis=0) - 1).max() < 1e-6
    assert all(np.abs(np.corrcoef(predicted.T, column)[-1, :-1]).max() < 0.99 for column in own.T)


def test_first_suggestions_are_good_elsewhere() -> None:
    first = strategy().suggest(1)[0]
    codes = SPACE.sample(300, np.random.default_rng(0))
    predicted = {
        name: shipped.load("gnn", f"accuracy@{name}").predict(
            np.concatenate([SPACE.parse(first)[None], codes])
        )
        for name in ("citeseer", "pubmed")
    }
    assert all((prediction.mean[0] > prediction.mean[1:]).mean() > 0.8 for prediction in predicted.values())


def test_a_source_that_turns_out_to_be_alike_leads() -> None:
    """Cora behaves as arxiv does, which its statistics say is hardly like it."""
    predicted = predicted_by_others(SPACE, "cora")
    alike = predicted[:, len(READINGS) * sources_of(SPACE, "cora").index("arxiv")]
    value = dict(zip(SPACE.format(SPACE.enumerate()), alike.tolist(), strict=True))
    searched = strategy()
    seen = []
    for _ in range(20):
        name = searched.suggest(1)[0]
        seen.append(value[name])
        searched.observe([trial(name, 80 + 2 * value[name])])
    assert max(seen) > np.quantile(alike, 0.99) > seen[0]


def test_the_same_observations_give_the_same_suggestions() -> None:
    suggested = []
    for _ in range(2):
        searched = strategy(seed=4)
        names = searched.suggest(2)
        searched.observe([trial(name, 70.0 + row) for row, name in enumerate(names)])
        suggested.append((names, searched.suggest(3)))
    assert suggested[0] == suggested[1] and len(set(suggested[0][1])) == 3
