"""Designs from request to result, on real tables."""

import json

import numpy as np
import pytest

from search.design import EvaluationsFailed, run_design
from search.problem import Problem
from search.request.design_request import InvalidRequest, parse_request
from search.run.loop import Stopped
from search.strategies import STRATEGIES
from search.trial import CompletedTrial
from spaces.known import get_space
from spaces.metric import Observation, Quantity

QUICK = {
    "space": "nasbench201",
    "task": "cifar10-int8-ptq",
    "constraints": [{"metric": "params_m", "max": 0.5}],
    "count": 4,
    "evaluations": 8,
    "evaluator": "table",
    "seed": 1,
}


def design(tables, **change):
    events = []
    outcome = run_design(parse_request(QUICK | change), tables=tables, on_event=events.append)
    json.dumps(outcome.result, allow_nan=False)
    return outcome, events


def test_what_is_returned_is_measured_ranked_and_within_the_bound(tables):
    outcome, events = design(tables)
    assert outcome.state == "succeeded"
    rows = outcome.result["architectures"]
    assert [row["rank"] for row in rows] == [1, 2, 3, 4]
    space = get_space("nasbench201")
    codes = space.parse_many(row["architecture"] for row in rows)
    assert (space.statistics(codes)["params_m"] <= 0.5).all()
    truth = tables.values("nasbench201", "accuracy@cifar10-int8-ptq", codes)
    said = [row["metrics"]["accuracy@cifar10-int8-ptq"] for row in rows]
    assert [metric["source"] for metric in said] == ["measured"] * 4
    assert [metric["mean"] for metric in said] == pytest.approx(list(truth)) and (np.diff(truth) <= 0).all()
    observed = [event for event in events if event.kind == "observed"]
    assert [event.done for event in observed] == list(range(1, 9))
    assert outcome.result["evaluated"] == 8 and outcome.result["models"]["generator"].startswith("sha256:")


def test_a_successor_continues_where_the_killed_one_stopped(tables):
    whole, events = design(tables)
    stored = [event.observations[0] for event in events if event.kind == "observed"][:6]
    later = []
    resumed = run_design(parse_request(QUICK), tables=tables, stored=stored, on_event=later.append)
    assert [event.done for event in later if event.kind == "observed"] == [7, 8]
    assert resumed.result["architectures"] == whole.result["architectures"]


def test_stops_between_evaluations_when_asked(tables):
    seen = []
    with pytest.raises(Stopped):
        run_design(
            parse_request(QUICK), tables=tables, on_event=seen.append, should_stop=lambda: len(seen) >= 3
        )
    assert len(seen) == 3


def test_without_evaluations_shipped_predictors_steer(tables):
    outcome, _ = design(tables, evaluations=0, evaluator=None, count=20)
    rows = outcome.result["architectures"]
    metric = rows[0]["metrics"]["accuracy@cifar10-int8-ptq"]
    assert len(rows) == 20 and metric["source"] == "predicted" and metric["lower"] < metric["upper"]
    codes = get_space("nasbench201").parse_many(row["architecture"] for row in rows)
    truth = tables.values("nasbench201", "accuracy@cifar10-int8-ptq", codes)
    architectures = get_space("nasbench201").enumerate()
    rivals = architectures[get_space("nasbench201").statistics(architectures)["params_m"] <= 0.5]
    values = tables.values("nasbench201", "accuracy@cifar10-int8-ptq", rivals)
    # Half of the proposals are among the best tenth within the bound; by chance about once in 10⁶ runs.
    assert np.median(truth) > np.quantile(values, 0.9)


def test_a_predicted_bound_is_met_with_the_asked_confidence(tables):
    outcome, _ = design(
        tables,
        space="gnn",
        task="arxiv",
        constraints=[{"metric": "latency_ms", "device": "gpu", "max": 40.0}],
        evaluations=0,
        evaluator=None,
        count=10,
    )
    rows = outcome.result["architectures"]
    assert len(rows) == 10 and all(row["feasible_probability"] >= 0.9 for row in rows)
    assert all(row["metrics"]["latency_ms@gpu@arxiv"]["source"] == "predicted" for row in rows)
    codes = get_space("gnn").parse_many(row["architecture"] for row in rows)
    truth = tables.values("gnn", "latency_ms@gpu@arxiv", codes)
    # At the asked confidence seven or more of ten hold in 99 % of draws.
    assert (truth <= 40.0).sum() >= 7


@pytest.mark.parametrize("bound", [{"metric": "params_m", "max": 0.05}, {"metric": "macs_m", "min": 900.0}])
def test_unsatisfiable_exact_bounds_end_infeasible_with_the_nearest(tables, bound):
    outcome, events = design(tables, constraints=[bound])
    assert outcome.state == "infeasible" and outcome.reason and not events
    (gap,) = outcome.result["gaps"]
    value = outcome.result["nearest"]["values"][bound["metric"]]
    everyone = get_space("nasbench201").statistics(get_space("nasbench201").enumerate())[bound["metric"]]
    assert value == pytest.approx(everyone.min() if "max" in bound else everyone.max())
    assert gap["gap"] == pytest.approx(abs(value - (bound.get("max") or bound.get("min"))))


def test_the_nearest_to_an_unsatisfiable_predicted_bound_is_near_in_truth(tables):
    bound = {"metric": "latency_ms", "device": "gpu", "max": 0.0001}
    outcome, _ = design(tables, space="gnn", task="arxiv", constraints=[bound], evaluations=0, evaluator=None)
    assert outcome.state == "infeasible" and "likeliest" in outcome.reason
    space = get_space("gnn")
    codes = space.parse_many([outcome.result["nearest"]["architecture"]])
    truth = tables.values("gnn", "latency_ms@gpu@arxiv", codes)[0]
    everyone = tables.values("gnn", "latency_ms@gpu@arxiv", space.enumerate())
    assert truth < np.quantile(everyone, 0.05)
    assert outcome.result["gaps"][0]["gap"] > 0


