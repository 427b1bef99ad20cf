"""Objectives on more than one task and device at once: one run, one front over all of them."""

import json

import numpy as np
import pytest

from search.bo.surrogates import Surrogates
from search.design import run_design
from search.models import fit_models
from search.pareto.front import pareto_front
from search.request.design_request import parse_request
from search.strategies import STRATEGIES
from search.trial import CompletedTrial
from spaces.metric import Observation

CELLS = {
    "space": "nasbench201",
    "task": "cifar10",
    "objectives": [
        {"metric": "accuracy"},
        {"metric": "accuracy", "task": "cifar100"},
        {"metric": "latency_ms", "device": "pixel3"},
    ],
    "evaluations": 7,
    "evaluator": "table",
    "count": 2,
    "seed": 2,
}
GRAPHS = {
    "space": "gnn",
    "task": "cora",
    "objectives": [{"metric": "accuracy"}, {"metric": "accuracy", "task": "arxiv"}],
    "constraints": [
        {"metric": "latency_ms", "device": "gpu", "task": "arxiv", "max": 60},
        {"metric": "params_m", "task": "arxiv", "max": 0.5},
    ],
    "evaluations": 7,
    "evaluator": "table",
    "count": 2,
}


@pytest.mark.parametrize("order", [CELLS, GRAPHS], ids=["nasbench201", "gnn"])
def test_one_design_serves_all_tasks_and_devices(tables, order):
    problem = parse_request(order).problem()
    for quantity in problem.to_measure:
        if (reason := tables.available(problem.space.name, quantity.key)) is not None:
            pytest.skip(reason)
    outcome = run_design(parse_request(order), tables=tables)
    assert outcome.state == "succeeded", outcome.reason
    json.dumps(outcome.result, allow_nan=False)
    rows = outcome.result["architectures"]
    measured = [row for row in rows if row["metrics"][problem.objectives[0].key]["source"] == "measured"]
    codes = problem.space.parse_many(row["architecture"] for row in measured)
    assert len(measured) >= 2
    for quantity in problem.to_measure:
        truth = tables.values(problem.space.name, quantity.key, codes)
        assert [row["metrics"][quantity.key]["mean"] for row in measured] == pytest.approx(list(truth))
    scores = np.array(
        [[q.sign * row["metrics"][q.key]["mean"] for q in problem.objectives] for row in measured]
    )
    front = np.flatnonzero(pareto_front(scores)) + 1
    assert outcome.result["pareto"] == front.tolist() and len(front) >= 2
    assert problem.to_measure[-1].key in outcome.result["models"]
    for task in problem.tasks if problem.space.task_dependent_cost else ():
        (exact, *_) = problem.space.statistics(codes[:1], task)["params_m"]
        assert measured[0]["metrics"][f"params_m@{task}"] == {"mean": float(exact), "source": "exact"}
        assert task != "arxiv" or exact <= 0.5


def test_each_quantity_is_learned_from_what_architectures_cost_on_its_own_task():
    about = parse_request(GRAPHS).problem()
    maps = Surrogates(about).maps
    codes = about.space.sample(12, np.random.default_rng(0))
    cora, arxiv = maps["accuracy@cora"], maps["accuracy@arxiv"]
    assert (cora.task, arxiv.task, maps["latency_ms@gpu@arxiv"]) == ("cora", "arxiv", arxiv)
    seen = [
        Observation(text, {q.key: float(row.sum()) for q in about.to_measure}, "test")
        for text, row in zip(about.space.format(codes), codes, strict=True)
    ]
    models = fit_models(about, seen, seed=0)
    assert {key: model.task for key, model in models.items()} == {
        "accuracy@cora": "cora",
        "accuracy@arxiv": "arxiv",
        "latency_ms@gpu@arxiv": "arxiv",
    }
    cells = Surrogates(parse_request(CELLS).problem()).maps
    assert len({id(look) for look in cells.values()}) == 1


def test_a_member_must_be_admitted_by_every_task():
    body = GRAPHS | {"constraints": [], "objectives": [{"metric": "accuracy"}]}
    alone = parse_request(body).problem()
    proteins = {"metric": "accuracy", "task": "proteins"}
    both = parse_request(body | {"objectives": [{"metric": "accuracy"}, proteins]}).problem()
    codes = alone.space.sample(300, np.random.default_rng(0))
    admitted = alone.space.allowed(codes, "proteins")
    assert (alone.gap(codes) == 0).all() and not admitted.all()
    assert ((both.gap(codes) == 0) == admitted).all()


@pytest.mark.parametrize("name", sorted(set(STRATEGIES.names()) - {"robot"}))
def test_every_strategy_suggests_for_several_tasks(name):
    about = parse_request(GRAPHS).problem()
    strategy, trace = STRATEGIES.get(name)(about, seed=0), []
    for _ in range(8):
        trace += strategy.suggest(1)
        codes = about.space.parse_many(trace[-1:])
        values = {}
        for quantity in about.quantities:
            exact = about.is_exact(quantity)
            values[quantity.key] = float(about.exact(quantity, codes)[0] if exact else codes.sum())
        strategy.observe([CompletedTrial(Observation(trace[-1], values, "test"))])
    assert len(set(trace)) == 8 and (about.gap(about.space.parse_many(trace)) == 0).all()


def test_a_continued_search_over_tasks_suggests_the_same():
    """Kept fields, one for each quantity and its own task's looks, hold what new ones learn at once."""
    about = parse_request(GRAPHS).problem()
    rng = np.random.default_rng(3)
    codes = about.space.sample(400, rng)
    codes = codes[about.gap(codes) == 0][:7]
    trials = []
    for text, row in zip(about.space.format(codes), codes, strict=True):
        values = {q.key: float(rng.normal()) for q in about.to_measure}
        values |= {q.key: float(about.exact(q, row[None])[0]) for q in about.quantities if about.is_exact(q)}
        values["latency_ms@gpu@arxiv"] = 10.0
        trials.append(CompletedTrial(Observation(text, values, "test")))
    whole, steps = (STRATEGIES.get("bayes")(about, seed=0) for _ in range(2))
    for trial in trials:
        steps.observe([trial])
        if len(steps.completed) >= 6:
            steps.suggest(1)
    whole.observe(trials)
    assert whole.suggest(2) == steps.suggest(2)
