"""No two architectures that compute the same function at equal cost are evaluated, suggested or returned."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from search.design import run_design
from search.request.design_request import DesignRequest, InvalidRequest, parse_request
from search.run.suggested import suggested
from search.strategies import STRATEGIES
from search.strategy import Exhausted, Strategy
from search.study import parse_study, strategy_of
from search.trial import CompletedTrial, PendingTrial
from search.twins import first_of_twins, function_keys, with_twins
from spaces.known import get_space
from spaces.metric import Observation

# Few parameters: most of these cells have edges that lead nowhere, and many twins.
SMALL = {
    "space": "nasbench201",
    "task": "cifar10-int8-ptq",
    "constraints": [{"metric": "params_m", "max": 0.1}],
    "count": 24,
}
FBNET = "|".join(["k3_e1", *["k3_e3"] * 21])


def twins_of(request, names):
    problem = request.problem()
    found = Counter(function_keys(problem, problem.space.parse_many(names)))
    return sum(count - 1 for count in found.values())


def designed(tables, body):
    request, events = parse_request(body), []
    result = run_design(request, tables=tables, on_event=events.append).result
    observed = [event.data["architecture"] for event in events if event.kind == "observed"]
    return request, [row["architecture"] for row in result["architectures"]], observed


@pytest.mark.parametrize("evaluations", [0, 12])
def test_what_is_returned_and_evaluated_are_different_networks(tables, evaluations):
    body = SMALL | {"evaluations": evaluations, "evaluator": "table"}
    request, names, observed = designed(tables, body)
    assert len(names) == 24 and len(observed) == evaluations
    assert twins_of(request, names) == twins_of(request, {*names, *observed}) == 0
    request, names, observed = designed(tables, body | {"distinct": "string"})
    assert twins_of(request, {*names, *observed}) > 0, "twins would come"


@pytest.mark.parametrize("strategy", ["random", "evolution", "local", "annealing", "bayes"])
def test_every_strategy_suggests_different_networks(strategy):
    request = parse_study(
        {name: value for name, value in SMALL.items() if name != "count"}
        | {"strategy": strategy, "objectives": [{"metric": "accuracy"}]}
    )
    chosen = strategy_of(request, None)
    names: list[str] = []
    for turn in range(3):
        batch = suggested(chosen, 12)
        assert len(batch) == 12
        names += batch
        values = {"accuracy@cifar10-int8-ptq": 80.0, "params_m": 0.1}
        seen = [
            CompletedTrial(Observation(name, values | {"accuracy@cifar10-int8-ptq": 80.0 + number}, "t"))
            for number, name in enumerate(batch[:9])
        ]
        chosen.observe(seen, [PendingTrial(name) for name in batch[9:]])
        assert twins_of(request, names[-12:]) == 0 and (turn or len(chosen.pending) == 3)
        chosen.observe([CompletedTrial(Observation(name, values, "t")) for name in batch[9:]])
    assert len(set(names)) == 36 and twins_of(request, names) == 0


class _Repeats(Strategy):
    """Suggests the twins of one network of a large space first, then another network."""

    name = "repeats"

    def suggest(self, count: int) -> list[str]:
        taken = {row.tobytes() for row in self.taken()}
        free = [row for row in CODES if row.tobytes() not in taken]
        if not free:
            raise Exhausted("none is left")
        return self.problem.space.format(np.stack(free[:count]))


def _fbnet(*orders):
    parts = FBNET.split("|")
    return get_space("fbnet").parse_many("|".join([*parts[:6], *order, *parts[9:]]) for order in orders)


CODES = _fbnet(
    ("skip", "k3_e3", "k5_e6"),
    ("k3_e3", "skip", "k5_e6"),
    ("k3_e3", "k5_e6", "skip"),
    ("k3_e3", "k5_e6", "k3_e3"),
)


def test_twins_in_a_space_too_large_to_list_are_asked_for_again():
    problem = parse_request(
        {"space": "fbnet", "task": "imagenet", "objectives": [{"metric": "params_m"}]}
    ).problem()
    assert problem.distinct and len(set(function_keys(problem, CODES))) == 2
    strategy = _Repeats(problem)
    first, last = problem.space.format(CODES[[0, 3]])
    assert suggested(strategy, 2) == [first, last]
    assert strategy.pending == ()
    strategy.observe([CompletedTrial(Observation(first, {}, "t", failed="no"))])
    assert suggested(strategy, 3) == [last]
    strategy.observe([], [PendingTrial(last)])
    with pytest.raises(Exhausted):
        suggested(strategy, 1)
    assert len(_Repeats(replace(problem, distinct=False)).suggest(9)) == 4
    assert len(first_of_twins(problem, CODES, CODES[:0], 4)) == 2
    assert len(first_of_twins(problem, CODES, CODES[:1], 4)) == 1


def test_twins_cost_the_same_and_others_stay():
    problem = parse_request(SMALL).problem()
    space = problem.space
    codes = space.sample(40, np.random.default_rng(0))
    twins = with_twins(problem, codes)
    assert len(twins) > len(np.unique(codes, axis=0))
    assert set(function_keys(problem, twins)) == set(function_keys(problem, codes))
    everyone = space.enumerate()
    keys = function_keys(problem, everyone)
    assert len(set(keys)) > len({space.isomorphism_key(row) for row in everyone}), "costs part twins"
    assert len(twins) == sum(key in set(function_keys(problem, codes)) for key in keys)


def test_the_field_is_stored_and_checked():
    assert "distinct" not in parse_request(SMALL).to_dict()
    request = parse_request(SMALL | {"distinct": "string"})
    assert DesignRequest.from_dict(request.to_dict()) == request and not request.problem().distinct
    with pytest.raises(InvalidRequest, match="distinct"):
        parse_request(SMALL | {"distinct": "no"})
    assert set(STRATEGIES.names()) >= {"bayes", "random"}
