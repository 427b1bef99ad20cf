"""Figure 3 of ``netwright compare search``: accuracy in mnasnet under a bound on the latency of a ZCU102."""

from functools import lru_cache

from benchmarks.tables import Tables
from experiments.framework.context import Context
from experiments.framework.pool import Part
from experiments.framework.row import Row
from experiments.search.mnasnet_truth import Truth
from experiments.search.runs import OURS, Quest, begun_alike, methods
from spaces.metric import Constraint, Quantity

ACCURACY = Quantity("accuracy", task="imagenet")
LATENCY = Quantity("latency_ms", device="zcu102")
MOST_MS = 4.0
"""The bound; a fifth of the measured networks hold it."""
AT = (20, 50, 100)
SOURCE = "trees fitted to Accel-NASBench"
COLUMNS = [f"mnasnet/{ACCURACY.key}", f"mnasnet/{LATENCY.key}"]
QUEST = Quest("mnasnet", "imagenet", (ACCURACY,), (Constraint(LATENCY, max=MOST_MS),))


def bounded_rows(context: Context) -> list[Row]:
    """How good the trees are, and the best accuracy within the bound after so many evaluations."""
    row = f"3-mnasnet-zcu102-{AT[-1]}-ahead"
    for key in (ACCURACY.key, LATENCY.key):
        if (reason := context.tables.available(QUEST.space, key)) is not None:
            return [Row.absent(row, reason, "points", goal="> 0", evaluated_on=COLUMNS)]
    quality = context.once("mnasnet-truth", quality_of_trees, context.tables)
    rows = [
        Row.measured(f"3-truth-{key}-{name}", value, name, statement="one split of the table", source=SOURCE)
        for key, values in quality.items()
        for name, value in zip(("R2", "Spearman"), values, strict=True)
    ]
    runs = context.all(
        [
            Part(f"mnasnet-zcu102-{method}-{seed}", bounded_search, (method, seed))
            for method in methods()
            for seed in context.seeds
        ],
        "mnasnet",
    )
    reached: dict[str, list[float]] = {}
    for number, budget in enumerate(AT):
        for method in methods():
            values = [runs[f"mnasnet-zcu102-{method}-{seed}"][number] for seed in context.seeds]
            rows.append(Row.measured(f"3-mnasnet-zcu102-{budget}-{method}", values, "%", source=SOURCE))
            reached[method] = values
    best = max((method for method in reached if method != OURS), key=lambda method: sum(reached[method]))
    rows.append(
        Row.ahead(
            row,
            reached[OURS],
            reached[best],
            "points",
            pairs=True,
            evaluated_on=COLUMNS,
            source=f"{SOURCE}; best rival: {best}",
        )
    )
    return rows


def quality_of_trees(tables: Tables) -> dict[str, list[float]]:
    """Quantity key → R² and Spearman correlation of the trees, on measured networks that they never saw."""
    return {key: list(values) for key, values in _truth(tables).quality.items()}


def bounded_search(tables: Tables, method: str, seed: int) -> list[float]:
    """The best accuracy within the bound after each of :data:`AT` evaluations of one run.

    The least accuracy that the table has, until something holds the bound.
    """
    problem = QUEST.problem
    evaluate = _truth(tables).evaluator(problem)
    best = [
        float(tables.values("mnasnet", ACCURACY.key, tables.architectures("mnasnet", ACCURACY.key)).min())
    ]
    for observation, _ in begun_alike(problem, evaluate, method, seed, AT[-1]):
        value = observation.values[ACCURACY.key] if problem.feasible(observation) else best[-1]
        best.append(max(best[-1], value))
    return [best[min(budget, len(best) - 1)] for budget in AT]


@lru_cache(maxsize=1)
def _truth(tables: Tables) -> Truth:
    return Truth.fit(tables, "mnasnet", (ACCURACY.key, LATENCY.key))
