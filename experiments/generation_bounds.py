"""Figures 4 and 5 of the comparison ``generation``: whether bounds hold, and HELP's constrained task."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from benchmarks.tables import Tables
from experiments.generation_samples import labelled
from spaces.space import Bools, Codes, Floats, get_space

CELLS = 900
"""Cells whose latency a device's model may see; only others are proposed and judged."""
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
BELIEVED = "accuracy@cifar10-fp32"
"""What accuracy on CIFAR-100 is believed from in HELP's task."""


def bounds_of_devices(tables: Tables, each: int) -> list[dict[str, float]]:
    """``each`` sets of bounds on every device, two devices at a time; see :func:`bounds_hold`."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        folders = tables.cache_dir, tables.data_dir
        running = [pool.submit(_bounds_hold, *folders, device, each) for device in DEVICES]
        return [answer for future in running for answer in future.result()]


def _bounds_hold(cache_dir: Path, data_dir: Path | None, device: str, count: int) -> list[dict[str, float]]:
    return bounds_hold(Tables(cache_dir, data_dir), device, count)


def bounds_hold(tables: Tables, device: str, count: int) -> list[dict[str, float]]:
    """``count`` random feasible sets of bounds on a device: what was returned, what the table says of it.

    Each set is within reach by construction: a random cell that the model did not see satisfies it. It bounds
    the latency, and in two of three sets the parameters or the multiply-accumulates too.
    """
    from predictors.gbdt import GbdtPredictor
    from search.problem import Problem
    from search.proposals import propose
    from search.request import parse_request

    space = get_space("nasbench201")
    key = f"latency_ms@{device}"
    codes = tables.members(space.name, key)
    latency = tables.values(space.name, key, codes)
    rng = np.random.default_rng(list(device.encode()))
    order = rng.permutation(len(codes))
    seen, unseen = order[:CELLS], order[CELLS:]
    model = GbdtPredictor(space, seed=0).fit(codes[seen], latency[seen])
    accuracy = labelled(tables, space.name, f"accuracy@{TASK}", 0, task=TASK)
    costs = space.statistics(codes, TASK)
    answers = []
    for index in range(count):
        cell = int(unseen[rng.integers(len(unseen))])
        slack = 1 + 0.2 * rng.random()
        bounds: list[dict[str, object]] = [
            {"metric": "latency_ms", "device": device, "max": float(latency[cell] * slack)}
        ]
        exact: Bools = np.ones(len(codes), dtype=bool)
        for metric in {1: ["params_m"], 2: ["macs_m"]}.get(index % 3, []):
            most = float(costs[metric][cell] * slack)
            bounds.append({"metric": metric, "max": most})
            exact &= costs[metric] <= most
        request = parse_request({"space": space.name, "task": TASK, "constraints": bounds})
        problem = Problem.of(request)
        found = propose(
            problem,
            {key: model, f"accuracy@{TASK}": accuracy},  # type: ignore[dict-item]
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

    The latency model knows HELP's 13 other devices and ten random cells of this one. Accuracy is believed
    from CIFAR-10 alone: from its measured value of every candidate cell, that is the mean of a cell's rank in
    AnalogNAS-Bench's full precision and its rank by trees that smooth that table; or, with ``labels``, from
    trees that saw so many cells of it. CIFAR-100, which judges, trains nothing.
    """
    from experiments.latency import KNOWN, VALIDATION, model_of
    from generator.generate import GenerateOptions, generate
    from generator.guide import ProductGuide
    from generator.weights import load_generator
    from search.guides import FunctionGuide

    space = get_space("nasbench201")
    key = f"latency_ms@{device}"
    codes = tables.members(space.name, key)
    rows = np.random.default_rng([seed, *device.encode()]).choice(len(codes), MEASURED, replace=False)
    model = model_of(tables, space.name, KNOWN + VALIDATION)
    fitted = model.fit(codes[rows], tables.values(space.name, key, codes[rows]))
    if labels is None:
        belief = _believed(tables, codes)
    else:
        trees = labelled(tables, space.name, BELIEVED, seed, count=labels, task="cifar10")
        belief = _ranks(trees.scored(codes)[0])  # type: ignore[attr-defined]
    place = {row.tobytes(): index for index, row in enumerate(codes)}

    def merit(asked: Codes) -> Floats:
        return belief[[place[row.tobytes()] for row in asked]]

    def within(asked: Codes) -> Floats:
        return np.log(np.maximum(fitted.probability_below(asked, bound), 1e-12))

    guide = ProductGuide([FunctionGuide(merit, strength=60.0), FunctionGuide(within, strength=1.0)])
    options = GenerateOptions(rounds=5, refinements=3, climbs=4)
    found = generate(load_generator(space.name), 200, seed=seed, guide=guide, options=options).codes
    likely = found[np.exp(within(found)) >= 0.5]
    pool = likely if len(likely) else found
    measured = pool[np.argsort(-merit(pool), kind="stable")[:MEASURED]]
    times = tables.values(space.name, key, measured)
    allowed = np.flatnonzero(times <= bound)
    truth = tables.values(space.name, f"accuracy@{TASK}", codes)
    best = float(truth[tables.values(space.name, key, codes) <= bound].max())
    if not len(allowed):
        return {"selected": 0.0, "latency": 0.0, "accuracy": 0.0, "distance": best, "best": best}
    chosen = measured[allowed[merit(measured[allowed]).argmax()]]
    accuracy = float(tables.values(space.name, f"accuracy@{TASK}", chosen[None])[0])
    return {
        "selected": 1.0,
        "latency": float(times[allowed[merit(measured[allowed]).argmax()]]),
        "accuracy": accuracy,
        "distance": best - accuracy,
        "best": best,
    }


_BELIEFS: dict[str, Floats] = {}


def _believed(tables: Tables, codes: Codes) -> Floats:
    """How good cells (b, 6) are by the whole CIFAR-10 table, (b,) in [0, 1]; computed once a process."""
    from predictors.gbdt import GbdtOptions, GbdtPredictor

    key = BELIEVED
    if key not in _BELIEFS:
        values = tables.values("nasbench201", key, codes)
        rows = np.random.default_rng(0).permutation(len(codes))[:6000]
        options = GbdtOptions(members=3, trees=150, depth=5, rate=0.15)
        trees = GbdtPredictor(get_space("nasbench201"), task="cifar10", seed=0, options=options)
        smooth = trees.fit(codes[rows], values[rows]).predict(codes).mean
        _BELIEFS[key] = (_ranks(values) + _ranks(smooth)) / 2
    return _BELIEFS[key]


def _ranks(values: Floats) -> Floats:
    result: Floats = np.argsort(np.argsort(values, kind="stable"), kind="stable") / len(values)
    return result


def pooled(answers: Sequence[dict[str, float]], name: str) -> float | None:
    """Share of everything returned that ``name`` counts, in %; None where nothing was returned."""
    returned = sum(answer["returned"] for answer in answers)
    return 100 * sum(answer[name] for answer in answers) / returned if returned else None