def test_too_few_evaluations_are_not_said_to_prove_anything(tables):
    bound = {"metric": "latency_ms", "device": "gpu", "max": 1.0}
    outcome, _ = design(tables, space="gnn", task="arxiv", constraints=[bound], evaluations=1)
    assert outcome.state == "infeasible" and "too few evaluations" in outcome.reason


def test_when_every_evaluation_failed_the_design_fails_with_the_reason(tables):
    codes = get_space("nasbench201").format(get_space("nasbench201").enumerate()[:8])
    stored = [Observation(member, {}, "test", failed="out of memory") for member in codes]
    with pytest.raises(EvaluationsFailed, match="out of memory"):
        run_design(parse_request(QUICK), tables=tables, stored=stored)


def test_few_labels_predict_nothing_impossible(tables):
    outcome, _ = design(tables, constraints=[], evaluations=3, seed=3, count=10)
    metrics = [row["metrics"]["accuracy@cifar10-int8-ptq"] for row in outcome.result["architectures"]]
    assert len(metrics) == 10 and all(0 <= metric["mean"] <= 100 for metric in metrics)
    # No interval can be promised after three labels, so no prediction comes before a measurement.
    sources = [metric["source"] for metric in metrics]
    assert sources == ["measured"] * 3 + ["predicted"] * 7


def test_several_objectives_spread_along_the_front(tables):
    outcome, _ = design(
        tables,
        constraints=[],
        objectives=[{"metric": "accuracy"}, {"metric": "params_m"}],
        evaluations=0,
        evaluator=None,
        count=10,
    )
    params = [row["metrics"]["params_m"]["mean"] for row in outcome.result["architectures"]]
    assert len(outcome.result["pareto"]) >= 5 and max(params) > 4 * min(params)


def test_unsatisfiable_measured_bound_ends_infeasible(tables):
    outcome, _ = design(
        tables,
        space="gnn",
        task="arxiv",
        constraints=[{"metric": "latency_ms", "device": "gpu", "max": 0.0001}],
        evaluations=8,
    )
    assert outcome.state == "infeasible" and outcome.result["evaluated"] == 8
    assert outcome.result["gaps"][0]["constraint"] == "latency_ms@gpu@arxiv"


def test_a_task_with_fewer_operations_is_respected(tables):
    outcome, _ = design(tables, space="gnn", task="proteins", constraints=[], evaluations=8, count=8)
    space = get_space("gnn")
    codes = space.parse_many(row["architecture"] for row in outcome.result["architectures"])
    assert space.allowed(codes, "proteins").all() and outcome.result["evaluated"] == 8


def test_what_no_table_or_model_can_answer_is_refused(tables):
    request = parse_request(QUICK | {"evaluations": 0, "evaluator": None, "constraints": []})
    assert run_design(request, tables=tables).state == "succeeded"
    space = get_space("nasbench201")
    assert "latency_ms" in space.metrics
    with pytest.raises(InvalidRequest) as caught:
        parse_request(QUICK | {"constraints": [{"metric": "latency_ms", "device": "unknown", "max": 1}]})
    assert caught.value.errors[0].field == "constraints[0].device"


@pytest.mark.parametrize(("strategy", "draws"), [("bayes", 5), ("random", 8)])
def test_the_baseline_is_what_evaluated_uniform_draws_gave(tables, strategy, draws):
    outcome, events = design(
        tables, space="gnn", task="arxiv", constraints=[], evaluations=8, strategy=strategy, count=2
    )
    values = [event.data["values"]["accuracy@arxiv"] for event in events if event.kind == "observed"]
    found = outcome.result["baseline"]
    assert found["draws"] == draws and found["random_mean"] == pytest.approx(
        np.mean(values[:draws]), abs=1e-4
    )
    gain = 100 * (max(values) / np.mean(values[:draws]) - 1)
    assert found["relative_improvement_percent"] == pytest.approx(gain, abs=0.01)


def test_a_baseline_is_never_predicted(tables):
    without, _ = design(tables, evaluations=0, evaluator=None, count=2)
    scored_first, _ = design(tables, evaluations=6)  # drawn from what zero-cost proxies find promising
    assert without.result["baseline"] is None and scored_first.result["baseline"] is None
    exact, _ = design(
        tables, objectives=[{"metric": "macs_m"}], constraints=[], evaluations=0, evaluator=None, count=2
    )
    assert exact.result["baseline"]["draws"] > 5


@pytest.mark.parametrize("name", ["random", "evolution", "local", "annealing", "bayes", "transfer"])
def test_what_is_said_to_be_drawn_uniformly_is(tables, name):
    """The first evaluations do not depend on what came out of the ones before."""
    problem = Problem(get_space("gnn"), "cora", (Quantity("accuracy", task="cora"),), ())
    names = []
    for sign in (1, -1):
        strategy = STRATEGIES.get(name)(problem, seed=3)
        for number in range(6):
            (architecture,) = strategy.suggest(1)
            value = 80.0 + sign * number
            strategy.observe([CompletedTrial(Observation(architecture, {"accuracy@cora": value}, "test"))])
        names.append([trial.architecture for trial in strategy.completed])
    sure = strategy.uniform_first()
    assert names[0][:sure] == names[1][:sure]
    assert (sure == 0) == (name == "transfer")
