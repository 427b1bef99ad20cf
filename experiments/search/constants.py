"""What the search's tuned constants were chosen on, ``netwright compare constants``.

Row ids: 1 where the lengthscales of costs are looked for, on invented costs; 2 the share of cells that the
first draws come from, on columns that evaluate no search.
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import spearmanr

from benchmarks.tables import Tables
from experiments.framework.context import Context
from experiments.framework.pool import Part
from experiments.framework.registry import comparison
from experiments.framework.row import Row
from experiments.search.runs import Quest, follow, looked_up
from predictors.calibration.normal_scores import normal_scores
from search.bo.inputs import COST_LENGTH, input_map
from search.strategies.bayes import PROMISING, BayesStrategy
from spaces.known import get_space
from spaces.metric import Quantity
from spaces.space import Codes, Floats

LENGTHS = (0.3, 0.6, 1.0, 1.5, 2.0, 2.5)
LABELS = (10, 20, 40)
OTHERS = 1500
"""Architectures that a rank correlation is taken over."""
NOISE = 0.05
"""Standard deviation of a measured cost's logarithm."""
SHARES = (0.01, 0.02, 0.05, 1.0)
COLUMNS = ("cifar10-int8-ptq", "cifar10-analog", "cifar10-valid-12ep")
EVALUATIONS = 30

PROTOCOL = """\
1: costs invented on the space gnn, of four kinds, each drawn by seed: a sum over operations; a sum over
variables of a cost of each choice; a sum over operations, each times a factor where it reads the input; a
draw of a Gaussian process over all features, its log lengthscale drawn evenly from 0.2 to 2.5. The first
three are of log-normal parts. Costs are observed with 5 % noise. Spearman of the surrogate's mean and the
invented cost over 1,500 other architectures after 10, 20 and 40 random labels, hyperparameters found about
each value of the log lengthscale; the mean over kinds and numbers of labels chooses. No measured latency
takes part. 2: the strategy bayes with its first five evaluations drawn from another share of the cells by
zero-cost proxies (1: from all), 30 evaluations on three columns that no row of compare search is evaluated
on: AnalogNAS-Bench after 8-bit quantization and in analog memory, validation after 12 epochs. The best found,
as a normal score of the column."""


@comparison("constants", protocol=PROTOCOL, seeds=6, full_seeds=20, hours=0.6)
def constants(context: Context) -> Sequence[Row]:
    """Both constants."""
    return [row for part in (_lengths, _shares) for row in context.section(part)]


def _lengths(context: Context) -> list[Row]:
    parts = [
        Part(f"length {length} {kind} {seed}", correlation, (kind, length, seed))
        for length in LENGTHS
        for kind in KINDS
        for seed in context.seeds
    ]
    found = context.all(parts, "invented costs")
    rows = []
    for length in LENGTHS:
        by_kind = {
            kind: [found[f"length {length} {kind} {seed}"] for seed in context.seeds] for kind in KINDS
        }
        for kind, values in by_kind.items():
            rows.append(Row.measured(f"1-length-{length:g}-{kind}", values, "Spearman"))
        means = [float(np.mean(values)) for values in zip(*by_kind.values(), strict=True)]
        rows.append(Row.measured(f"1-length-{length:g}", means, "Spearman"))
    return [*rows, Row.exact("1-length-kept", COST_LENGTH, "log lengthscale")]


def invented(kind: str, codes: Codes, rng: np.random.Generator) -> Floats:
    """An invented cost (b,) of architectures of ``gnn``, codes (b, v); positive."""
    space = get_space("gnn")
    if kind == "process":
        x = input_map(space, "cora")(codes)
        x *= np.exp(-rng.uniform(0.2, 2.5))
        squared = (x**2).sum(axis=1)[:, None] + (x**2).sum(axis=1) - 2 * x @ x.T
        r = np.sqrt(5 * np.maximum(squared, 0.0))
        covariance = (1 + r + r**2 / 3) * np.exp(-r) + 1e-6 * np.eye(len(x))
        result: Floats = np.exp(0.5 * np.linalg.cholesky(covariance) @ rng.standard_normal(len(x)))
        return result
    if kind == "choices":
        parts = [rng.lognormal(0.0, 1.0, len(variable.choices)) for variable in space.variables]
        summed: Floats = np.sum([part[codes[:, number]] for number, part in enumerate(parts)], axis=0)
        return summed
    graph = space.graph(codes)
    each = rng.lognormal(0.0, 1.0, len(space.operations))[graph.operations]  # (b, n)
    if kind == "first":
        near = graph.adjacency[:, 0] > 0  # reads the input
        each = each * np.where(near, rng.lognormal(1.0, 0.5), 1.0)
    total: Floats = each.sum(axis=1)
    return total


KINDS = ("operations", "choices", "first", "process")
"""Invented costs."""


def correlation(tables: Tables, kind: str, length: float, seed: int) -> float:
    """Spearman of the surrogate and one invented cost, the mean over numbers of labels; no table is read."""
    from predictors.gaussian_processes.exact_gp import exact_gp, fit_hyperparameters, marginals
    from predictors.gaussian_processes.grouped_matern import Groups
    from search.bo.surrogates import ITERATIONS

    rng = np.random.default_rng([seed, KINDS.index(kind)])
    space = get_space("gnn")
    codes = space.sample(max(LABELS) + OTHERS, rng)
    cost = invented(kind, codes, rng)
    observed = cost * np.exp(NOISE * rng.standard_normal(len(cost)))
    look = input_map(space, "cora")
    x = look(codes)
    lengths = [length if prior == COST_LENGTH else prior for prior in look.cost_log_lengthscales]
    groups = Groups.of(look.sizes, lengths)
    found = []
    for count in LABELS:
        labels, known = normal_scores(observed[:count]), x[:count]
        theta = fit_hyperparameters(known, labels, groups, iterations=ITERATIONS)
        mean, _ = marginals(exact_gp(known, labels, groups, theta), x[max(LABELS) :])
        found.append(float(spearmanr(mean, cost[max(LABELS) :]).statistic))
    return float(np.mean(found))


def _shares(context: Context) -> list[Row]:
    rows: list[Row] = []
    for column in COLUMNS:
        key = f"accuracy@{column}"
        if (reason := context.tables.available("nasbench201", key)) is not None:
            rows.append(Row.absent(f"2-{column}-share-{PROMISING:g}", reason, "normal score"))
            continue
        parts = [
            Part(f"share {share} {column} {seed}", best_from, (column, share, seed))
            for share in SHARES
            for seed in context.seeds
        ]
        found = context.all(parts, column)
        for share in SHARES:
            values = [found[f"share {share} {column} {seed}"] for seed in context.seeds]
            rows.append(Row.measured(f"2-{column}-share-{share:g}", values, "normal score", source=key))
    return [*rows, Row.exact("2-share-kept", PROMISING, "of the cells")]


def best_from(tables: Tables, column: str, share: float, seed: int) -> float:
    """The best of thirty evaluations whose first five come from a share of the cells, as a normal score."""
    quest = Quest("nasbench201", column, (Quantity("accuracy", task=column),))
    problem = quest.problem
    strategy = BayesStrategy(problem, seed=seed)
    strategy.share = share
    key = quest.objectives[0].key
    evaluate = looked_up(tables, problem)
    found = max(seen.values[key] for seen, _ in follow(strategy, evaluate, EVALUATIONS))
    values = tables.values("nasbench201", key, tables.architectures("nasbench201", key))
    return float(normal_scores(values)[np.flatnonzero(values == found)[0]])
