"""Figures 1 and 2 of the comparison ``generation``: what raw samples are like, and what sampling costs."""

import resource
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np

from benchmarks.tables import Tables
from spaces.known import get_space
from spaces.space import Codes, Floats

LABELS = 156
"""Labels of the steering predictor, as in the comparison ``predictors``."""
RAW = 1000
REPEATS = 5
TRAINING_STEPS = 500
"""Training steps on a share of ``nasbench201``. Few are enough: there every filling is a valid cell, and all
are equally likely."""


class PredictorGuide:
    """Steers by a predictor's mean in normal scores, and counts the architectures that it weighs.

    Attributes:
        asked: architectures so far.
    """

    def __init__(self, predictor: object, strength: float) -> None:
        self.predictor = predictor
        self.strength = strength
        self.asked = 0

    def log_weight(self, codes: Codes) -> Floats:
        """Log weights (b,)."""
        self.asked += len(codes)
        mean, _ = self.predictor.scored(codes)  # type: ignore[attr-defined]
        result: Floats = self.strength * mean
        return result


def labelled(
    tables: Tables, space: str, key: str, seed: int, *, count: int = LABELS, task: str | None = None
) -> object:
    """Boosted trees that learned ``count`` random labels of a table's column."""
    from predictors.kinds.gbdt import GbdtPredictor

    codes = tables.architectures(space, key)
    rows = np.random.default_rng([seed, count]).permutation(len(codes))[:count]
    predictor = GbdtPredictor(get_space(space), task=task, seed=seed)
    return predictor.fit(codes[rows], tables.values(space, key, codes[rows]))


def shared_training(share: float, seeds: int) -> list[dict[str, float]]:
    """Raw samples of a masked diffusion that was trained on a share of ``nasbench201``, one draw a seed."""
    from generator.masked.train import TrainingOptions, train_generator
    from generator.score_sde.weights import share_figures
    from generator.split import training_share

    space = get_space("nasbench201")
    learned = training_share(space, share)
    model, _ = train_generator(space, architectures=learned, options=TrainingOptions(steps=TRAINING_STEPS))
    answers = []
    for seed in range(seeds):
        drawn = model.sample(RAW, seed=seed)
        answers.append(_numbers(share_figures(drawn.codes[drawn.valid], learned, RAW)))
    return answers


def uniform_draws(share: float, seed: int) -> dict[str, float]:
    """The same figures of exact uniform draws."""
    from generator.score_sde.weights import share_figures
    from generator.split import training_share

    space = get_space("nasbench201")
    codes = space.sample(RAW, np.random.default_rng([seed, 7]))
    return _numbers(share_figures(codes, training_share(space, share), RAW))


def _numbers(figures: dict[str, object]) -> dict[str, float]:
    return {name: float(str(value)) for name, value in figures.items()}


def raw_architectures(space: str, seed: int) -> float:
    """Share of 500 raw samples of a shipped generator that are architectures, in %."""
    from generator.masked.weights import load_generator

    return 100 * float(load_generator(space).sample(500, seed=seed).valid.mean())


def conditional_likelihood(seed: int, count: int = 60) -> dict[str, float]:
    """Mean log density of ``nasbench201`` cells given all their statistics, in nats, and the exact one.

    Exactly, every cell with these statistics is equally likely.
    """
    from generator.masked.density import exact_log_density
    from generator.masked.weights import load_generator

    model = load_generator("nasbench201")
    everyone = model.space.enumerate()
    table = np.stack(list(model.space.statistics(everyone).values()), axis=1).round(9)
    _, group, sizes = np.unique(table, axis=0, return_inverse=True, return_counts=True)
    rows = np.random.default_rng([seed, 3]).integers(len(everyone), size=count)
    targets = model.conditions.of_codes(model.space, everyone[rows])
    return {
        "exact": float(-np.log(sizes[group[rows]]).mean()),
        "eight": float(exact_log_density(model, everyone[rows], steps=8, targets=targets).mean()),
        "many": float(exact_log_density(model, everyone[rows], steps=100, targets=targets).mean()),
        "free": float(exact_log_density(model, everyone[rows], steps=8).mean()),
    }


def in_a_process_of_its_own(tables: Tables, space: str, task: str) -> dict[str, Any]:
    """The speed of :func:`steered_speed` with the peak memory of a process that does nothing else."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(steered_speed, tables.cache_dir, tables.data_dir, space, task).result()


def steered_speed(cache_dir: object, data_dir: object, space: str, task: str) -> dict[str, Any]:
    """1,000 unique architectures, steered by boosted trees: seconds when warm, network calls, peak memory."""
    from generator.generate import generate
    from generator.masked.weights import load_generator

    tables = Tables(cache_dir, data_dir)  # type: ignore[arg-type]
    model = load_generator(space)
    guide = PredictorGuide(labelled(tables, space, f"accuracy@{task}", 0, task=task), 3.0)
    generate(model, RAW, seed=0, guide=guide)
    walls: list[float] = []
    cpus: list[float] = []
    calls: list[float] = []
    for seed in range(1, REPEATS + 1):
        began, spent, before = time.perf_counter(), time.process_time(), model.calls
        found = generate(model, RAW, seed=seed, guide=guide)
        walls.append(time.perf_counter() - began)
        cpus.append(time.process_time() - spent)
        calls.append(float(model.calls - before))
        assert len(found.codes) == RAW
    return {
        "seconds": walls,
        "cpu-seconds": cpus,
        "calls": calls,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def score_sde_speed(tables: Tables, count: int) -> dict[str, float]:
    """``score_sde`` on one batch, guided by a noise-aware predictor, and raw samples' validity."""
    from encoders.threads import fixed_threads
    from generator.score_sde.train import train_noisy_predictor
    from generator.score_sde.weights import load_score_sde

    space = get_space("nasbench201")
    model = load_score_sde("nasbench201")
    key = "accuracy@cifar10"
    codes = tables.architectures("nasbench201", key)
    rows = np.random.default_rng([0, LABELS]).permutation(len(codes))[:LABELS]
    values = tables.values("nasbench201", key, codes[rows])
    with fixed_threads():
        predictor = train_noisy_predictor(space, codes[rows], values, steps=300)
        calls, began, spent = model.calls, time.perf_counter(), time.process_time()
        drawn = model.sample(count, seed=1, predictor=predictor)
        wall, cpu = time.perf_counter() - began, time.process_time() - spent
    accuracy = tables.values("nasbench201", key, drawn.codes[drawn.valid])
    return {
        "seconds": wall,
        "cpu_seconds": cpu,
        "calls": float(model.calls - calls),
        "valid": 100 * float(drawn.valid.mean()),
        "unique": 100 * len(np.unique(drawn.codes[drawn.valid], axis=0)) / max(int(drawn.valid.sum()), 1),
        "mean_accuracy": float(accuracy.mean()) if len(accuracy) else 0.0,
        "uniform_accuracy": float(tables.values("nasbench201", key, codes).mean()),
    }


def score_sde_samples(count: int, seed: int) -> dict[str, float]:
    """Raw samples of the shipped ``score_sde``, unguided."""
    from encoders.threads import fixed_threads
    from generator.score_sde.weights import SHARE, load_score_sde, share_figures
    from generator.split import training_share

    model = load_score_sde("nasbench201")
    with fixed_threads():
        drawn = model.sample(count, seed=seed + 100)
    learned = training_share(model.space, SHARE)
    return _numbers(share_figures(drawn.codes[drawn.valid], learned, count))
