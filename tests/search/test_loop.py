"""The loop on real tables: order of events, failures, an early end."""

import json

import pytest

from search.evaluator import Evaluator
from search.evaluators.table import TableEvaluator
from search.request.design_request import parse_request
from search.run.loop import run
from search.strategies.random import RandomStrategy
from search.trial import CompletedTrial
from search.twins import function_keys
from spaces.metric import Observation

REQUEST = {"space": "gnn", "task": "proteins", "evaluations": 6, "evaluator": "table"}


def problem(**change):
    return parse_request(REQUEST | change).problem()


def test_each_evaluation_is_one_event_with_its_observation(tables):
    about = problem()
    events = []
    observations = run(RandomStrategy(about), TableEvaluator(about, tables), 6, on_event=events.append)
    assert [event.observations[0] for event in events] == observations
    assert [event.done for event in events] == [1, 2, 3, 4, 5, 6]
    assert len({observation.architecture for observation in observations}) == 6
    assert all("accuracy@proteins" in observation.values for observation in observations)


def test_an_architecture_that_is_not_in_the_table_fails_and_the_rest_goes_on(tables):
    about = problem()
    evaluator = TableEvaluator(about, tables)
    observation = evaluator.evaluate("0|0|0|0:gat|gat|gat|gat", lambda: False)
    assert observation.failed is not None and observation.values == {}
    assert about.feasible(observation) is False


def test_ends_early_when_the_feasible_members_are_used_up(tables):
    lightest = {"metric": "params_m", "max": 0.0734}
    body = {"space": "nasbench201", "task": "cifar10-fp32", "constraints": [lightest]}
    networks = run(RandomStrategy(problem(**body)), TableEvaluator(problem(**body), tables), 1000)
    about = problem(**body, distinct="string")
    events = []
    observations = run(RandomStrategy(about), TableEvaluator(about, tables), 1000, on_event=events.append)
    # Cells without any convolution: three free operations on six edges.
    assert len(observations) == 3**6 and events[-1].kind == "exhausted"
    keys = function_keys(about, about.space.parse_many(seen.architecture for seen in observations))
    assert len(networks) == len(set(keys)) == 184


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (float("nan"), "accuracy@proteins is nan and no finite number"),
        (float("inf"), "accuracy@proteins is inf and no finite number"),
        (101.0, "accuracy@proteins is 101 and lies outside the 0 to 100 % of accuracy"),
    ],
)
def test_a_value_that_its_metric_cannot_take_fails_its_evaluation_alone(value, said):
    class Odd(Evaluator):
        source = "odd"

        def evaluate(self, architecture, should_stop):
            values.append(80.0 if values else value)
            return Observation(architecture, {"accuracy@proteins": values[-1]}, self.source)

    values, events = [], []
    observations = run(RandomStrategy(problem()), Odd(), 3, on_event=events.append)
    assert observations[0].failed == f"odd brought a wrong value: {said}" and not observations[0].values
    assert [seen.values for seen in observations[1:]] == [{"accuracy@proteins": 80.0}] * 2
    json.dumps([event.data for event in events], allow_nan=False)


def test_a_trial_without_values_or_reason_is_refused():
    with pytest.raises(ValueError, match="not finished"):
        CompletedTrial(Observation("x", {}, "test"))
