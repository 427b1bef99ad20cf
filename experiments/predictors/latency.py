"""The latency of a device that no model has seen, from few measurements on it.

Row ids begin with 4: the rank correlation under HELP's protocol, what chosen measurements are worth, what the
intervals cover on devices left out, and the same where a whole family of devices is left out.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from benchmarks.tables import Tables
from experiments.framework.context import Context
from experiments.framework.pool import Part
from experiments.framework.published import Publication
from experiments.framework.registry import comparison
from experiments.framework.row import Row
from predictors.devices.model import DeviceModel
from spaces.known import get_space
from spaces.space import Codes, Floats

CELLS = 900
HELD_OUT = ("titan_rtx_256", "fpga", "pixel2")
KNOWN = (
    "1080ti_1", "1080ti_32", "1080ti_256", "silver_4114", "silver_4210r", "samsung_a50", "pixel3",
    "essential_ph_1", "samsung_s7",
)  # fmt: skip
COLUMNS = [f"nasbench201/latency_ms@{device}" for device in HELD_OUT]
VALIDATION = ("titanx_1", "titanx_32", "titanx_256", "gold_6240")
FAMILIES = {
    "gpu": ("1080ti", "2080ti", "titan"),
    "cpu": ("gold", "silver"),
    "phone": ("essential", "pixel", "samsung"),
    "accelerator": ("fpga",),
}
HELP = Publication("Lee et al.", 2021, "HELP, NeurIPS, Table 3")
TABLE = "tables of HELP"

PROTOCOL = """\
nasbench201 (tables of HELP, NeurIPS 2021): the model learns from at most 900 cells of each of HELP's 9
known and 4 validation devices, then from 10 or 20 cells measured on titan_rtx_256, fpga or pixel2; Spearman
over all other cells. Random cells, a draw a seed; or those that the model's own probe chooses among 500
cells drawn by the seed. Outliers: one of the ten is ten times too large. Coverage: each device of the file
is left out of the model and of its calibration, and fitted from 10 random cells; share of the other cells
inside the 90 % interval; standard
errors are over devices. Devices that differ in batch size alone stay known. fbnet: all devices of a family
are left out at once and fitted from 10 networks each; that table holds 5,000 networks. No evaluated device's
value trains the model that is evaluated on it."""


def measured(tables: Tables, space: str, device: str) -> tuple[Codes, Floats]:
    """Every architecture of a device's column, and its values."""
    key = f"latency_ms@{device}"
    codes = tables.architectures(space, key)
    return codes, tables.values(space, key, codes)


def labels(tables: Tables, space: str, devices: Sequence[str]) -> dict[str, tuple[Codes, Floats]]:
    """At most 900 cells of each device, drawn by its name alone."""
    drawn = {}
    for name in devices:
        codes, values = measured(tables, space, name)
        rows = np.random.default_rng(list(name.encode())).permutation(len(codes))[:CELLS]
        drawn[name] = (codes[rows], values[rows])
    return drawn


@lru_cache(maxsize=8)
def model_of(tables: Tables, space: str, devices: tuple[str, ...]) -> DeviceModel:
    """A calibrated model that has seen these devices alone."""
    return DeviceModel.train(get_space(space), labels(tables, space, devices))


def few_shot(tables: Tables, device: str, count: int, seed: int) -> dict[str, float]:
    """HELP's protocol with one draw: rank correlations with random, spoilt and chosen measurements."""
    model = model_of(tables, "nasbench201", KNOWN + VALIDATION)
    codes, values = measured(tables, "nasbench201", device)
    rng = np.random.default_rng([seed, count])
    drawn = rng.choice(len(codes), count, replace=False)
    spoilt = values[drawn].copy()
    spoilt[rng.integers(count)] *= 10
    chosen = model.probe(count, codes[rng.choice(len(codes), 500, replace=False)])
    latencies = tables.values("nasbench201", f"latency_ms@{device}", chosen)
    own = (codes[:, None, :] == chosen[None]).all(axis=2).any(axis=1)
    return {
        "random": _spearman(model, codes[drawn], values[drawn], codes, values, drawn),
        "spoilt": _spearman(model, codes[drawn], spoilt, codes, values, drawn),
        "probe": _spearman(model, chosen, latencies, codes, values, np.flatnonzero(own)),
    }


def _spearman(
    model: DeviceModel,
    given: Codes,
    latencies: Floats,
    codes: Codes,
    values: Floats,
    used: NDArray[np.int64],
) -> float:
    """Rank correlation over the architectures that were not measured."""
    rest = np.setdiff1d(np.arange(len(codes)), used)
    mean = model.fit(given, latencies).predict(codes[rest]).mean
    return float(spearmanr(mean, values[rest]).statistic)


