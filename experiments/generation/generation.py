"""The generator beside DiffusionNAG's own method, exact uniform draws, rankings and evolution.

Row ids: 1 what raw samples are like, 2 what sampling costs, 3 whether steering is worth having, 4 whether
bounds hold, 5 HELP's constrained task.
"""

from collections.abc import Sequence

import numpy as np

from experiments.framework.context import Context
from experiments.framework.pool import Part
from experiments.framework.published import Publication
from experiments.framework.registry import comparison
from experiments.framework.row import NO_TABLE, Row
from experiments.generation.bounds import (
    HELP_BOUNDS,
    HELP_RESULTS,
    OF_DEVICES,
    OF_GRAPHS,
    bounds_hold,
    help_task,
)
from experiments.generation.samples import (
    conditional_likelihood,
    in_a_process_of_its_own,
    raw_architectures,
    score_sde_samples,
    score_sde_speed,
    shared_training,
    uniform_draws,
)
from experiments.generation.steering import against_ranking, against_rivals

NAG = Publication("An et al.", 2024, "DiffusionNAG, ICLR, Table 1 (another row there: 100/99.70/59.34)")
HELP = Publication("Lee et al.", 2021, "HELP, NeurIPS, Table 4")
BOUNDS = "tables of HELP"
GRAPH_BOUNDS = "NAS-Bench-Graph (Qin et al., NeurIPS 2022)"
PRIOR = "accuracy estimated from subsets of ImageNet and from CIFAR-10"
FEW = 300
"""CIFAR-10 labels of the prior that HELP's task is repeated with."""
TIMED = 64
ACCURACIES = ("cifar10", "cifar100", "cifar10-int8-ptq")

PROTOCOL = """\
Raw samples: 1,000 in nasbench201 of a masked diffusion trained on a random half or tenth of the cells (500
steps), and of the shipped score_sde (trained on a random half, 15,000 steps); novelty is the share outside
what it was trained on. Speed: 1,000 unique architectures steered by boosted trees with 156 labels, warm,
five times in a process of its own, one thread; other work on the machine counts in the wall clock and
not in the CPU seconds. score_sde: one guided batch of 64, timed once, the predictor's gradients among the
network calls; that predictor was trained for 300 steps, not its default 1,500, and may steer less well for
it. Steering: the best true accuracy of ten generated cells less that of the ten that a ranking of all 15,625
puts first, same trees with 156 labels of the evaluating table; in mnasnet and gnn the best predicted
objective less that of regularized evolution (population 100, 50 children at once) and of uniform draws,
given these trees, at the same seconds and at five times the calls. Bounds: random feasible bounds on the
latency, in two of three with parameters or multiply-accumulates, on eight devices of HELP's table; the
latency model (boosted trees) saw 900 cells, which are never proposed; eight architectures a bound,
confidence 90 %; every bound is feasible, so each should be answered. 4-gnn: the same on five data sets of
gnn (latency and in two of three the parameters; 26,206 architectures, 900 seen); the features of that
latency model were chosen on the three data sets cora, citeseer and pubmed. HELP's task: a device model of 13
other devices and ten random cells; accuracy estimated from other data sets alone, half from trees that
learned what 1,553 cells reached on 3,031 subsets of ImageNet (where HELP's own accuracy predictor learned
too) and half from the cell's CIFAR-10 accuracy in AnalogNAS-Bench, a mean over cells of one function, which
no search from scratch would have; evaluated on CIFAR-100. What the prior is made of was chosen on held-out
cells of the ImageNet subsets. Ten cells' latency is looked up, one after the other, the device model
learning from each; the best estimated within the bound is selected. few-labels: the same with the first seed
alone, the prior that of boosted trees with 300 CIFAR-10 labels."""


