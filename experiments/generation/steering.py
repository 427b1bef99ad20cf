"""Figure 3 of the comparison ``generation``: whether steering finds what ranking and evolution find."""

import time
from collections.abc import Callable

import numpy as np

from benchmarks.tables import Tables
from experiments.generation.samples import PredictorGuide, labelled
from spaces.known import get_space
from spaces.space import Codes, Floats, Space

TOP = 10
STRENGTH = 6.0
PARTICLES = 512
ROUNDS, REFINEMENTS, CLIMBS = 5, 4, 12
POPULATION = 100
TOURNAMENT = 10
CHILDREN = 50
"""Children that evolution weighs at once: the trees take as long for one as for fifty."""


def against_ranking(tables: Tables, task: str, seed: int) -> dict[str, float]:
    """Best true accuracy among ten generated cells, and among the ten that a ranking of all cells puts first.

    Both use the same trees, which learned 156 labels.
    """
    from generator.generate import GenerateOptions, generate
    from generator.masked.weights import load_generator

    key = f"accuracy@{task}"
    predictor = labelled(tables, "nasbench201", key, seed, task=task)
    guide = PredictorGuide(predictor, STRENGTH)
    everyone = tables.architectures("nasbench201", key)
    ranked = everyone[np.argsort(-guide.log_weight(everyone), kind="stable")[:TOP]]
    guide.asked = 0
    options = GenerateOptions(particles=PARTICLES, rounds=4, refinements=3)
    found = generate(load_generator("nasbench201"), TOP, seed=seed, guide=guide, options=options)
    mine = tables.values("nasbench201", key, found.codes)
    theirs = tables.values("nasbench201", key, ranked)
    return {
        "generated": float(mine.max()),
        "ranked": float(theirs.max()),
        "weighed": float(guide.asked),
    }


def against_rivals(tables: Tables, space_name: str, key: str, task: str, seed: int) -> dict[str, float]:
    """The best objective, as the same trees predict it, of generation, evolution and random draws.

    The rivals get the seconds that generation took, and apart from that five times its predictor calls.
    """
    from generator.generate import GenerateOptions, generate
    from generator.masked.weights import load_generator

    space = get_space(space_name)
    predictor = labelled(tables, space_name, key, seed, task=task)
    model = load_generator(space_name)
    guide = PredictorGuide(predictor, STRENGTH)
    options = GenerateOptions(particles=PARTICLES, rounds=ROUNDS, refinements=REFINEMENTS, climbs=CLIMBS)
    generate(model, 1, seed=seed, guide=guide, options=GenerateOptions(particles=64, rounds=1))  # warms up
    guide.asked = 0
    began = time.perf_counter()
    found = generate(model, TOP, seed=seed, guide=guide, options=options)
    seconds, calls = time.perf_counter() - began, guide.asked
    answer = {
        "generated": float(found.log_weights[0]) / STRENGTH,
        "seconds": seconds,
        "calls": float(calls),
    }
    for name, rival in (("evolution", evolve), ("random", draw)):
        for limit, most_calls, most_seconds in (("calls", 5 * calls, 1e9), ("seconds", 10**9, seconds)):
            guide.asked = 0
            rng = np.random.default_rng([seed, 11])
            best = rival(space, guide.log_weight, rng, most_calls, most_seconds)
            answer[f"{name}_{limit}"] = best / STRENGTH
            answer[f"{name}_{limit}_calls"] = float(guide.asked)
    return answer


def evolve(
    space: Space,
    weigh: Callable[[Codes], Floats],
    rng: np.random.Generator,
    most_calls: int,
    most_seconds: float,
) -> float:
    """Regularized evolution (Real et al. 2019): the oldest die; the best weight it saw."""
    began = time.perf_counter()
    population = space.sample(POPULATION, rng)
    weights = weigh(population)
    best, calls = float(weights.max()), POPULATION
    while calls < most_calls and time.perf_counter() - began < most_seconds:
        entrants = rng.integers(len(population), size=(CHILDREN, TOURNAMENT))
        parents = entrants[np.arange(CHILDREN), weights[entrants].argmax(axis=1)]
        children = np.stack([_mutated(space, population[row], rng) for row in parents])
        news = weigh(children)
        population = np.concatenate([population[CHILDREN:], children])
        weights = np.concatenate([weights[CHILDREN:], news])
        best, calls = max(best, float(news.max())), calls + CHILDREN
    return best


def _mutated(space: Space, codes: Codes, rng: np.random.Generator) -> Codes:
    around = space.neighbours(codes)
    row: Codes = around[rng.integers(len(around))]
    return row


def draw(
    space: Space,
    weigh: Callable[[Codes], Floats],
    rng: np.random.Generator,
    most_calls: int,
    most_seconds: float,
) -> float:
    """Uniform draws; the best weight among them."""
    began, best, calls = time.perf_counter(), -np.inf, 0
    while calls < most_calls and time.perf_counter() - began < most_seconds:
        batch = min(512, most_calls - calls)
        best = max(best, float(weigh(space.sample(batch, rng)).max()))
        calls += batch
    return best
