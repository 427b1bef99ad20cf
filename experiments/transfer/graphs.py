"""Figure 3 of ``netwright compare transfer``: each graph data set left out."""

import numpy as np
from scipy.special import gammaln

from benchmarks.tables import Tables
from experiments.framework.context import Context
from experiments.framework.row import Row
from experiments.search.runs import Quest, Run, best_after, everything, reached_after, search
from spaces.metric import Quantity
from spaces.space import Floats

TASKS = ("cora", "citeseer", "pubmed", "cs", "physics", "photo", "computers", "arxiv", "proteins")
SHARE = 0.02
"""Of the measured architectures: the expected best of so many uniform draws is the level to beat."""
COLUMNS = [f"gnn/accuracy@{task}" for task in TASKS]
EVALUATIONS = 20
MOST = 40
SOURCE = "NAS-Bench-Graph (Qin et al., NeurIPS 2022)"


def graph_rows(context: Context) -> list[Row]:
    """The best of 20 evaluations beside the level of a larger random search, and how many reach it.

    The strategy transfer draws nothing but ties: one search a data set, which is exact and reaches no goal.
    """
    if (reason := context.tables.available("gnn", "accuracy@cora")) is not None:
        return [Row.absent("3-beaten", reason, "data sets of 9", goal=">= 7", evaluated_on=COLUMNS)]
    rows: list[Row] = []
    beaten = {"transfer": 0, "bayes": 0}
    for number, task in enumerate(TASKS):
        quest = Quest("gnn", task, (Quantity("accuracy", task=task),))
        goal = level_of(everything(context.tables, quest)[:, 0])
        rows.append(Row.exact(f"3-{task}-level", goal, "%", source=SOURCE))
        for method in beaten:
            row = f"3-{task}-best-{EVALUATIONS}-{method}"
            if method == "transfer":
                run = context.once(f"graphs {task}", searched, context.tables, quest, method, MOST, 0)
                best = best_after(run, EVALUATIONS)
                beaten[method] += best > goal
                rows.append(Row.exact(row, best, "%", source=SOURCE))
                needed = reached_after(run, goal) or float(MOST)
                rows.append(Row.exact(f"3-{task}-evaluations", needed, "evaluations", source=SOURCE))
                continue
            runs = context.each(f"graphs {task} {method}", searched, quest, method, EVALUATIONS)
            level = Row.measured(
                row,
                [best_after(run, EVALUATIONS) for run in runs],
                "%",
                goal=f"> {goal:.6g}",
                evaluated_on=[f"gnn/accuracy@{task}"],
                source=SOURCE,
            )
            beaten[method] += level.passes
            rows.append(level)
        context.progress(number + 1, len(TASKS), task)
    statements = {
        "transfer": "one deterministic search a data set, above its level",
        "bayes": "data sets whose own row is clearly above its level",
    }
    for method, count in beaten.items():
        row, statement = f"3-beaten-{method}", statements[method]
        rows.append(Row.measured(row, float(count), "data sets of 9", statement=statement, source=SOURCE))
    return rows


def searched(tables: Tables, quest: Quest, method: str, evaluations: int, seed: int) -> Run:
    """One run, as :func:`experiments.search.runs.search` does it."""
    return search(tables, quest, method, seed, evaluations)


def level_of(values: Floats) -> float:
    """The expected greatest of :data:`SHARE` of values (n,), drawn without replacement.

    >>> level_of(np.arange(1.0, 101.0))  # two of a hundred: 2/3 of 101
    67.33...
    """
    rising, count = np.sort(values), max(round(SHARE * len(values)), 1)
    ranks = np.arange(count, len(values) + 1)
    # The greatest of the draws has rank r in C(r - 1, count - 1) of C(n, count) cases.
    logarithm = (
        gammaln(ranks)
        - gammaln(ranks - count + 1)
        - gammaln(count)
        - (gammaln(len(values) + 1) - gammaln(count + 1) - gammaln(len(values) - count + 1))
    )
    return float(np.exp(logarithm) @ rising[count - 1 :])
