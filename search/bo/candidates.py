"""Candidates of an acquisition function: all architectures of a space, or a pool where there are too many."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from encoders.proxies import table as score_table
from generator import shipped
from search.bo.inputs import Inputs, every_input
from search.feasibility.exact_bounds import draw_feasible
from search.guides import ExactBoundsGuide, FunctionGuide
from search.problem import Problem
from spaces.space import ENUMERABLE, Bools, Codes, Floats

LISTED = ENUMERABLE
"""In spaces of at most this size all architectures are candidates."""
UNIFORM = 256
NEIGHBOURED = 8
"""The best observed architectures whose neighbourhoods join the pool."""
CLIMBED = 12
ROUNDS = 4
"""How often the neighbourhoods of the best of the pool join it."""
PARTICLES = 128

Acquisition = Callable[[Codes], Floats]
"""Codes (c, v) → (c,), larger is better."""


@lru_cache(maxsize=12)
def listed(problem: Problem, task: str | None = None) -> tuple[Codes, Inputs]:
    """Codes (c, v) of the architectures within the exact bounds of a space that can be enumerated, and their
    inputs (c, f) on a task, the problem's own unless said otherwise.
    """
    codes, inputs = every_input(problem.space, task or problem.task)
    within = problem.gap(codes) <= 0
    return codes[within], inputs[within]


@lru_cache(maxsize=4)
def rows_of(problem: Problem) -> dict[bytes, int]:
    """The codes of each of :func:`listed` → its row."""
    return {codes.tobytes(): row for row, codes in enumerate(listed(problem)[0])}


def fresh(problem: Problem, codes: Codes, taken: set[bytes]) -> Codes:
    """The distinct rows of codes (c, v) within the exact bounds that are not taken."""
    codes = np.unique(codes, axis=0)
    free = np.array([row.tobytes() not in taken for row in codes], dtype=bool)
    codes = codes[free]
    return codes[problem.gap(codes) <= 0] if len(codes) else codes


def pooled(
    problem: Problem, acquisition: Acquisition, best: Codes, taken: Codes, rng: np.random.Generator
) -> Codes:
    """A pool (c, v) of architectures that are not taken, in a space too large to list.

    Proposals of a steered generator where one ships, neighbours of the best and uniform draws; then, a few
    times, the neighbourhoods of the pool's best by the acquisition function.

    Args:
        problem: gives the space and the exact bounds.
        acquisition: ranks the pool.
        best: observed architectures (b, v), the best first.
        taken: codes (t, v) not wanted.
        rng: all randomness.
    """
    space = problem.space
    seen = {row.tobytes() for row in taken}
    parts = [space.neighbours(row) for row in best[:NEIGHBOURED]]
    parts.append(draw_feasible(problem, UNIFORM, rng, exclude=taken))
    if shipped.ships(space.name):
        parts.append(_generated(problem, acquisition, taken, rng))
    pool = fresh(problem, np.concatenate(parts), seen)
    for _ in range(ROUNDS):
        if not len(pool):
            return pool
        top = pool[np.argsort(-acquisition(pool), kind="stable")[:CLIMBED]]
        around = np.concatenate([space.neighbours(row) for row in top])
        wider = fresh(problem, np.concatenate([pool, around]), seen)
        if len(wider) == len(pool):
            break
        pool = wider
    return pool


def _generated(problem: Problem, acquisition: Acquisition, taken: Codes, rng: np.random.Generator) -> Codes:
    from generator.generate import GenerateOptions, generate
    from generator.guide import ProductGuide
    from generator.masked.diffusion import SamplerOptions
    from generator.masked.weights import load_generator

    found = generate(
        load_generator(problem.space.name),
        PARTICLES // 2,
        seed=int(rng.integers(2**62)),
        guide=ProductGuide([ExactBoundsGuide(problem), FunctionGuide(acquisition)]),
        gap=problem.gap,
        exclude=taken,
        options=GenerateOptions(particles=PARTICLES, rounds=1, sampler=SamplerOptions(steps=4)),
    )
    return found.codes


def promising(problem: Problem, share: float) -> Codes | None:
    """The share of the architectures within the exact bounds that zero-cost proxies rank first, (c, v).

    None where no proxies ship, or where the objective is not an accuracy alone.
    """
    if len(problem.objectives) > 1 or problem.objectives[0].metric != "accuracy":
        return None
    if not score_table.ships(problem.space.name):
        return None
    codes, _ = listed(problem)
    if not len(codes):
        return None
    consensus = score_table.scores(problem.space, codes).mean(axis=1)
    chosen: Codes = codes[np.argsort(-consensus, kind="stable")[: max(int(share * len(codes)), 20)]]
    return chosen


def chosen_rows(count: int, fitness: Floats, most: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Which of ``count`` observations to learn where there are too many: the best half, and an even choice.

    >>> chosen_rows(6, np.array([0.0, 5.0, 1.0, 2.0, 3.0, 4.0]), 4).tolist()
    [0, 1, 4, 5]
    """
    if count <= most:
        return np.arange(count)
    order = np.argsort(-fitness, kind="stable")
    best, others = order[: most // 2], np.sort(order[most // 2 :])
    even = others[np.unique(np.linspace(0, len(others) - 1, most - len(best)).astype(np.int64))]
    return np.sort(np.concatenate([best, even]))


def is_free(codes: Codes, taken: set[bytes]) -> Bools:
    """Which of codes (c, v) are not taken, (c,)."""
    return np.array([row.tobytes() not in taken for row in codes], dtype=bool)