@comparison("generation", protocol=PROTOCOL, seeds=3, full_seeds=20, alone=True, hours=0.4)
def generation(context: Context) -> Sequence[Row]:
    """Figures 1 to 5."""
    reason = context.tables.available("nasbench201", "latency_ms@fpga")
    rows = context.section(_samples)
    context.progress(1, 5, "samples")
    if reason is not None:
        return [
            *rows,
            Row.absent("2-nasbench201-seconds", reason, "s", goal="<= 0.4", evaluated_on=NO_TABLE),
        ]
    parts = (_speed, _steering, _bounds, _help)
    for index, part in enumerate(parts, start=2):
        rows += context.section(part)
        context.progress(index, 5, part.__name__.strip("_"))
    return rows


def _samples(context: Context) -> list[Row]:
    rows = []
    for name, share in (("half", 0.5), ("tenth", 0.1)):
        drawn = context.once(
            f"share {share} {len(context.seeds)}", shared_training, share, len(context.seeds)
        )
        uniform = [context.once(f"uniform {share} {seed}", uniform_draws, share, seed) for seed in range(20)]
        published = {"valid": 98.97, "unique": 98.70, "novel": 49.20} if name == "half" else {}
        # Every filling of nasbench201 is a cell: validity there is free and no goal.
        for what, goal in (("valid", None), ("unique", None), ("novel", ">= 85")):
            values = [run[f"{what}_percent"] for run in drawn]
            rows.append(
                Row.measured(
                    f"1-{name}-{what}",
                    values,
                    "%",
                    goal=goal if name == "tenth" else None,
                    evaluated_on=NO_TABLE,
                    published=NAG.reports(published[what]) if what in published else None,
                )
            )
            if name == "half" and what != "valid":
                expected = float(np.mean([run[f"{what}_percent"] for run in uniform]))
                off = [abs(value - expected) for value in values]
                rows.append(
                    Row.measured(
                        f"1-half-{what}-off-uniform", off, "points", goal="<= 2", evaluated_on=NO_TABLE
                    )
                )
    # What generate returns is filtered for validity and duplicates: true by construction, held by tests.
    gnn = [context.once(f"gnn {seed}", raw_architectures, "gnn", seed) for seed in context.seeds]
    rows.append(Row.measured("1-gnn-valid", gnn, "%", goal=">= 99", evaluated_on=NO_TABLE))
    score = context.once("score_sde raw", score_sde_samples, TIMED, 0)
    for what, goal, figure in (("valid", ">= 98", 98.97), ("unique", None, 98.70), ("novel", None, 49.20)):
        rows.append(
            Row.share(
                f"1-score-sde-{what}",
                round(TIMED * score[f"{what}_percent"] / 100),
                TIMED,
                over="samples",
                goal=goal,
                evaluated_on=NO_TABLE,
                published=NAG.reports(figure),
            )
        )
    likelihood = [
        context.once(f"likelihood {seed}", conditional_likelihood, seed) for seed in context.seeds[:3]
    ]
    for name in ("exact", "many", "eight", "free"):
        label = {"many": "100-steps", "eight": "8-steps", "free": "unconditional"}.get(name, name)
        rows.append(
            Row.measured(f"1-likelihood-given-statistics-{label}", [run[name] for run in likelihood], "nats")
        )
    return rows


