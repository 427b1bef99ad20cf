"""Figures 4 and 5 of the comparison ``generation``: whether bounds hold, and HELP's constrained task."""

import numpy as np

from benchmarks.tables import Tables
from experiments.generation.samples import labelled
from spaces.known import get_space
from spaces.space import Bools, Codes, Floats

CELLS = 900
"""Cells whose latency a device's model may see; only others are proposed and evaluated."""
RETURNED = 8
DEVICES = (
    "1080ti_1",
    "fpga",
    "gold_6240",
    "pixel2",
    "samsung_s7",
    "silver_4114",
    "titan_rtx_256",
    "titanx_32",
)
GRAPHS = ("arxiv", "computers", "cs", "photo", "physics")
"""Data sets of ``gnn`` whose bounds evaluate; features were chosen on cora, citeseer and pubmed."""
TASK = "cifar100"
HELP_BOUNDS = {"titan_rtx_256": (18.0, 21.0, 25.0), "pixel2": (14.0, 18.0, 22.0), "fpga": (4.0, 5.0, 6.0)}
HELP_RESULTS = {
    ("titan_rtx_256", 18.0): (17.8, 69.7), ("titan_rtx_256", 21.0): (18.9, 71.5),
    ("titan_rtx_256", 25.0): (24.2, 71.8), ("pixel2", 14.0): (13.0, 69.7), ("pixel2", 18.0): (19.0, 71.8),
    ("pixel2", 22.0): (25.0, 73.2), ("fpga", 4.0): (3.8, 70.2), ("fpga", 5.0): (4.7, 71.8),
    ("fpga", 6.0): (7.4, 73.5),
}  # fmt: skip
"""(device, bound in ms) → latency in ms and accuracy in % that HELP reports."""
MEASURED = 10
GENERATED = 400
LABELLED = "accuracy@cifar10-fp32"
"""The column that few labels of are estimated, where HELP's task is repeated with those."""


OF_DEVICES = [("nasbench201", TASK, f"latency_ms@{device}") for device in DEVICES]
OF_GRAPHS = [("gnn", task, f"latency_ms@gpu@{task}") for task in GRAPHS]
"""Space, task and quantity of bounds; latencies of ``gnn`` were measured on one GPU for each data set."""


def bounds_hold(tables: Tables, space_name: str, task: str, key: str, count: int) -> list[dict[str, float]]:
    """``count`` random feasible sets of bounds on a latency: what was returned, what the table says of it.

    Each set is within reach by construction: a random cell that the model did not see satisfies it. It bounds
    the latency, and in two of three sets the parameters or, where the space counts them, the
    multiply-accumulates too.
    """
    from predictors.kinds.gbdt import GbdtPredictor, cost_options
    from search.proposals import propose
    from search.request.design_request import parse_request

    space = get_space(space_name)
    codes = tables.architectures(space.name, key)
    latency = tables.values(space.name, key, codes)
    rng = np.random.default_rng(list(key.split("@")[-1].encode()))
    order = rng.permutation(len(codes))
    seen, unseen = order[:CELLS], order[CELLS:]
    model = GbdtPredictor(space, task=task, seed=0, options=cost_options(space))
    model.fit(codes[seen], latency[seen])
    accuracy = labelled(tables, space.name, f"accuracy@{task}", 0, task=task)
    costs = space.statistics(codes, task)
    second = "macs_m" if "macs_m" in costs else "params_m"
    answers = []
    for index in range(count):
        cell = int(unseen[rng.integers(len(unseen))])
        slack = 1 + 0.2 * rng.random()
        bounds: list[dict[str, object]] = [
            {"metric": "latency_ms", "device": key.split("@")[1], "max": float(latency[cell] * slack)}
        ]
        exact: Bools = np.ones(len(codes), dtype=bool)
        for metric in {1: ["params_m"], 2: [second]}.get(index % 3, []):
            most = float(costs[metric][cell] * slack)
            bounds.append({"metric": metric, "max": most})
            exact &= costs[metric] <= most
        problem = parse_request({"space": space.name, "task": task, "constraints": bounds}).problem()
        found = propose(
            problem,
            {key: model, f"accuracy@{task}": accuracy},  # type: ignore[dict-item]
            RETURNED,
            seed=index,
            exclude=codes[seen],
        ).codes
        held = tables.values(space.name, key, found) <= latency[cell] * slack
        feasible = exact & (latency <= latency[cell] * slack)
        answers.append(
            {
                "returned": float(len(found)),
                "held": float(held.sum()),
                "exact": float((problem.gap(found) <= 0).sum()),
                "feasible_share": float(feasible.mean()),
            }
        )
    return answers


