"""The loop on real tables: order of events, failures, an early end."""

import pytest

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


def test_a_trial_without_values_or_reason_is_refused():
    with pytest.raises(ValueError, match="not finished"):
        CompletedTrial(Observation("x", {}, "test"))
