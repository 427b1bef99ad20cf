"""Rivals in the shape of a strategy, and the values they are evaluated on in mnasnet."""

import pytest

from benchmarks.tables import Tables
from experiments.search.bounded import QUEST
from experiments.search.rival_space import admitted_choices
from experiments.search.runs import FIRST, Quest, begun_alike, best_after, follow, make, methods
from search.trial import CompletedTrial
from spaces.known import get_space
from spaces.metric import Observation, Quantity

ACCURACY = Quantity("accuracy", task="proteins")
PROTEINS = Quest("gnn", "proteins", (ACCURACY,))
TWO = Quest(
    "gnn", "cora", (Quantity("accuracy", task="cora"), Quantity("latency_ms", device="gpu", task="cora"))
)
RIVALS = ("optuna-tpe", "optuna-nsga2", "syne-kde", "syne-evolution")


@pytest.mark.parametrize("method", RIVALS)
def test_a_rival_proposes_new_members_that_the_task_admits(method: str) -> None:
    problem = PROTEINS.problem

    def counted(architecture: str) -> Observation:
        return Observation(architecture, {ACCURACY.key: 50.0 + architecture.count("gcn")}, "test")

    found = [o.architecture for o, _ in follow(make(method, problem, 0), counted, 40)]
    assert len(set(found)) == 40
    codes = problem.space.parse_many(found)
    assert problem.space.format(codes) == found
    assert (problem.gap(codes) == 0).all()


def test_rivals_are_offered_only_what_the_task_admits() -> None:
    offered = admitted_choices(PROTEINS.problem)
    names = get_space("gnn").variables[1].choices
    assert [names[place] for place in offered["op1"]] == ["gcn", "sage", "arma", "fc", "skip"]
    assert all(len(places) == 5 for name, places in offered.items() if name != "topology")
    mnasnet = get_space("mnasnet")
    assert admitted_choices(QUEST.problem) == {v.name: [*range(len(v.choices))] for v in mnasnet.variables}


def test_a_rival_with_two_objectives_and_a_failure() -> None:
    for method in methods(2)[1:]:
        strategy = make(method, TWO.problem, 0)
        for number in range(6):
            (architecture,) = strategy.suggest(1)
            values = {"accuracy@cora": 70.0 + number, "latency_ms@gpu@cora": 5.0 + number}
            observation = Observation(architecture, values, "test")
            if number == 3:
                observation = Observation(architecture, {}, "test", failed="no memory")
            strategy.observe([CompletedTrial(observation)])
        assert len({trial.architecture for trial in strategy.completed}) == 6


@pytest.mark.parametrize("quest", [PROTEINS, TWO, QUEST], ids=["one", "two", "bounded"])
def test_runs_of_a_seed_begin_alike_and_rivals_learn_from_it(quest: Quest) -> None:
    problem = quest.problem

    def counted(architecture: str) -> Observation:
        size = float(len(architecture.encode()) + sum(architecture.encode()) % 7)
        return Observation(architecture, {quantity.key: size for quantity in problem.to_measure}, "test")

    begun = {}
    for method in methods(len(quest.objectives)):
        strategy = make(method, problem, 3)
        found = [*begun_alike(problem, counted, method, 3, FIRST + 2)]
        begun[method] = [observation.architecture for observation, _ in found[:FIRST]]
        assert len({observation.architecture for observation, _ in found}) == FIRST + 2
        strategy.observe([CompletedTrial(observation) for observation, _ in found])
        if method.startswith("optuna"):
            assert len(strategy.study.get_trials()) == FIRST + 2  # type: ignore[attr-defined]
        if method.startswith("syne"):
            assert strategy.count == FIRST + 2  # type: ignore[attr-defined]
    assert len(set(map(tuple, begun.values()))) == 1


def test_missing_a_bound_is_worse_than_any_accuracy_for_a_searcher_that_knows_no_bounds() -> None:
    strategy = make("syne-kde", QUEST.problem, 0)
    observations = [
        Observation("x", {"accuracy@imagenet": accuracy, "latency_ms@zcu102": latency}, "test")
        for accuracy, latency in ((40.0, 4.0), (70.0, 4.4), (70.0, 8.0))
    ]
    kept, near, far = (strategy._result(observation)["objective0"] for observation in observations)  # type: ignore[attr-defined]
    assert kept < near < far


def test_optuna_learns_measured_bounds_as_constraints() -> None:
    strategy = make("optuna-tpe", QUEST.problem, 0)
    for latency in (3.0, 6.0):
        (architecture,) = strategy.suggest(1)
        values = {"accuracy@imagenet": 60.0, "latency_ms@zcu102": latency}
        strategy.observe([CompletedTrial(Observation(architecture, values, "test"))])
    assert strategy.study.best_trial.number == 0  # type: ignore[attr-defined]


def test_the_evaluating_trees_of_mnasnet_predict_networks_that_they_never_saw(tables: Tables) -> None:
    from experiments.search.bounded import bounded_search, quality_of_trees

    if (reason := tables.available("mnasnet", "accuracy@imagenet")) is not None:
        pytest.skip(reason)
    quality = quality_of_trees(tables)
    assert all(r2 > 0.97 and rho > 0.98 for r2, rho in quality.values())
    reached = bounded_search(tables, "evolution", 0)
    assert reached == sorted(reached)
    assert reached[-1] > reached[0] > 45


def test_what_a_run_reached_counts_its_first_evaluations() -> None:
    assert best_after({"values": [[1.0], [3.0], [9.0]], "seconds": []}, 2) == 3.0
