"""Figure 8 of ``netwright compare transfer``: whether a table's rows can be read back from what ships."""

from dataclasses import asdict

from benchmarks.errors import TableUnavailable
from benchmarks.tables import Tables
from benchmarks.task_pairs import SOURCE, read_pairs
from experiments.framework.context import Context
from experiments.framework.row import Row
from predictors.training.ship_tasks import prototypes_of, read_graphs_back
from predictors.transfer.graph_tasks import shipped
from predictors.transfer.task_training import TaskTraining
from spaces.known import get_space

GRAPHS = "NAS-Bench-Graph (Qin et al., NeurIPS 2022)"


def read_back_rows(context: Context) -> list[Row]:
    """Spearman of what ships and the table, over architectures learned from and over others.

    Both are of all architectures there are and of the files that ship: exact.
    """
    rows: list[Row] = []
    if (reason := context.tables.available("gnn", "accuracy@cora")) is not None:
        rows.append(Row.absent("8-gnn-inside", reason, "rho"))
    else:
        for found in context.once("graphs read back", graphs, context.tables):
            name = str(found["key"]).replace("@", "-")
            rows += [
                Row.exact(f"8-gnn-{name}-{part}", float(found[part]), "rho", source=GRAPHS)
                for part in ("inside", "outside")
            ]
    try:
        read_pairs(context.tables.data_dir)
    except TableUnavailable as error:
        return [*rows, Row.absent("8-nasbench201-inside", str(error), "rho")]
    inside, outside = context.once("pairs read back", pairs, context.tables)
    return [
        *rows,
        Row.exact("8-nasbench201-inside", inside, "rho", source=SOURCE),
        Row.exact("8-nasbench201-outside", outside, "rho", source=SOURCE),
    ]


def graphs(tables: Tables) -> list[dict[str, float]]:
    """Every reading of a graph data set, as it ships."""
    return [asdict(row) for row in read_graphs_back(tables, shipped())]


def pairs(tables: Tables) -> list[float]:
    """The pairs' accuracies, cells learned from and cells left out; both without their task's fold."""
    known = read_pairs(tables.data_dir)
    return list(TaskTraining(get_space("nasbench201"), known, prototypes_of(known)).read_back())
