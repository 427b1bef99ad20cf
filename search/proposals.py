"""Proposals: unevaluated architectures that models predict to be good, generated under all bounds, best
first."""

from dataclasses import dataclass

import numpy as np

from generator.generate import GenerateOptions, generate
from generator.guide import ProductGuide
from generator.masked.weights import has_generator, load_generator
from search.bo.candidates import pooled
from search.feasibility.confidence import confidence, confident, log_confidence
from search.feasibility.exact_bounds import LISTED, draw_feasible, nearest_architecture
from search.guides import ExactBoundsGuide, FunctionGuide
from search.models import Models
from search.pareto.front import fronts
from search.problem import Problem, relative_gap
from search.twins import first_of_twins
from spaces.space import Codes, Floats

REFERENCES = 512
STRENGTH = 6.0
"""Nats that one standard deviation of the space's predicted objective is worth."""
SURPLUS = 256
"""Generated beyond twice what is wanted: ranking chooses, and some are under the asked confidence."""
TRADE_OFFS = 5
"""Weightings of several objectives that are generated for, so that proposals spread along the front."""
NEIGHBOURED = 8
PARTICLES, ROUNDS, REFINEMENTS, CLIMBS = 512, 5, 2, 6
"""Effort of the generator for each weighting."""


@dataclass(frozen=True, slots=True)
class Proposals:
    """What was proposed.

    Shapes:
        codes: (m, v), best first, every predicted bound at the asked confidence; m may be 0
        likeliest: (v,), within the exact bounds, the likeliest to satisfy the predicted ones; of equally
            unlikely ones the one predicted to miss them by least. None where nothing is left
        probability: that it does
    """

    codes: Codes
    likeliest: Codes | None
    probability: float


def propose(problem: Problem, models: Models, count: int, *, seed: int, exclude: Codes) -> Proposals:
    """Up to ``count`` unevaluated architectures within the bounds, in falling order of the objective.

    Fewer come only where no more is found; in a space that can be listed, where there are no more.

    Args:
        problem: objectives and constraints.
        models: of every quantity that is not exact.
        count: how many are wanted.
        seed: every random choice follows from it.
        exclude: codes (e, v) not wanted.
    """
    rng = np.random.default_rng(seed)
    fitness = _Fitness(problem, models, rng)
    pool = _generated(problem, models, fitness, count, exclude, rng)
    sure = confidence(problem, models, pool)
    chosen = _best(problem, fitness, pool[confident(problem, sure)], count, exclude)
    if len(chosen) < count and problem.space.size <= LISTED:
        pool = _fresh(problem, problem.space.enumerate(), exclude)
        sure = confidence(problem, models, pool)
        chosen = _best(problem, fitness, pool[confident(problem, sure)], count, exclude)
    if not len(pool):
        return Proposals(pool, None, 0.0)
    miss = sum(
        (
            relative_gap(bound, models[bound.quantity.key].predict(pool).mean)
            for bound in problem.predicted_constraints
        ),
        np.zeros(len(pool)),
    )
    nearest = int(np.lexsort((miss, -sure.round(3)))[0])
    return Proposals(chosen, pool[nearest], float(sure[nearest]))


def _generated(
    problem: Problem,
    models: Models,
    fitness: "_Fitness",
    count: int,
    exclude: Codes,
    rng: np.random.Generator,
) -> Codes:
    """The pool: generated for each weighting of the objectives, neighbours of the best, and uniform draws."""
    objectives = len(problem.objectives)
    weightings = (
        [np.ones(1)]
        if objectives == 1
        else [np.ones(objectives) / objectives, *rng.dirichlet(np.ones(objectives), TRADE_OFFS - 1)]
    )
    parts = []
    for weights in weightings:
        if not has_generator(problem.space.name):
            parts.append(_climbed(problem, models, fitness, weights, exclude, rng))
            continue
        guide = ProductGuide(
            [
                ExactBoundsGuide(problem),
                FunctionGuide(
                    lambda codes, weights=weights: (  # type: ignore[misc]
                        STRENGTH * fitness(codes, weights) + log_confidence(problem, models, codes)
                    )
                ),
            ]
        )
        wanted = (2 * count + SURPLUS) // len(weightings)
        generated = generate(
            load_generator(problem.space.name),
            wanted,
            seed=int(rng.integers(2**62)),
            guide=guide,
            gap=problem.gap,
            exclude=exclude,
            options=GenerateOptions(
                particles=PARTICLES, rounds=ROUNDS, refinements=REFINEMENTS, climbs=CLIMBS
            ),
        )
        parts += [generated.codes]
        parts += [problem.space.neighbours(row) for row in generated.codes[:NEIGHBOURED]]
    parts.append(draw_feasible(problem, REFERENCES, rng, exclude=exclude))
    found = _fresh(problem, np.unique(np.concatenate(parts), axis=0), exclude)
    return found if len(found) else _fresh(problem, _around_nearest(problem, count, rng), exclude)


