"""RoBoT: Bayesian optimization over combinations of training-free scores, then greedy."""

from dataclasses import dataclass

import numpy as np

from encoders.proxies import table as score_table
from search.problem import Problem
from search.strategies import STRATEGIES
from search.strategy import Exhausted, Strategy
from spaces.space import Floats

HORIZON = 20
"""Combinations tried, and evaluations planned for: the published budget."""
LONGEST = 80
"""Where the horizon no longer doubles: then the best combination's ranking is followed to its end."""
INITIAL = 1
"""Combinations drawn at random before the first model of them."""
OPTIMISM = 2.576
"""Deviations above its mean at which a combination is judged."""
CANDIDATES = 10_000
LENGTH = 0.5
"""Where the log lengthscale of a weight is looked for; weights lie between −1 and 1."""
NOISE = 1e-6
"""Variance of a combination's worth: trying it again tells the same."""


@STRATEGIES.register
class RobotStrategy(Strategy):
    r"""Robustified training-free search (He et al. 2024, "Robustifying and Boosting Training-Free Neural
    Architecture Search").

    A combination :math:`w \in [-1, 1]^k` of the scores of :data:`encoders.proxies.table.DEEP` is as good as
    the architecture that it ranks first. For a horizon of :math:`T` evaluations, :math:`T` combinations are
    tried, chosen by the upper confidence bound of a Gaussian process over :math:`w`; one whose first is known
    already costs nothing. What is left of the horizon goes to the next architectures in the ranking of the
    best combination. Only the first horizon is published; the next ones are twice as long each, up to
    :data:`LONGEST`.

    Raises:
        Unsuitable: in a space for which they do not ship, or with recipes, of which they say nothing.
    """

    name = "robot"

    @classmethod
    def why_not(cls, problem: Problem) -> str | None:
        """The scores that it combines are of networks alone, and of few spaces."""
        if problem.space.network_space is not problem.space:
            return "robot's scores are of networks, whatever their recipe"
        if not score_table.ships(problem.space.name, score_table.DEEP):
            return f"the scores that robot combines do not ship for {problem.space.public_name}"
        return None

    def __init__(self, problem: Problem, *, seed: int = 0, flat: bool = False) -> None:
        super().__init__(problem, seed=seed, flat=flat)
        self.problem_changed()

    def problem_changed(self) -> None:
        """See :meth:`search.strategy.Strategy.problem_changed`."""
        codes = self.problem.space.enumerate()
        self.codes = codes[self.problem.gap(codes) <= 0]
        self.table = score_table.scaled_scores(self.problem.space, self.codes)
        self.places = {row.tobytes(): index for index, row in enumerate(self.codes)}
        self.trace: list[_Tried] = []

    def suggest(self, count: int) -> list[str]:
        """See :meth:`search.strategy.Strategy.suggest`."""
        if not len(self.codes):
            raise Exhausted("no architecture satisfies the exact bounds")
        values, lost = self._known()
        chosen: list[int] = []
        while len(chosen) < min(count, len(self.codes) - len(values) - len(lost)):
            found = self._next(values, lost)
            chosen.append(found)
            # Pending ones count as the worst, so that no combination gains by them.
            values[found] = min(values.values(), default=0.0)
        if not chosen:
            raise Exhausted("every architecture within the exact bounds was evaluated")
        return self.problem.space.format(self.codes[chosen])

    def _known(self) -> tuple[dict[int, float], set[int]]:
        """Row → fitness of every evaluated or pending architecture, and the rows of those that failed."""
        finished = self.finished()
        fitness = self.fitness(finished)
        codes = self.problem.space.parse_many([observation.architecture for observation in finished])
        values = {
            self.places[row.tobytes()]: float(value)
            for row, value in zip(codes, fitness, strict=True)
            if row.tobytes() in self.places
        }
        worst = min(values.values(), default=0.0)
        waiting = self.problem.space.parse_many([trial.architecture for trial in self.pending])
        values |= {
            place: worst
            for row in waiting
            if (place := self.places.get(row.tobytes())) is not None and place not in values
        }
        taken = {self.places[row.tobytes()] for row in self.taken() if row.tobytes() in self.places}
        return values, taken - values.keys()

    def _next(self, values: dict[int, float], lost: set[int]) -> int:
        """The first architecture that the published procedure would evaluate and that is not known yet."""
        horizon = HORIZON
        while horizon <= len(values) + len(lost) and horizon < LONGEST:
            horizon *= 2
        free = np.ones(len(self.codes), dtype=bool)
        free[list(lost)] = False
        for number in range(horizon):
            if number >= len(self.trace) or values.get(self.trace[number].first) != self.trace[number].worth:
                weights = self._combination(number)
                first = int(np.where(free, self.table @ weights, -np.inf).argmax())
                if first not in values:
                    return first
                self.trace[number:] = [_Tried(weights, first, values[first])]
        free[list(values)] = False
        best = max(self.trace[:horizon], key=lambda tried: tried.worth)
        return int(np.where(free, self.table @ best.weights, -np.inf).argmax())

    def _combination(self, number: int) -> Floats:
        """The weights (k,) to try after so many."""
        rng = np.random.default_rng([self.seed, number])
        drawn = rng.uniform(-1, 1, (CANDIDATES, self.table.shape[1]))
        if number < INITIAL:
            first: Floats = drawn[0]
            return first
        # They load torch.
        from predictors.gaussian_processes.exact_gp import exact_gp, fit_hyperparameters, marginals
        from predictors.gaussian_processes.grouped_matern import Groups

        tried = self.trace[:number]
        x = np.stack([entry.weights for entry in tried])
        worth = np.array([entry.worth for entry in tried])
        labels = (worth - worth.mean()) / max(worth.std(), 1e-12)
        groups = Groups.of((x.shape[1],), (LENGTH,))
        theta = fit_hyperparameters(x, labels, groups, iterations=15)
        theta[-1] = np.log(NOISE)
        model = exact_gp(x, labels, groups, theta)
        mean, variance = marginals(model, drawn, observation_noise=False)
        chosen: Floats = drawn[int((mean + OPTIMISM * np.sqrt(variance)).argmax())]
        return chosen


@dataclass(frozen=True, slots=True)
class _Tried:
    """A combination (k,), the architecture that it ranks first, and that one's fitness."""

    weights: Floats
    first: int
    worth: float
