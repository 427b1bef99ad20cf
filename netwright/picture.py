"""A Pareto picture: the whole table in grey, the bound, random search, and what the design found."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from netwright.truth import Truth
from spaces.metric import Quantity
from spaces.space import Bools, Codes, Floats

ENLARGED = 0.3
"""Share of architectures within the bounds that lie below the picture's lower edge."""


def draw_pareto(
    truth: Truth, evaluated: Sequence[str], returned: Sequence[str], random: Codes, file: Path
) -> None:
    """Writes a PNG of the first objective over the first bound's quantity.

    Args:
        truth: the table.
        evaluated: architectures that the design evaluated, in order.
        returned: architectures that it returned.
        random: what random search evaluated, (m, v).
        file: where to write.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    bound, objective = truth.problem.constraints[0], truth.problem.objectives[0]
    cost = truth.costs[bound.quantity.key]
    figure, axes = pyplot.subplots(figsize=(9, 6), dpi=130, layout="constrained")
    axes.scatter(
        cost, truth.objective, s=4, c="#d5d5d5", linewidths=0, rasterized=True,
        label=f"all {len(cost):,} measured architectures",
    )  # fmt: skip
    x, y = _front(cost[truth.holds], truth.objective[truth.holds], objective.sign)
    axes.step(x, y, where="post", c="#555555", lw=1.2, label="front of the architectures within all bounds")
    limit = bound.max if bound.max is not None else bound.min
    assert limit is not None
    axes.axvline(limit, c="#c0392b", ls="--", lw=1.2, label=f"bound {limit:g}")
    keys = (bound.quantity.key, objective.key)
    axes.scatter(
        *_points(truth, random, keys), zorder=3, marker="x", c="#7f8c8d", s=34,
        label="random search, same budget",
    )  # fmt: skip
    axes.scatter(
        *_points(truth, _codes(truth, evaluated), keys), zorder=3, marker="o", c="#2980b9", s=30,
        label="evaluated",
    )  # fmt: skip
    axes.scatter(
        *_points(truth, _codes(truth, returned), keys), zorder=4, s=110, facecolors="none",
        edgecolors="#e67e22", linewidths=1.8, label="returned",
    )  # fmt: skip
    axes.scatter(
        *_best(truth, cost), zorder=5, marker="*", s=130, c="#27ae60",
        label="best of the table within all bounds",
    )  # fmt: skip
    low = float(np.quantile(truth.objective[truth.holds], ENLARGED))
    axes.set_ylim(low, float(truth.objective.max()) + 0.04 * (float(truth.objective.max()) - low))
    axes.set_xlim(float(cost.min()) * 0.95, min(float(cost.max()), 2.0 * limit))
    axes.set_xlabel(_label(bound.quantity))
    axes.set_ylabel(_label(objective))
    axes.set_title(_title(truth))
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file)
    pyplot.close(figure)


def _title(truth: Truth) -> str:
    """Space and task, and the bounds that are not on the axis."""
    parts = []
    for bound in truth.problem.constraints[1:]:
        parts += [] if bound.max is None else [f"{bound.quantity.key} ≤ {bound.max:g}"]
        parts += [] if bound.min is None else [f"{bound.quantity.key} ≥ {bound.min:g}"]
    rest = f" (and {', '.join(parts)})" if parts else ""
    return f"{truth.problem.space.title}, {truth.problem.task}{rest}"


def _codes(truth: Truth, architectures: Sequence[str]) -> Codes:
    return truth.problem.space.parse_many(architectures)


def _points(truth: Truth, codes: Codes, keys: tuple[str, str]) -> tuple[Floats, Floats]:
    values, _ = truth.of_strings(truth.problem.space.format(codes))
    return values[keys[0]], values[keys[1]]


def _best(truth: Truth, cost: Floats) -> tuple[Floats, Floats]:
    at: Bools = truth.holds & (truth.objective == truth.best)
    return cost[at], truth.objective[at]


def _front(cost: Floats, objective: Floats, sign: float) -> tuple[Floats, Floats]:
    """Costs in rising order, and the best objective that each of them buys."""
    order = np.argsort(cost, kind="stable")
    best = np.maximum.accumulate(sign * objective[order])
    better = np.concatenate([[True], np.diff(best) > 0])
    # Continued to the right: more money buys at least as much.
    x = np.append(cost[order][better], cost.max())
    return x, sign * np.append(best[better], best[-1])


def _label(quantity: Quantity) -> str:
    metric = quantity.definition
    names = {
        "params_m": "trainable parameters", "macs_m": "multiply-accumulates", "latency_ms": "latency",
        "accuracy": "accuracy", "peak_memory_mb": "peak memory",
    }  # fmt: skip
    of = [part for part in (quantity.device, quantity.task) if part is not None]
    unit = {"10⁶": "millions"}.get(metric.unit, metric.unit)
    where = f" on {', '.join(of)}" if of else ""
    return f"{names.get(quantity.metric, quantity.metric)}{where} ({unit})"