def _around_nearest(problem: Problem, count: int, rng: np.random.Generator) -> Codes:
    """Architectures around the one that descent finds, where the bounds leave few."""
    nearest, gap = nearest_architecture(problem, rng)
    found = nearest[None] if gap <= 0 else nearest[None][:0]
    for _ in range(ROUNDS):
        if not len(found) or len(found) >= count + SURPLUS:
            break
        starts = found[rng.permutation(len(found))[:NEIGHBOURED]]
        around = np.concatenate([problem.space.neighbours(row) for row in starts])
        found = np.unique(np.concatenate([found, around[problem.gap(around) <= 0]]), axis=0)
    return found


def _climbed(
    problem: Problem,
    models: Models,
    fitness: "_Fitness",
    weights: Floats,
    exclude: Codes,
    rng: np.random.Generator,
) -> Codes:
    """The pool where there is no generator: uniform draws, and the neighbourhoods of what looks best."""

    def wanted(codes: Codes) -> Floats:
        return STRENGTH * fitness(codes, weights) + log_confidence(problem, models, codes)

    return pooled(problem, wanted, exclude[:0], exclude, rng)


def _fresh(problem: Problem, codes: Codes, exclude: Codes) -> Codes:
    """The rows within the exact bounds that are not excluded."""
    seen = {row.tobytes() for row in exclude}
    new = np.array([row.tobytes() not in seen for row in codes], dtype=bool)
    return codes[new & (problem.gap(codes) <= 0)] if len(codes) else codes


def _best(problem: Problem, fitness: "_Fitness", codes: Codes, count: int, exclude: Codes) -> Codes:
    """The best of codes (b, v), best first, none of them a twin of a better or an excluded one."""
    if not len(codes):
        return codes
    return first_of_twins(problem, codes[_order(fitness.objectives(codes))], exclude, count)


def _order(values: Floats) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Indices of values (b, o), larger is better: by one objective; by several front after front, each front
    in an order whose beginnings are spread along it."""
    if values.shape[1] == 1:
        return np.argsort(-values[:, 0], kind="stable")
    numbers = fronts(values)
    order: list[int] = []
    for number in range(int(numbers.max()) + 1):
        of_front = np.flatnonzero(numbers == number)
        order += of_front[_spread(values[of_front])].tolist()
    return np.array(order, dtype=np.int64)


def _spread(values: Floats) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Indices of one front's values (b, o): the best of the first objective, then always the farthest from
    all before it, distances in parts of each objective's range."""
    width = np.maximum(values.max(axis=0) - values.min(axis=0), 1e-12)
    places = (values - values.min(axis=0)) / width
    order = [int(places[:, 0].argmax())]
    distance = np.full(len(values), np.inf)
    while len(order) < len(values):
        distance = np.minimum(distance, np.abs(places - places[order[-1]]).max(axis=1))
        distance[order] = -1.0
        order.append(int(distance.argmax()))
    return np.array(order, dtype=np.int64)


class _Fitness:
    """Predicted objectives, each in standard deviations of the space's feasible architectures."""

    def __init__(self, problem: Problem, models: Models, rng: np.random.Generator) -> None:
        self.problem = problem
        self.models = models
        space = problem.space
        references = draw_feasible(problem, REFERENCES, rng, exclude=space.sample(0, rng))
        if len(references) < 2:
            references = space.sample(REFERENCES, rng)
        values = self._values(references)
        self.center, self.scale = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-9)

    def _values(self, codes: Codes) -> Floats:
        """Signed objectives (b, o), larger is better."""
        columns = []
        for quantity in self.problem.objectives:
            mean = (
                self.problem.exact(quantity, codes)
                if self.problem.is_exact(quantity)
                else self.models[quantity.key].predict(codes, self.problem.confidence).mean
            )
            columns.append(quantity.sign * mean)
        return np.stack(columns, axis=1)

    def objectives(self, codes: Codes) -> Floats:
        """Standardized objectives (b, o), larger is better."""
        result: Floats = (self._values(codes) - self.center) / self.scale
        return result

    def __call__(self, codes: Codes, weights: Floats) -> Floats:
        """Chebyshev scalarization (b,); with one objective, itself."""
        values = self.objectives(codes)
        if values.shape[1] == 1:
            return values[:, 0]
        result: Floats = (values * weights).min(axis=1) + 0.05 * (values * weights).sum(axis=1)
        return result
