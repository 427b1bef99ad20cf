"""The short form of ``netwright compare asks``: its rows see an ability that is taken out."""

import pytest

from experiments.asks import own_device
from experiments.asks.own_device import TRAININGS, bounded_designs
from search.feasibility.predicted_bounds import PredictedBounds

SEEDS = [0, 1, 2]


def test_an_own_phone_bounds_what_is_trained_and_the_row_sees_it(tables, data_dir, monkeypatch):
    monkeypatch.setattr(own_device, "KNOWLEDGE", ("auto",))
    answer = bounded_designs(tables, "pixel3", SEEDS)
    assert answer["auto"]["succeeded"] == len(SEEDS) and answer["auto"]["trained"] == TRAININGS * len(SEEDS)
    assert answer["auto"]["over"] <= 1 and answer["uniform"] > 50
    monkeypatch.setattr(PredictedBounds, "gap", lambda self, codes: 0.0 * codes[:, 0])
    unbounded = bounded_designs(tables, "pixel3", SEEDS[:1])
    assert unbounded["auto"]["over"] == pytest.approx(TRAININGS)
