"""Speed of features and predictors within one process; rows of ``netwright compare throughput``."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from experiments.framework.context import Context
from experiments.framework.row import NO_TABLE, Row
from spaces.known import get_space
from spaces.space import Codes

CELLS = 100_000
"""Draws, not distinct cells: the small spaces have fewer architectures."""
EMBEDDED = 20_000
CHUNK = 10_000
CORES = 2
REPEATS = 5
FEATURES = ("nasbench201", "gnn", "mnasnet", "fbnet")
TASKS = {"gnn": "arxiv"}
TREES = (("nasbench201", "accuracy@cifar10-int8-ptq"), ("gnn", "accuracy@arxiv"))
LABELS = 300
NETWORKS = ("nasbench201", "gnn", "mnasnet")
GOAL_OF_FEATURES, GOAL_OF_TREES, GOAL_OF_NETWORKS = 500_000, 200_000, 30_000

PROTOCOL = f"""\
7, in process: {CELLS:,} cells drawn with replacement, in calls of {CHUNK:,}, the mean of {REPEATS}
passes after one that is not counted; a call has one core. Features: codes to the default training-free
features, per second of one core's own time. Predictors: codes to mean, std and interval, {CORES} threads at
once, by the wall's clock; -a-core is per second of processor time, which other work on the machine lengthens
little. gbdt as it ships; neural with {LABELS} labels of depth, embeddings of the two small spaces looked up;
networks: codes to embeddings computed anew, on one core."""


def per_second(ask: Callable[[Codes], object], codes: Codes, threads: int) -> dict[str, list[float]]:
    """Cells a second of each pass: by the wall's clock, and by the processor's own time a core.

    Args:
        ask: what is measured.
        codes: (b, v), cut into calls of ``CHUNK``.
        threads: calls at once.
    """
    from threadpoolctl import threadpool_limits

    chunks = [codes[start : start + CHUNK] for start in range(0, len(codes), CHUNK)]
    wall, processor = [], []
    # As servers run: threads of a matrix product would take the core of the other caller.
    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        for _ in range(1 + REPEATS):
            began, spent = time.perf_counter(), time.process_time()
            list(pool.map(ask, chunks))
            wall.append(time.perf_counter() - began)
            processor.append(time.process_time() - spent)
    return {
        "wall": [len(codes) / seconds for seconds in wall[1:]],
        "core": [len(codes) / seconds for seconds in processor[1:]],
    }


def in_process(context: Context) -> list[Row]:
    """Features of every space, shipped trees, tuned networks."""
    rows = []
    for name in FEATURES:
        speed = context.once(f"features {name}", features_per_second, name)["core"]
        goal = f">= {GOAL_OF_FEATURES}"
        rows.append(_speed(f"7-features-{name}", speed, goal))
    for name, key in TREES:
        speeds = context.once(f"gbdt {name}", trees_per_second, name, key)
        rows += _both(f"7-gbdt-{name}", speeds, GOAL_OF_TREES)
    for name in NETWORKS:
        speeds = context.once(f"neural {name}", networks_per_second, name)
        rows += _both(f"7-neural-{name}", speeds, GOAL_OF_NETWORKS)
        speed = context.once(f"networks {name}", embeddings_per_second, name)["core"]
        rows.append(_speed(f"7-networks-{name}", speed))
    return rows


def features_per_second(name: str) -> dict[str, list[float]]:
    """Cells of a space whose features are computed in a second."""
    from encoders.features import features

    space = get_space(name)
    return per_second(lambda codes: features(space, codes, TASKS.get(name)), _cells(name), 1)


def trees_per_second(name: str, key: str) -> dict[str, list[float]]:
    """Cells that the shipped model of a quantity predicts in a second."""
    from predictors.shipped import load

    return per_second(load(name, key).predict, _cells(name), CORES)


def networks_per_second(name: str) -> dict[str, list[float]]:
    """Cells that a tuned ensemble of a space predicts in a second."""
    from predictors.kinds.neural import NeuralPredictor

    space = get_space(name)
    codes = space.sample(LABELS, np.random.default_rng(1))
    values = space.statistics(codes, TASKS.get(name))["depth"]
    model = NeuralPredictor(space, task=TASKS.get(name), inflate=False).fit(codes, values)
    return per_second(model.predict, _cells(name), CORES)


def embeddings_per_second(name: str) -> dict[str, list[float]]:
    """Cells of a space that its pretrained networks embed in a second."""
    from encoders.pretrained.networks import load_pretrained

    return per_second(load_pretrained(name).embed, _cells(name)[:EMBEDDED], 1)


def _both(id: str, speed: dict[str, list[float]], goal: int) -> list[Row]:
    return [_speed(id, speed["wall"], f">= {goal}"), _speed(f"{id}-a-core", speed["core"])]


def _speed(id: str, passes: list[float], goal: str | None = None) -> Row:
    return Row.measured(id, passes, "cells/s", over="passes", goal=goal, evaluated_on=NO_TABLE)


def _cells(name: str) -> Codes:
    return get_space(name).sample(CELLS, np.random.default_rng(0))
