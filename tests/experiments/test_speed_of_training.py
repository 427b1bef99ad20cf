"""What trainings cost, from short ones."""

import time

import pytest

from experiments.service import of_training
from experiments.service.of_training import LONG, SHORT, seconds_of


def test_a_training_is_its_start_and_so_much_a_step(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(time, "process_time", lambda: clock[0])

    def train(steps: int) -> None:
        clock[0] += 7.0 + 0.5 * steps

    assert seconds_of(train, 1000) == pytest.approx(507.0)
    assert seconds_of(train, SHORT) == pytest.approx(7.0 + 0.5 * SHORT) and LONG > SHORT


def test_every_kind_that_ships_in_every_space_is_counted():
    parts = of_training._in_steps()
    assert {"encoder-gnn", "generator-fbnet", "pretrained-mnasnet"} <= parts.keys()
    assert "pretrained-fbnet" not in parts
