"""Coverage, width and likelihood of intervals, ``netwright compare calibration``: figure 6."""

from collections.abc import Sequence

import numpy as np

from benchmarks.tables import Tables
from experiments.framework.context import Context
from experiments.framework.registry import comparison
from experiments.framework.row import Row
from spaces.known import get_space

LABELS = 300
CONFIDENCE = 0.9
EVALUATED = 3000
LOW, HIGH = 88.0, 95.0
COLUMNS = {
    "nasbench201": (
        *("accuracy@cifar10", "accuracy@cifar100", "accuracy@cifar10-fp32", "accuracy@cifar10-int8-ptq"),
        *("accuracy@cifar10-int8-qat", "accuracy@cifar10-analog"),
    ),
    "gnn": tuple(f"accuracy@{task}" for task in get_space("gnn").tasks),
    "mnasnet": (
        *("accuracy@imagenet", "latency_ms@zcu102", "throughput_ips@3090", "throughput_ips@a100"),
        *("throughput_ips@tpuv2", "throughput_ips@zcu102"),
    ),
}

PROTOCOL = f"""\
6: {LABELS} labels drawn at random from each table, 90 % intervals evaluated on up to {EVALUATED} other
architectures, kind auto; gp and neural with --full. Coverage in percent; its standard error is over seeds,
each with labels of its own. Width: mean over the central 90 % of the true values. nll: mean negative log
likelihood in nats of a normal distribution on the scale of normal scores, less that of a standard normal
one; below 0 the std is more informative than the spread of the labels. The goal of {LOW:g} to {HIGH:g} % is
stated as two rows."""


def evaluated(tables: Tables, name: str, key: str, kind: str, seed: int) -> dict[str, float]:
    """Coverage in percent, relative width and negative log likelihood on one table."""
    from predictors.calibrated import ScoredPredictor
    from predictors.calibration.normal_scores import NormalScores
    from predictors.kinds import KINDS

    space = get_space(name)
    task = tables.column(name, key).quantity.task
    codes = tables.architectures(name, key)
    values = tables.values(name, key, codes)
    order = np.random.default_rng(seed).permutation(len(codes))
    learn, held_out = order[:LABELS], order[LABELS:][:EVALUATED]
    model = KINDS.get(kind)(space, task=task, seed=seed).fit(codes[learn], values[learn])
    assert isinstance(model, ScoredPredictor)
    truth = values[held_out]
    prediction = model.predict(codes[held_out], CONFIDENCE)
    inside = (prediction.lower <= truth) & (truth <= prediction.upper)
    low, high = np.quantile(truth, [0.05, 0.95])
    mean, scale = model.scored(codes[held_out])
    std = scale * model.calibration.std_factor()
    scores = NormalScores.fit(values[learn]).transform(truth)
    gain = 0.5 * ((scores - mean) / std) ** 2 + np.log(std) - 0.5 * scores**2
    return {
        "coverage": 100 * float(inside.mean()),
        "width": float(np.mean(prediction.upper - prediction.lower) / max(high - low, 1e-12)),
        "nll": float(gain.mean()),
    }


@comparison("calibration", protocol=PROTOCOL, seeds=3, full_seeds=20, hours=0.2)
def calibration(context: Context) -> Sequence[Row]:
    """Every table."""
    rows: list[Row] = []
    kinds = ("auto", "gp", "neural") if context.full else ("auto",)
    total = len(kinds) * sum(map(len, COLUMNS.values()))
    for name, keys in COLUMNS.items():
        for key in keys:
            for kind in kinds:
                rows += _rows(context, name, key, kind)
                context.progress(len(rows) // 4, total, f"{name} {key} {kind}")
    return rows


def _rows(context: Context, name: str, key: str, kind: str) -> list[Row]:
    """Coverage against both ends of its goal, width and likelihood."""
    row = f"6-{name}-{key.replace('@', '-')}-{kind}"
    source = context.tables.column(name, key).source
    if reason := context.tables.available(name, key):
        columns = [f"{name}/{key}"]
        return [
            Row.absent(
                f"{row}-coverage", reason, "%", goal=f">= {LOW:g}", evaluated_on=columns, source=source
            )
        ]
    found = context.each(row, evaluated, name, key, kind)
    coverage = [part["coverage"] for part in found]
    columns = [f"{name}/{key}"]
    return [
        Row.measured(
            f"{row}-coverage", coverage, "%", goal=f">= {LOW:g}", evaluated_on=columns, source=source
        ),
        Row.measured(
            f"{row}-coverage-at-most", coverage, "%", goal=f"<= {HIGH:g}", evaluated_on=columns, source=source
        ),
        Row.measured(f"{row}-width", [part["width"] for part in found], "of the truths", source=source),
        Row.measured(f"{row}-nll", [part["nll"] for part in found], "nats", source=source),
    ]
