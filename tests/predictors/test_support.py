"""What a model's labels covered, and that everything that ships says so."""

import json

import numpy as np
import pytest

from predictors import shipped
from predictors.calibration.support import Support
from spaces.known import get_space, space_names
from spaces.metric import Quantity

CELLS = get_space("nasbench201")


def test_labels_lie_inside_and_what_they_never_had_outside():
    codes = CELLS.sample(60, np.random.default_rng(0))
    codes[codes[:, 2] == 3, 2] = 1
    support = Support.of(CELLS, codes)
    assert not support.outside(codes).any()
    unseen = codes.copy()
    unseen[:, 2] = 3
    assert support.outside(unseen).all()


def test_costs_beyond_a_tenth_of_the_range_lie_outside():
    every = CELLS.enumerate()
    params = CELLS.statistics(every)["params_m"]
    support = Support.of(CELLS, every[params < 0.7])
    low, high = params.min(), params[params < 0.7].max()
    outside = support.outside(every)
    assert outside[params > high + 0.101 * (high - low)].all()
    assert not outside[params < 0.7].any()


@pytest.mark.parametrize("name", space_names())
def test_a_support_survives_as_json(name):
    space = get_space(name)
    task = space.tasks[0] if space.task_dependent_cost else None
    codes = space.sample(8, np.random.default_rng(1))
    support = Support.of(space, codes, task)
    again = Support.from_dict(json.loads(json.dumps(support.to_dict())), space, task)
    others = space.sample(300, np.random.default_rng(2))
    assert np.array_equal(again.outside(others), support.outside(others))
    assert support.outside(others).any() and not support.outside(codes).any()


@pytest.mark.parametrize("name", [name for name in space_names() if shipped.quantities(name)])
def test_every_shipped_model_says_what_it_covered(name):
    space = get_space(name)
    for key in shipped.quantities(name):
        task = key.split("@")[-1] if space.task_dependent_cost else None
        codes = space.enumerate() if space.size < 100_000 else space.sample(2_000, np.random.default_rng(3))
        allowed = codes[space.allowed(codes, task)]
        assert shipped.support(name, key).outside(allowed).mean() < 0.01, key


def test_no_interval_is_promised_where_labels_covered_nothing():
    gnn = get_space("gnn")
    codes = gnn.parse_many(["0|1|1|2:gcn|sage|arma|fc", "0|1|1|2:gcn|gat|skip|gin"])
    quantity = Quantity("accuracy", task="proteins")
    answer = shipped.predict("gnn", [quantity], codes)
    predicted = answer.predictions[quantity.key]
    assert answer.extrapolated[quantity.key].tolist() == [False, True]
    assert np.isfinite(predicted.lower).tolist() == np.isfinite(predicted.upper).tolist() == [True, False]


def test_a_kind_that_does_not_ship_is_refused_by_name():
    with pytest.raises(shipped.NoModel, match=r"no gp model predicts accuracy@cifar10; there is gbdt"):
        shipped.load("nasbench201", "accuracy@cifar10", "gp")
    with pytest.raises(shipped.NoModel, match="no model predicts accuracy@nothing"):
        shipped.chosen_kind("nasbench201", "accuracy@nothing")
    assert shipped.chosen_kind("nasbench201", "accuracy@cifar10") == "gbdt"
