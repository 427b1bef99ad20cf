"""Does it pay to train what was proposed? ``netwright compare closing-circle``, illustrative.

The first cells designed for an uploaded task and as many random ones are trained alike. Row ids: 6.
"""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tables import Tables
from experiments.framework.context import Context
from experiments.framework.registry import comparison
from experiments.framework.row import Row
from experiments.transfer.cells import SPACE, cifar10_files, images_of
from experiments.transfer.speed import design, running
from spaces.known import get_space

CELLS = 5
DATA = "cifar10_jpeg"
OPTIONS: dict[str, Any] = {
    "data": DATA,
    "network": "small",
    "resolution": 16,
    "images": 12_500,
    "recipe": {"epochs": 5, "batch_size": 64, "learning_rate": 0.1, "augmentation": "flip"},
}

PROTOCOL = f"""\
6: CIFAR-10 (JPEG) is uploaded to a running stack as 20 images a class; its design for it names cells in the
order of proposal, without any evaluation. The first {CELLS} of them and {CELLS} cells drawn uniformly are
trained alike by the evaluator training: one cell a stage, width 8, 16×16 pixels, 10,000 images to learn from,
2,500 to choose by, 5 epochs of SGD, one thread. Validation accuracies. An illustration, not a figure to
reach: a training this short says little of a long one."""


def circle(tables: Tables, folder: Path, seed: int) -> dict[str, list[float]]:
    """Validation accuracies of what was proposed and of what was drawn, and seconds of each training."""
    space = get_space(SPACE)
    with running() as client:
        found = design(client, "cifar10-sample", _zipped(cifar10_files(tables, seed)))
    proposed = [row["architecture"] for row in found["architectures"][:CELLS]]
    drawn = space.format(space.sample(CELLS, np.random.default_rng([seed, 2])))
    trained = [_train(tables, folder, cell, seed) for cell in (*proposed, *drawn)]
    return {
        "proposed": [accuracy for accuracy, _ in trained[:CELLS]],
        "random": [accuracy for accuracy, _ in trained[CELLS:]],
        "seconds": [seconds for _, seconds in trained],
    }


def _train(tables: Tables, folder: Path, cell: str, seed: int) -> tuple[float, float]:
    """Validation accuracy in %, and seconds, of one training; 10 % where it diverged."""
    import torch

    from search.evaluator import Bench
    from search.request.design_request import parse_request
    from search.run.composite import make_evaluator

    torch.set_num_threads(1)
    order = {"space": SPACE, "task": "cifar10", "evaluations": 1, "evaluator": "training"}
    request = parse_request(order | {"evaluator_options": {"training": OPTIONS}})
    assert request.evaluator is not None  # as it is ordered
    bench = Bench(tables, tables.data_dir, folder)
    problem = request.problem()
    evaluator = make_evaluator(problem, request.evaluator, request.evaluator_options, bench, seed)
    seen = evaluator.evaluate(cell, lambda: False)
    return (10.0 if seen.failed else seen.values["accuracy@cifar10"]), seen.seconds


def _zipped(files: dict[str, list[bytes]]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, contents in files.items():
            for number, content in enumerate(contents):
                archive.writestr(zipfile.ZipInfo(f"{name}/{number:02}.jpg"), content)
    return made.getvalue()


@comparison(
    "closing-circle",
    protocol=PROTOCOL,
    seeds=1,
    full_seeds=2,
    trains=True,
    hours=0.8,
)
def closing_circle(context: Context) -> Sequence[Row]:
    """Accuracies of both halves."""
    if images_of(context.tables) is None:
        return [Row.absent("6-proposed", f"no {DATA} in the data directory", "%")]
    runs = [
        context.once(f"circle {seed}", circle, context.tables, context.cache_dir, seed)
        for seed in context.seeds
    ]
    figures = {name: [value for run in runs for value in run[name]] for name in runs[0]}
    source = "CIFAR-10"
    best = f"the best of {len(figures['proposed'])} cells"
    return [
        Row.measured("6-proposed", figures["proposed"], "%", over="cells", source=source),
        Row.measured("6-random", figures["random"], "%", over="cells", source=source),
        Row.measured("6-proposed-best", max(figures["proposed"]), "%", statement=best, source=source),
        Row.measured("6-random-best", max(figures["random"]), "%", statement=best, source=source),
        Row.ahead(
            "6-proposed-ahead-of-random",
            figures["proposed"],
            figures["random"],
            "points",
            pairs=False,
            over="cells",
            goal=False,
            source=source,
        ),
        Row.measured(
            "6-slowest-training",
            max(figures["seconds"]) / 60,
            "min",
            statement="the slowest",
            source=source,
        ),
    ]
