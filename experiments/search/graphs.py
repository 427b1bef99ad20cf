"""Figure 2 of ``netwright compare search``: graph networks, one objective and two, on all nine data sets."""

from experiments.framework.context import Context
from experiments.framework.pool import Part
from experiments.framework.row import Row
from experiments.search.runs import (
    OURS,
    Quest,
    Run,
    best_after,
    everything,
    methods,
    search,
    volume_after,
)
from spaces.metric import Quantity

GRAPHS = ("cora", "citeseer", "pubmed", "cs", "physics", "photo", "computers", "arxiv", "proteins")
AT = (50, 150)
GOAL = ">= 6"
SOURCE = "NAS-Bench-Graph"
UNITS = {"best": "%", "front": "% of the front's volume"}


def graph_rows(context: Context) -> list[Row]:
    """The best accuracy, and the hypervolume of accuracy against latency, after 50 and 150 evaluations."""
    if (reason := context.tables.available("gnn", "accuracy@cora")) is not None:
        return [
            Row.absent(
                f"2-{name}-{budget}-clearly-ahead",
                reason,
                "tasks of 9",
                goal=GOAL,
                evaluated_on=columns(name),
            )
            for name in UNITS
            for budget in AT
        ]
    runs = context.all(
        [
            Part(_part(name, task, method, seed), search, (_quest(name, task), method, seed, AT[-1]))
            for name in UNITS
            for task in GRAPHS
            for method in methods(len(_quest(name, task).objectives))
            for seed in context.seeds
        ],
        "graph networks",
    )
    return [row for name in UNITS for row in _rows(context, name, runs)]


def _quest(name: str, task: str) -> Quest:
    accuracy, latency = Quantity("accuracy", task=task), Quantity("latency_ms", device="gpu", task=task)
    return Quest("gnn", task, (accuracy, latency) if name == "front" else (accuracy,))


def _part(name: str, task: str, method: str, seed: int) -> str:
    return f"gnn-{task}-{name}-{method}-{AT[-1]}-{seed}"


def _rows(context: Context, name: str, runs: dict[str, Run]) -> list[Row]:
    rows: list[Row] = []
    claims: dict[int, dict[str, tuple[list[float], dict[str, list[float]]]]] = {budget: {} for budget in AT}
    for task in GRAPHS:
        quest = _quest(name, task)
        truth = everything(context.tables, quest)
        for budget in AT:
            reached = {
                method: [
                    volume_after(run, budget, truth) if name == "front" else best_after(run, budget)
                    for run in (runs[_part(name, task, method, seed)] for seed in context.seeds)
                ]
                for method in methods(len(quest.objectives))
            }
            for method, values in reached.items():
                row = f"2-{name}-{task}-{budget}-{method}"
                rows.append(Row.measured(row, values, UNITS[name], source=SOURCE))
            claims[budget][task] = reached.pop(OURS), reached
    for budget, claim in claims.items():
        rows.append(
            Row.tasks_ahead(
                f"2-{name}-{budget}-clearly-ahead",
                claim,
                goal=GOAL,
                evaluated_on=columns(name),
                source=SOURCE,
            )
        )
    return rows


def columns(name: str) -> list[str]:
    """Columns of the tables that decide who is ahead."""
    metrics = ("accuracy@{}",) if name == "best" else ("accuracy@{}", "latency_ms@gpu@{}")
    return [f"gnn/{metric.format(task)}" for task in GRAPHS for metric in metrics]
