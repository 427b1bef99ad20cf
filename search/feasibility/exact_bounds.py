"""Architectures within the exact bounds, found without a model; and the nearest one where there is none."""

import numpy as np

from search.problem import Problem
from spaces.space import Codes

DRAW = 4096
ROUNDS = 32
DESCENT_STEPS = 200
STARTS = 8
LISTED = 50_000
"""Spaces of this size or smaller are listed rather than searched where nothing may be missed."""


def draw_feasible(problem: Problem, count: int, rng: np.random.Generator, *, exclude: Codes) -> Codes:
    """Up to ``count`` distinct architectures drawn uniformly from those within the exact bounds, (m, v).

    Rejection from uniform draws, in at most ``ROUNDS`` rounds; fewer are returned where bounds are tight.
    """
    space = problem.space
    seen = {row.tobytes() for row in exclude}
    found: list[np.ndarray[tuple[int], np.dtype[np.int8]]] = []
    for _ in range(ROUNDS):
        codes = space.sample(DRAW, rng)
        for row in codes[problem.gap(codes) <= 0]:
            if row.tobytes() not in seen:
                seen.add(row.tobytes())
                found.append(row)
                if len(found) == count:
                    return np.stack(found)
    return np.stack(found) if found else exclude[:0]


def nearest_architecture(problem: Problem, rng: np.random.Generator) -> tuple[Codes, float]:
    """The architecture (v,) with the smallest gap to the exact bounds.

    Found among all architectures where these can be listed, else by descent over neighbours from good draws.

    Returns:
        its codes, and its gap: 0 where it satisfies them all
    """
    space = problem.space
    if space.size <= LISTED:
        codes = space.enumerate()
        gaps = problem.gap(codes)
        return codes[gaps.argmin()], float(gaps.min())
    codes = space.sample(DRAW, rng)
    gaps = problem.gap(codes)
    best, best_gap = codes[gaps.argmin()], float(gaps.min())
    for start in codes[np.argsort(gaps, kind="stable")[:STARTS]]:
        row, gap = start, float(problem.gap(start[None])[0])
        for _ in range(DESCENT_STEPS):
            around = space.neighbours(row)
            around_gaps = problem.gap(around)
            if gap <= 0 or around_gaps.min() >= gap:
                break
            row, gap = around[around_gaps.argmin()], float(around_gaps.min())
        if gap < best_gap:
            best, best_gap = row, gap
    return best, best_gap