def help_task(
    tables: Tables, device: str, bound: float, seed: int, labels: int | None = None
) -> dict[str, float]:
    """One bound of HELP's Table 4: generate, measure the latency of at most ten cells, choose one.

    The latency model knows HELP's 13 other devices and ten random cells of this one. Accuracy is estimated
    from other data sets alone, see :mod:`experiments.generation.accuracy_prior`; or, with ``labels``, from
    trees that saw so many cells of CIFAR-10. CIFAR-100, which evaluates, trains nothing.

    Of what was generated one cell after the other is measured, each time the one whose hoped-for gain over
    the best cell within the bound is greatest, and the device's model learns from it.
    """
    from experiments.generation.accuracy_prior import accuracy_prior, ranks
    from experiments.predictors.latency import KNOWN, VALIDATION, model_of
    from generator.generate import GenerateOptions, generate
    from generator.guide import ProductGuide
    from generator.masked.weights import load_generator
    from search.guides import FunctionGuide

    space = get_space("nasbench201")
    key = f"latency_ms@{device}"
    codes = tables.architectures(space.name, key)
    rows = np.random.default_rng([seed, *device.encode()]).choice(len(codes), MEASURED, replace=False)
    model = model_of(tables, space.name, KNOWN + VALIDATION)
    known, values = codes[rows], tables.values(space.name, key, codes[rows])
    fitted = model.fit(known, values)
    if labels is None:
        estimated = accuracy_prior(tables)
    else:
        trees = labelled(tables, space.name, LABELLED, seed, count=labels, task="cifar10")
        estimated = ranks(trees.scored(codes)[0])  # type: ignore[attr-defined]
    place = {row.tobytes(): index for index, row in enumerate(codes)}

    def fitness(asked: Codes) -> Floats:
        return estimated[[place[row.tobytes()] for row in asked]]

    def within(asked: Codes) -> Floats:
        return np.log(np.maximum(fitted.probability_below(asked, bound), 1e-12))

    guide = ProductGuide([FunctionGuide(fitness, strength=60.0), FunctionGuide(within, strength=1.0)])
    options = GenerateOptions(rounds=5, refinements=3, climbs=4)
    found = generate(
        load_generator(space.name), GENERATED, seed=seed, guide=guide, exclude=known, options=options
    ).codes
    good, chosen, latency = fitness(found), -1, 0.0
    left = np.ones(len(found), dtype=bool)
    for _ in range(MEASURED):
        least = good.min() - 0.1 if chosen < 0 else good[chosen]
        gain = np.maximum(good - least, 0.0) * fitted.probability_below(found, bound)
        index = int(np.where(left, gain, -1.0).argmax())
        if gain[index] <= 0.0:
            break  # nothing better is left
        left[index] = False
        value = tables.values(space.name, key, found[index : index + 1])
        known, values = np.concatenate([known, found[index : index + 1]]), np.concatenate([values, value])
        fitted = model.fit(known, values)
        if value[0] <= bound:
            chosen, latency = index, float(value[0])
    truth = tables.values(space.name, f"accuracy@{TASK}", codes)
    best = float(truth[tables.values(space.name, key, codes) <= bound].max())
    if chosen < 0:
        return {"selected": 0.0, "latency": 0.0, "accuracy": 0.0, "distance": best, "best": best}
    accuracy = float(tables.values(space.name, f"accuracy@{TASK}", found[chosen][None])[0])
    return {
        "selected": 1.0,
        "latency": latency,
        "accuracy": accuracy,
        "distance": best - accuracy,
        "best": best,
    }