def _speed(context: Context) -> list[Row]:
    rows = []
    for space, task, goal in (("nasbench201", "cifar10", "<= 0.4"), ("mnasnet", "imagenet", "<= 2")):
        run = context.once(f"speed {space}", in_a_process_of_its_own, context.tables, space, task)
        peak = "the peak of one process"
        rows += [
            Row.measured(
                f"2-{space}-1000-{what}", run[what], "s", over="repeats", goal=goal, evaluated_on=NO_TABLE
            )
            for what in ("seconds", "cpu-seconds")
        ]
        rows += [
            Row.measured(f"2-{space}-network-calls", run["calls"], "calls", over="repeats"),
            Row.measured(f"2-{space}-peak-memory", run["peak_mb"], "MB", statement=peak),
        ]
    score = context.once("score_sde guided", score_sde_speed, context.tables, TIMED)
    batch = f"one batch of {TIMED}"
    linear = f"extrapolated linearly from one batch of {TIMED}"
    cpu = score["cpu_seconds"]
    rows += [
        Row.measured(f"2-score-sde-{TIMED}-seconds", score["seconds"], "s", statement=batch),
        Row.measured(f"2-score-sde-{TIMED}-cpu-seconds", cpu, "s", statement=batch),
        Row.exact("2-score-sde-network-calls", score["calls"], "calls"),
        Row.measured("2-score-sde-1000-cpu-seconds-extrapolated", cpu * 1000 / TIMED, "s", statement=linear),
        Row.measured("2-score-sde-guided-valid", score["valid"], "%", statement=batch),
        Row.measured("2-score-sde-guided-mean-accuracy", score["mean_accuracy"], "%", statement=batch),
        Row.exact("2-uniform-mean-accuracy", score["uniform_accuracy"], "%"),
    ]
    return rows


def _steering(context: Context) -> list[Row]:
    rows = []
    for task in ACCURACIES:
        runs = context.each(f"ranking {task}", against_ranking, task)
        behind = [run["ranked"] - run["generated"] for run in runs]
        rows += [
            Row.measured(
                f"3-{task}-behind-ranking",
                behind,
                "points",
                goal="<= 0.1",
                evaluated_on=[f"nasbench201/accuracy@{task}"],
            ),
            Row.measured(f"3-{task}-best-generated", [run["generated"] for run in runs], "%"),
            Row.measured(f"3-{task}-predictor-calls", [run["weighed"] for run in runs], "calls"),
        ]
    for space, task in (("mnasnet", "imagenet"), ("gnn", "arxiv")):
        runs = [
            context.once(
                f"rivals {space} {seed}",
                against_rivals,
                context.tables,
                space,
                f"accuracy@{task}",
                task,
                seed,
            )
            for seed in context.seeds
        ]
        for rival in ("evolution", "random"):
            for limit in ("seconds", "calls"):
                name = "same-seconds" if limit == "seconds" else "5x-calls"
                rows.append(
                    Row.ahead(
                        f"3-{space}-ahead-of-{rival}-{name}",
                        [run["generated"] for run in runs],
                        [run[f"{rival}_{limit}"] for run in runs],
                        "normal scores",
                        pairs=True,
                        # Predicted values decide: the trees' own order of what each way found.
                        evaluated_on=NO_TABLE,
                    )
                )
        rows.append(Row.measured(f"3-{space}-seconds", [run["seconds"] for run in runs], "s"))
        rows.append(Row.measured(f"3-{space}-predictor-calls", [run["calls"] for run in runs], "calls"))
    return rows


def _bounds(context: Context) -> list[Row]:
    each = 25 if context.full else 5
    graphs = 8 if context.full else 3
    answers = _all(
        context, [Part(f"bounds {key} {each}", bounds_hold, (*rest, key, each)) for *rest, key in OF_DEVICES]
    )
    others = _all(
        context,
        [Part(f"bounds {key} {graphs}", bounds_hold, (*rest, key, graphs)) for *rest, key in OF_GRAPHS],
    )
    return [
        *_held("4", answers, BOUNDS, [f"{space}/{key}" for space, _, key in OF_DEVICES]),
        *_held("4-gnn", others, GRAPH_BOUNDS, [f"{space}/{key}" for space, _, key in OF_GRAPHS]),
    ]


def _all(context: Context, parts: list[Part]) -> list[dict[str, float]]:
    answers = context.all(parts, "bounds")
    return [answer for part in parts for answer in answers[part.name]]


