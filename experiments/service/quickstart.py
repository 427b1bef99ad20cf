"""Designs on two real tables beside random search with the same number of evaluations.

Row ids: 1 the bounds of what is returned, 2 the regret, 3 how far ahead of random search.
"""

from collections.abc import Sequence

import numpy as np

from benchmarks.tables import Tables
from experiments.framework.context import Context
from experiments.framework.registry import comparison
from experiments.framework.row import Row
from search.problem import Problem
from search.request.design_request import parse_request
from spaces.space import Bools, Codes

PROBLEMS: dict[str, dict[str, object]] = {
    "nasbench201": {
        "space": "nasbench201",
        "task": "cifar10-int8-ptq",
        "constraints": [{"metric": "params_m", "max": 0.8}, {"metric": "macs_m", "max": 120.0}],
        "evaluations": 16,
        "evaluator": "table",
        "knowledge": "none",
        "count": 8,
    },
    "gnn": {
        "space": "gnn",
        "task": "arxiv",
        "constraints": [{"metric": "latency_ms", "device": "gpu", "max": 40.0}],
        "evaluations": 30,
        "evaluator": "table",
        "knowledge": "none",
        "count": 8,
    },
}
"""The two designs of the demonstration."""
UNSEEN: dict[str, dict[str, object]] = {
    "nasbench201-analog": PROBLEMS["nasbench201"] | {"task": "cifar10-analog"},
    "gnn-cs": {
        "space": "gnn",
        "task": "cs",
        "constraints": [{"metric": "params_m", "max": 0.97}],
        "evaluations": 30,
        "evaluator": "table",
        "knowledge": "none",
        "count": 8,
    },
}
"""The same on columns that no constant was chosen on: these decide whether designs beat random search."""
EVALUATED_ON = {
    "nasbench201": ["nasbench201/accuracy@cifar10-int8-ptq"],
    "gnn": ["gnn/accuracy@arxiv", "gnn/latency_ms@gpu@arxiv"],
    "nasbench201-analog": ["nasbench201/accuracy@cifar10-analog"],
    "gnn-cs": ["gnn/accuracy@cs"],
}
"""Columns that decide how good what is returned is."""

PROTOCOL = """\
nasbench201: accuracy after int8 post-training quantization on CIFAR-10 (AnalogNAS-Bench) with at most 0.8 M
parameters and 120 M multiply-accumulates, 16 evaluations. gnn: test accuracy on arxiv (NAS-Bench-Graph)
with a latency of at most 40 ms, 30 evaluations. nasbench201-analog and gnn-cs: the same on columns that no
constant was chosen on, accuracy on analog hardware and on cs with at most 0.97 M parameters. Models learn
from the evaluations of their own run alone; random search draws uniformly among architectures within the
exact bounds. Regret: the table's best feasible accuracy less the best true accuracy among returned
architectures that satisfy the bounds, in percentage points."""


def best_feasible(tables: Tables, body: dict[str, object]) -> float:
    """Best true value of the first objective among all architectures of the table that satisfy the bounds."""
    problem = parse_request(body).problem()
    key = problem.objectives[0].key
    codes = tables.architectures(problem.space.name, key)
    holds = truly_feasible(tables, problem, codes)
    return float(tables.values(problem.space.name, key, codes)[holds].max())


def truly_feasible(tables: Tables, problem: Problem, codes: Codes) -> Bools:
    """Which of codes (b, v) satisfy every bound, by exact cost and by the table's measurement."""
    holds = problem.gap(codes) <= 0
    for bound in problem.predicted_constraints:
        values = tables.values(problem.space.name, bound.quantity.key, codes)
        holds &= np.array([bound.holds(float(value)) for value in values])
    return holds


def outcome(tables: Tables, body: dict[str, object], strategy: str, seed: int) -> dict[str, float]:
    """One run: its regret, and the share of returned architectures that truly satisfy the bounds."""
    import torch

    from search.design import run_design

    torch.set_num_threads(1)
    request = parse_request(body | {"strategy": strategy, "seed": seed})
    problem = request.problem()
    result = run_design(request, tables=tables).result
    rows = result["architectures"]
    assert isinstance(rows, list)
    codes = problem.space.parse_many(row["architecture"] for row in rows)
    holds = truly_feasible(tables, problem, codes)
    values = tables.values(problem.space.name, problem.objectives[0].key, codes)
    best = best_feasible(tables, body)
    # A run that returns nothing feasible is charged the whole table's spread above zero accuracy.
    return {
        "regret": best - float(values[holds].max()) if holds.any() else best,
        "within_bounds": float(holds.mean()) if len(rows) else 0.0,
        "returned": float(len(rows)),
    }


@comparison("quickstart", protocol=PROTOCOL, seeds=5, full_seeds=20, hours=0.3)
def quickstart(context: Context) -> Sequence[Row]:
    """Both problems, this search and random search, over all seeds."""
    rows: list[Row] = []
    for name, body in (PROBLEMS | UNSEEN).items():
        runs = {
            strategy: context.each(f"{name}-{strategy}", outcome, body, strategy)
            for strategy in ("bayes", "random")
        }
        regret = {strategy: [run["regret"] for run in results] for strategy, results in runs.items()}
        within = [100 * run["within_bounds"] for run in runs["bayes"]]
        source = "AnalogNAS-Bench" if body["space"] == "nasbench201" else "NAS-Bench-Graph"
        columns = EVALUATED_ON[name]
        rows += [
            Row.measured(
                f"1-{name}-within-bounds",
                within,
                "%",
                # Elsewhere every bound is exact: what is returned holds it by construction.
                goal="== 100" if name == "gnn" else None,
                evaluated_on=columns,
                source=source,
            ),
            Row.measured(f"2-{name}-regret", regret["bayes"], "points", source=source),
            Row.measured(f"2-{name}-regret-random", regret["random"], "points", source=source),
            Row.ahead(
                f"3-{name}-ahead-of-random",
                [-points for points in regret["bayes"]],
                [-points for points in regret["random"]],
                "points",
                pairs=True,
                evaluated_on=columns,
                source=source,
            ),
        ]
    return rows
