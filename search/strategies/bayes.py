"""Bayesian optimization: the generator proposes, expected improvement over boosted trees chooses."""

from collections.abc import Callable

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from generator.generate import GenerateOptions, generate
from generator.guide import ProductGuide
from generator.masked import SamplerOptions
from generator.weights import load_generator
from predictors.gbdt import GbdtPredictor
from search.acquisition import log_expected_improvement
from search.feasible import draw_feasible
from search.guides import ExactBoundsGuide, FunctionGuide
from search.models import Models, fit_models, log_feasibility
from search.problem import Problem
from search.strategies.random import RandomStrategy
from search.strategy import Exhausted, Strategy, register
from spaces.metric import Observation
from spaces.space import Codes, Floats

INITIAL = 5
"""Uniform members before the first model; trees on a linear trend are of use from about five labels."""
POOL = 192
NEIGHBOURED = 3
"""Best feasible observations whose neighbourhood joins the pool."""


@register
class BayesStrategy(Strategy):
    r"""Constrained expected improvement, maximized over what a steered generator proposes.

    The objective is learned on its Gaussian ranks :math:`\Phi^{-1}((r - 1/2)/n)`, which neither outliers (a
    cell that does not learn at all) nor a ceiling can bend; several objectives are joined by a Chebyshev
    scalarization with weights drawn anew for each suggestion (Knowles 2006, ParEGO). Predicted bounds enter
    as their log probability (Gardner et al. 2014). Pending trials count as if they had come out as predicted
    (Ginsbourger et al. 2010, kriging believer).
    """

    name = "bayes"

    def __init__(self, problem: Problem, *, seed: int = 0) -> None:
        super().__init__(problem, seed=seed)
        self.generator = load_generator(problem.space.name)
        self.expectation: dict[str, dict[str, dict[str, float]]] = {}

    def suggest(self, count: int) -> list[str]:
        """See :meth:`search.strategy.Strategy.suggest`."""
        rng = self.rng()
        finished = self._finished()
        if len(finished) < INITIAL:
            return self._initial(count)
        models = fit_models(self.problem, finished, seed=int(rng.integers(2**31)))
        chosen: list[str] = []
        while len(chosen) < count:
            architecture = self._best(finished, models, rng, chosen)
            if architecture is None:
                break
            chosen.append(architecture)
        if not chosen:
            raise Exhausted("no further member within the exact bounds was generated")
        self._remember(chosen, models)
        return chosen

    def foresee(self, architecture: str) -> dict[str, dict[str, float]]:
        """What the models expected of a suggested architecture; empty before there was a model."""
        return self.expectation.get(architecture, {})

    def _finished(self) -> list[Observation]:
        return [trial.observation for trial in self.completed if not trial.failed]

    def _initial(self, count: int) -> list[str]:
        uniform = RandomStrategy(self.problem, seed=self.seed)
        uniform.observe(self.completed, self.pending)
        return uniform.suggest(count)

    def _best(
        self, finished: list[Observation], models: Models, rng: np.random.Generator, chosen: list[str]
    ) -> str | None:
        """The member of the pool with the best acquisition, or None where the pool is empty."""
        space = self.problem.space
        scores, believed = self._targets(finished, models, rng, chosen)
        codes = space.parse_many([observation.architecture for observation in finished])
        believed_codes = space.parse_many([*(trial.architecture for trial in self.pending), *chosen])
        predictor = GbdtPredictor(space, task=self.problem.task, seed=int(rng.integers(2**31)))
        predictor.fit(np.concatenate([codes, believed_codes]), np.concatenate([scores, believed]))
        feasible = np.array([self.problem.feasible(observation) for observation in finished])
        incumbent = float(scores[feasible].max() if feasible.any() else scores.min())

        def acquisition(candidates: Codes) -> Floats:
            prediction = predictor.predict(candidates)
            improvement = log_expected_improvement(prediction.mean, prediction.std + 1e-3, incumbent)
            return improvement + log_feasibility(self.problem, models, candidates)

        taken = np.concatenate([self.taken(), space.parse_many(chosen)])
        pool = self._pool(acquisition, codes[np.argsort(-np.where(feasible, scores, -9.0))], taken, rng)
        if not len(pool):
            return None
        return space.format(pool[[int(acquisition(pool).argmax())]])[0]

    def _targets(
        self, finished: list[Observation], models: Models, rng: np.random.Generator, chosen: list[str]
    ) -> tuple[Floats, Floats]:
        """Scalar scores of the finished (n,), and those believed of pending and chosen trials (p,)."""
        values = np.stack([self.problem.score(observation.values) for observation in finished])
        weights = rng.dirichlet(np.ones(values.shape[1]))
        ranks = np.apply_along_axis(_gaussian_ranks, 0, values)
        scores = _chebyshev(ranks, weights)
        waiting = self.problem.space.parse_many([*(trial.architecture for trial in self.pending), *chosen])
        if not len(waiting):
            return scores, np.empty(0)
        believed = np.empty((len(waiting), values.shape[1]))
        for column, quantity in enumerate(self.problem.objectives):
            expected = (
                self.problem.exact(quantity, waiting)
                if self.problem.is_exact(quantity)
                else models[quantity.key].predict(waiting, self.problem.confidence).mean
            )
            order = np.sort(values[:, column])
            believed[:, column] = np.interp(quantity.sign * expected, order, np.sort(ranks[:, column]))
        return scores, _chebyshev(believed, weights)

    def _pool(
        self, acquisition: Callable[[Codes], Floats], best: Codes, taken: Codes, rng: np.random.Generator
    ) -> Codes:
        """Generated members, neighbours of the best and a few uniform ones, none of them taken."""
        space = self.problem.space
        guide = ProductGuide([ExactBoundsGuide(self.problem), FunctionGuide(acquisition)])
        seed = int(rng.integers(2**62))
        generated = generate(
            self.generator,
            POOL,
            seed=seed,
            guide=guide,
            gap=self.problem.gap,
            exclude=taken,
            options=GenerateOptions(particles=384, rounds=1, sampler=SamplerOptions(steps=6)),
        )
        around = np.concatenate([space.neighbours(row) for row in best[:NEIGHBOURED]])
        uniform = draw_feasible(self.problem, 64, rng, exclude=taken)
        pool = np.unique(np.concatenate([generated.codes, around, uniform]), axis=0)
        seen = {row.tobytes() for row in taken}
        fresh = np.array([row.tobytes() not in seen for row in pool], dtype=bool)
        return pool[fresh & (self.problem.gap(pool) <= 0)]

    def _remember(self, chosen: list[str], models: Models) -> None:
        codes = self.problem.space.parse_many(chosen)
        self.expectation = {architecture: {} for architecture in chosen}
        for key, model in models.items():
            prediction = model.predict(codes, self.problem.confidence)
            for row, architecture in enumerate(chosen):
                self.expectation[architecture][key] = {
                    name: float(getattr(prediction, name)[row])
                    for name in ("mean", "std", "lower", "upper")
                    if np.isfinite(getattr(prediction, name)[row])
                }


def _gaussian_ranks(values: Floats) -> Floats:
    result: Floats = ndtri((rankdata(values) - 0.5) / len(values))
    return result


def _chebyshev(scores: Floats, weights: Floats) -> Floats:
    """Augmented Chebyshev scalarization of scores (b, o), larger is better; with one objective, itself."""
    if scores.shape[1] == 1:
        return scores[:, 0]
    weighted = scores * weights
    result: Floats = weighted.min(axis=1) + 0.05 * weighted.sum(axis=1)
    return result