def _held(name: str, answers: Sequence[dict[str, float]], source: str, columns: list[str]) -> list[Row]:
    """What of all that was returned is within its bounds."""
    tight = sorted(answers, key=lambda answer: answer["feasible_share"])[: max(len(answers) // 10, 1)]
    answered = sum(answer["returned"] > 0 for answer in answers)
    return [
        Row.share(
            f"{name}-bounds-answered",
            answered,
            len(answers),
            over="bounds",
            goal="== 100",
            evaluated_on=columns,
            source=source,
        ),
        _share(f"{name}-exact-bounds-hold", answers, "exact", None, columns, source),
        _share(f"{name}-predicted-bounds-hold", answers, "held", ">= 90", columns, source),
        _share(f"{name}-tightest-decile-hold", tight, "held", ">= 90", columns, source),
    ]


def _share(
    row: str,
    answers: Sequence[dict[str, float]],
    what: str,
    goal: str | None,
    columns: list[str],
    source: str,
) -> Row:
    """What of everything that was returned ``what`` counts; exact bounds hold by construction: no goal."""
    returned = int(sum(answer["returned"] for answer in answers))
    if not returned:
        reason = "nothing was returned"
        return Row.absent(row, reason, "%", goal=goal, evaluated_on=columns, source=source)
    hits = int(sum(answer[what] for answer in answers))
    over = "architectures returned"
    return Row.share(row, hits, returned, over=over, goal=goal, evaluated_on=columns, source=source)


def _help(context: Context) -> list[Row]:
    rows: list[Row] = []
    distances: list[float] = []
    none = 0
    few: list[float] = []
    for device, bounds in HELP_BOUNDS.items():
        for bound in bounds:
            parts = [
                Part(f"help {device} {bound} {seed}", help_task, (device, bound, seed))
                for seed in context.seeds
            ]
            answers = context.all(parts, f"HELP's task on {device}")
            runs = [answers[part.name] for part in parts]
            latency, accuracy = HELP_RESULTS[device, bound]
            over = "; published over its bound" if latency > bound else ""
            name = f"5-{device}-{bound:g}ms"
            said = f"{PRIOR}{over}; the table's best within the bound: {runs[0]['best']:.2f} %"
            rows.append(
                Row.measured(
                    f"{name}-accuracy",
                    [run["accuracy"] for run in runs],
                    "%",
                    published=HELP.reports(accuracy),
                    source=said,
                )
            )
            rows.append(
                Row.measured(
                    f"{name}-latency",
                    [run["latency"] for run in runs],
                    "ms",
                    goal=f"<= {bound:g}",
                    evaluated_on=[f"nasbench201/latency_ms@{device}"],
                    published=HELP.reports(latency),
                    source=f"{PRIOR}{over}",
                )
            )
            distances += [run["distance"] for run in runs]
            part = f"help {FEW} labels {device} {bound} {context.seeds[0]}"
            task = context.once(part, help_task, context.tables, device, bound, context.seeds[0], FEW)
            few.append(task["distance"])
            rows.append(
                Row.measured(
                    f"{name}-few-labels-accuracy",
                    task["accuracy"],
                    "%",
                    statement="the first seed alone",
                    published=HELP.reports(accuracy),
                    source=f"trees with {FEW} CIFAR-10 labels{over}",
                )
            )
            none += sum(run["selected"] == 0 for run in runs)
    columns = ["nasbench201/accuracy@cifar100", *(f"nasbench201/latency_ms@{each}" for each in HELP_BOUNDS)]
    return [
        # One over its bound is never selected, since its latency was looked up; that none is left can happen.
        Row.counted(
            "5-none-selected", none, len(distances), "selections", over="selections",
            goal="== 0", evaluated_on=columns, source=PRIOR,
        ),
        Row.measured(
            "5-mean-distance", distances, "points", over="selections",
            goal="<= 0.5", evaluated_on=columns, source=PRIOR,
        ),
        Row.measured(
            "5-few-labels-mean-distance", few, "points", over="bounds",
            goal="<= 0.5", evaluated_on=columns, source=f"{FEW} CIFAR-10 labels",
        ),
        *rows,
    ]  # fmt: skip
