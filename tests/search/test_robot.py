"""RoBoT: what it needs, and what it is worth on real measurements."""

import numpy as np
import pytest

from encoders.proxies import table as score_table
from encoders.proxies.table import SMALL
from search.evaluators.table import TableEvaluator
from search.request.design_request import InvalidRequest, parse_request
from search.strategies.bayes import BayesStrategy
from search.strategies.robot import RobotStrategy
from search.strategy import Unsuitable
from search.trial import CompletedTrial

ORDER = {"space": "nasbench201", "task": "cifar10-fp32", "objectives": [{"metric": "accuracy"}]}


def test_where_its_own_scores_do_not_ship_others_do_not_stand_in(monkeypatch):
    problem = parse_request(ORDER | {"strategy": "robot"}).problem()
    ships = score_table.ships
    monkeypatch.setattr(
        score_table, "ships", lambda name, wanted=SMALL: wanted == SMALL and ships(name, wanted)
    )
    with pytest.raises(InvalidRequest) as caught:
        parse_request(ORDER | {"strategy": "robot"})
    assert [error.field for error in caught.value.errors] == ["strategy"]
    with pytest.raises(Unsuitable):
        RobotStrategy(problem)
    assert BayesStrategy(problem).suggest(1)


def test_twenty_evaluations_reach_the_best_thousandth(tables):
    """Random search reaches it in 2 % of searches."""
    problem = parse_request(ORDER).problem()
    table = TableEvaluator(problem, tables)
    strategy, best = RobotStrategy(problem, seed=0), -np.inf
    for _ in range(20):
        (architecture,) = strategy.suggest(1)
        observation = table.evaluate(architecture, lambda: False)
        strategy.observe([CompletedTrial(observation)])
        best = max(best, observation.values["accuracy@cifar10-fp32"])
    everything = tables.values("nasbench201", "accuracy@cifar10-fp32", problem.space.enumerate())
    assert (everything > best).mean() < 0.001