def left_out(
    tables: Tables, space: str, held_out: Sequence[str], draws: int, count: int = 10
) -> dict[str, dict[str, list[float]]]:
    """Devices that a model has never seen: rank correlation and coverage in %, by device and draw."""
    every = get_space(space).devices
    known = labels(tables, space, every)
    kept = {name: known[name] for name in every if name not in held_out}
    model = _functions(tables, space).without(set(held_out)).calibrated(kept, counts=(count,))
    answer = {}
    for device in held_out:
        codes, values = measured(tables, space, device)
        basis = model.basis(codes)
        found: dict[str, list[float]] = {"spearman": [], "coverage": []}
        for draw in range(draws):
            order = np.random.default_rng(draw).permutation(len(codes))
            rest = order[count:]
            fitted = model.fit(codes[order[:count]], values[order[:count]])
            prediction = fitted.at(basis[rest], 0.9)
            inside = (prediction.lower <= values[rest]) & (values[rest] <= prediction.upper)
            found["coverage"].append(100 * float(inside.mean()))
            found["spearman"].append(float(spearmanr(prediction.mean, values[rest]).statistic))
        answer[device] = found
    return answer


@lru_cache(maxsize=2)
def _functions(tables: Tables, space: str) -> DeviceModel:
    """Every device's own function; each is learned alone, so leaving one out leaves no trace of it."""
    return DeviceModel.train(get_space(space), labels(tables, space, get_space(space).devices), counts=())


@comparison("latency", protocol=PROTOCOL, seeds=20, full_seeds=20)
def latency(context: Context) -> Sequence[Row]:
    """All parts of figure 4."""
    tables = context.tables
    for space in ("nasbench201", "fbnet"):
        reason = tables.available(space, "latency_ms@fpga")
        if reason is not None:
            return [
                Row.absent(
                    "4-help-10",
                    reason,
                    "Spearman",
                    goal=">= 0.955",
                    evaluated_on=COLUMNS,
                    published=HELP.reports(0.925),
                    source=TABLE,
                )
            ]
    return [row for part in (_help, _coverage, _families) for row in context.section(part)]


def _help(context: Context) -> list[Row]:
    rows = []
    for count, goal in ((10, ">= 0.955"), (20, ">= 0.958")):
        runs = {device: context.each(f"few {device} {count}", few_shot, device, count) for device in HELD_OUT}
        context.progress(count // 10, 4, f"{count} measurements")
        means = {
            how: np.mean([[run[how] for run in runs[device]] for device in HELD_OUT], axis=0)
            for how in ("random", "spoilt", "probe")
        }
        random, probe = means["random"].tolist(), means["probe"].tolist()
        rows.append(
            Row.measured(
                f"4-help-{count}",
                random,
                "Spearman",
                goal=goal,
                evaluated_on=COLUMNS,
                published=HELP.reports(0.925) if count == 10 else None,
                source=TABLE,
            )
        )
        rows += [
            Row.measured(
                f"4-help-{count}-{device}", [run["random"] for run in runs[device]], "Spearman", source=TABLE
            )
            for device in HELD_OUT
        ]
        rows += [
            Row.measured(f"4-probe-{count}", probe, "Spearman", source=TABLE),
            Row.ahead(
                f"4-probe-{count}-ahead-of-random",
                probe,
                random,
                "Spearman",
                pairs=True,
                evaluated_on=COLUMNS,
                source=TABLE,
            ),
            Row.measured(f"4-outlier-{count}", means["spoilt"].tolist(), "Spearman", source=TABLE),
        ]
    return rows


def _coverage(context: Context) -> list[Row]:
    draws = len(context.seeds)
    devices = get_space("nasbench201").devices
    parts = [Part(f"out {device} {draws}", left_out, ("nasbench201", (device,), draws)) for device in devices]
    answers = context.all(parts, "devices left out")
    found: dict[str, dict[str, list[float]]] = {}
    for part in parts:
        found |= answers[part.name]
    context.progress(3, 4, "coverage")
    shares = {device: float(np.mean(runs["coverage"])) for device, runs in found.items()}
    mean = list(shares.values())
    worst = min(shares, key=lambda device: shares[device])
    ranks = [float(np.mean(runs["spearman"])) for runs in found.values()]
    columns = [f"nasbench201/latency_ms@{device}" for device in shares]
    return [
        Row.measured(
            "4-coverage", mean, "%", over="devices", goal=">= 88", evaluated_on=columns, source=TABLE
        ),
        Row.measured(
            "4-coverage-upper", mean, "%", over="devices", goal="<= 95", evaluated_on=columns, source=TABLE
        ),
        Row.measured(
            "4-coverage-worst",
            found[worst]["coverage"],
            "%",
            over="draws",
            goal=">= 75",
            evaluated_on=columns,
            source=f"{TABLE}; lowest is {worst}",
        ),
        Row.measured("4-left-out-spearman", ranks, "Spearman", over="devices", source=TABLE),
    ]


def _families(context: Context) -> list[Row]:
    rows = []
    draws = len(context.seeds)
    for family, prefixes in FAMILIES.items():
        held_out = tuple(name for name in get_space("fbnet").devices if name.startswith(prefixes))
        found = context.once(f"fbnet-{family}-{draws}", left_out, context.tables, "fbnet", held_out, draws)
        for what, unit in (("spearman", "Spearman"), ("coverage", "%")):
            values = [float(np.mean(runs[what])) for runs in found.values()]
            rows.append(_of_family(f"4-fbnet-{family}-{what}", values, unit))
    context.progress(4, 4, "families")
    return rows


def _of_family(row: str, values: list[float], unit: str) -> Row:
    statement = "the family has one device" if len(values) == 1 else ""
    return Row.measured(row, values, unit, over="devices", statement=statement, source=TABLE)
