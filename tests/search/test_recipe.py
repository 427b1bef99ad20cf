"""Architecture and recipe searched together: by every strategy, and by a design with real trainings."""

import json

import numpy as np
import pytest

from search.design import run_design
from search.evaluator import Bench
from search.request.design_request import parse_request
from search.strategies import STRATEGIES
from search.trial import CompletedTrial
from spaces.known import get_space
from spaces.metric import Observation
from store.blobs.memory import MemoryBlobs
from tests.networks.training import data

CELLS = get_space("nasbench201")
CHOICES = {"optimizer": ["sgd", "adamw"], "learning_rate": [0.001, 0.01, 0.1, 1.0], "epochs": [3, 6]}
STUDY = {
    "space": "nasbench201",
    "task": "cifar10",
    "recipe": CHOICES,
    "constraints": [{"metric": "training_macs_m", "max": 1500}],
}
GOOD = {"optimizer": "adamw", "learning_rate": 0.01}


def told(about, architecture):
    """An accuracy that is higher under one recipe than under all others, whatever the network."""
    network, recipe = about.space.apart(architecture)
    statistics = CELLS.statistics(CELLS.parse(network)[None])
    value = 70 + np.log(statistics["macs_m"][0]) + statistics["depth"][0]
    value += 6 * (recipe["optimizer"] == "adamw") + 6 * (recipe["learning_rate"] == 0.01)
    return CompletedTrial(
        Observation(architecture, {"accuracy@cifar10": float(value)} | exact(about, architecture), "test")
    )


def exact(about, architecture):
    codes = about.space.parse(architecture)[None]
    return {q.key: float(about.exact(q, codes)[0]) for q in about.quantities if about.is_exact(q)}


@pytest.mark.parametrize("name", sorted(set(STRATEGIES.names()) - {"robot"}))
def test_every_strategy_searches_both_within_the_bound_on_what_training_costs(name):
    about = parse_request(STUDY).problem()
    strategy, trace = STRATEGIES.get(name)(about, seed=0), []
    for _ in range(7):
        (suggestion,) = strategy.suggest(1)
        assert suggestion not in trace
        trace.append(suggestion)
        strategy.observe([told(about, suggestion)])
    codes = about.space.parse_many(trace)
    assert about.space.format(codes) == trace and (about.gap(codes) == 0).all()
    assert len({about.space.apart(each)[1]["optimizer"] for each in trace}) == 2


def test_the_model_finds_the_recipe_that_pays():
    """By chance it is one suggestion in eight: that at least 5 of 10 are happens in 1 run of 200."""
    about = parse_request(STUDY).problem()
    strategy, trace = STRATEGIES.get("bayes")(about, seed=4), []
    for _ in range(20):
        trace += strategy.suggest(1)
        strategy.observe([told(about, trace[-1])])
    recipes = [about.space.apart(each)[1] for each in trace[-10:]]
    assert sum(GOOD.items() <= recipe.items() for recipe in recipes) >= 5


def test_a_design_trains_each_by_its_recipe_and_tells_both_apart(tables, tmp_path):
    blobs = MemoryBlobs()
    options = {"network": "small", "recipe": {"batch_size": 16}}
    order = STUDY | {
        "task": "tiny",
        "recipe": {"optimizer": ["sgd", "adamw"], "learning_rate": [0.003, 0.05], "epochs": [1, 2]},
        "evaluations": 2,
        "evaluator": "training",
        "evaluator_options": {"training": options},
        "count": 3,
        "strategy": "random",
    }
    bench = Bench(tables, data.npz(tmp_path / "images"), tmp_path / "cache", lambda: blobs)
    outcome = run_design(parse_request(order), tables=tables, bench=bench)
    assert outcome.state == "succeeded", outcome.reason
    json.dumps(outcome.result, allow_nan=False)
    rows = outcome.result["architectures"]
    measured = [row for row in rows if "evaluation" in row]
    assert len(rows) == 3 and len(measured) == 2
    for row in rows:
        assert row["architecture"].startswith(row["network"] + "#")
        assert CELLS.format(CELLS.parse(row["network"])[None]) == [row["network"]]
        assert row["metrics"]["training_macs_m"] == {
            "mean": 3 * row["metrics"]["macs_m"]["mean"] * row["recipe"]["epochs"],
            "source": "exact",
        }
        assert row["metrics"]["training_macs_m"]["mean"] <= 1500
    for row in measured:
        training = row["evaluation"]["training"]
        assert training["recipe"].items() >= (row["recipe"] | {"batch_size": 16}).items()
        assert training["trainings"][0]["epochs"] == row["recipe"]["epochs"]
