"""A task of one's own in every image space, with no evaluation: ranked by what is known, and marked so."""

import numpy as np

from benchmarks.tables import Tables
from experiments.framework.context import Context
from experiments.framework.row import NO_TABLE, Row

SPACES = ("nasbench201", "mnasnet", "fbnet", "ofa_mobilenetv3")
COUNT = 4
MOST_MACS_M = 300.0


def own_task_rows(context: Context) -> list[Row]:
    """Spaces that answer."""
    found = context.once("own tasks", designed_for_own_task, context.tables)
    answered = [float(found[space]) for space in SPACES]
    return [
        Row.measured(
            "own-tasks-spaces-that-rank", answered, "of 1", over="spaces", goal="== 1", evaluated_on=NO_TABLE
        )
    ]


def designed_for_own_task(tables: Tables) -> dict[str, bool]:
    """Space → whether it returned architectures within the bound, ranked and marked extrapolated."""
    from encoders.tasks.embedding import VERSION, WIDTH, TaskEmbedding
    from search.design import run_design
    from search.evaluator import Bench
    from search.request.design_request import parse_request
    from search.request.uploaded_task import UploadedTask
    from store.blobs.memory import MemoryBlobs

    blobs = MemoryBlobs()
    prototypes = 0.05 * np.random.default_rng(0).normal(size=(5, WIDTH)).astype(np.float32)
    embedding = TaskEmbedding(prototypes, tuple("abcde"), 60, VERSION, "images")
    task = UploadedTask("mine", 5, blobs.put(embedding.to_bytes()), VERSION)
    answers = {}
    for space in SPACES:
        bound = {"metric": "macs_m", "max": MOST_MACS_M}
        order = {"space": space, "task": "mine", "count": COUNT, "constraints": [bound], "knowledge": "auto"}
        request = parse_request(order, uploaded=task)
        rows = run_design(request, tables=tables, bench=Bench(tables, blobs=lambda: blobs)).result[
            "architectures"
        ]
        assert isinstance(rows, list)
        values = [row["metrics"]["accuracy@mine"] for row in rows]
        means = [value["mean"] for value in values]
        marked = all(value.get("extrapolated") for value in values)
        answers[space] = len(rows) == COUNT and marked and means == sorted(means, reverse=True)
    return answers
