"""The generator beside DiffusionNAG's own method, exact uniform draws, rankings and evolution.

Row ids: 1 what raw samples are like, 2 what sampling costs, 3 whether steering is worth having, 4 whether
bounds hold, 5 HELP's constrained task.
"""

from collections.abc import Sequence

import numpy as np

from experiments.frame import Context, comparison
from experiments.generation_bounds import (
    HELP_BOUNDS,
    HELP_RESULTS,
    bounds_of_devices,
    bounds_of_graphs,
    help_task,
    pooled,
)
from experiments.generation_samples import (
    conditional_likelihood,
    filtered,
    in_a_process_of_its_own,
    raw_members,
    score_sde_samples,
    score_sde_speed,
    shared_training,
    training_seconds,
    uniform_draws,
)
from experiments.generation_steering import against_ranking, against_rivals
from experiments.row import Row

NAG = "DiffusionNAG (An et al., ICLR 2024), Table 1; another row there has 100/99.70/59.34"
HELP = "HELP (Lee et al., NeurIPS 2021), Table 4"
BOUNDS = "tables of HELP"
GRAPH_BOUNDS = "NAS-Bench-Graph (Qin et al., NeurIPS 2022)"
BELIEF = "accuracy believed from subsets of ImageNet and from CIFAR-10"
FEW = 300
"""CIFAR-10 labels of the belief that HELP's task is repeated with."""
TIMED = 64
ACCURACIES = ("cifar10", "cifar100", "cifar10-int8-ptq")
RIVALS = 3
"""Seeds of the comparison with evolution, and of HELP's task, at most."""

PROTOCOL = """\
Raw samples: 1,000 in nasbench201 of a masked diffusion trained on a random half or tenth of the cells (500
steps), and of the shipped score_sde (trained on a random half, 15,000 steps); novelty is the share outside
what it was trained on. Speed: 1,000 unique architectures steered by boosted trees with 156 labels, warm,
median of five in a process of its own, one thread; other work on the machine counts in the wall clock and
not in the CPU seconds. score_sde: one guided batch of 64, timed once, the predictor's gradients among the
network calls; that predictor was trained for 300 steps, not its default 1,500, and may steer less well for
it. Steering: the best true accuracy of ten generated cells less that of the ten that a ranking of all 15,625
puts first, same trees with 156 labels of the judging table; in mnasnet and gnn the best predicted objective
less that of regularized evolution (population 100, 50 children at once) and of uniform draws, given these
trees, at the same seconds and at five times the calls. Bounds: random feasible bounds on the latency, in two
of three with parameters or multiply-accumulates, on eight devices of HELP's table; the latency model
(boosted trees) saw 900 cells, which are never proposed; eight architectures a bound, confidence 90 %; every
bound is feasible, so each should be answered. 4-gnn: the same on five data sets of gnn (latency and in two
of three the parameters; 26,206 members, 900 seen); the features of that latency model were chosen on the
three data sets cora, citeseer and pubmed. HELP's task: a device model of 13 other devices and ten random
cells; accuracy believed from other data sets alone, half from trees that learned what 1,553 cells reached on
3,031 subsets of ImageNet (where HELP's own accuracy predictor learned too) and half from the cell's CIFAR-10
accuracy in AnalogNAS-Bench, a mean over cells of one function, which no search from scratch would have;
judged on CIFAR-100. What the belief is made of was chosen on held-out cells of the ImageNet subsets. Ten
cells' latency is looked up, one after the other, the device model learning from each; the best believed
within the bound is selected. few-labels: the same with the first seed alone, the belief that of boosted
trees with 300 CIFAR-10 labels. Training: CPU seconds of one core, from the card of each space's shipped
weights."""


@comparison("generation", protocol=PROTOCOL, seeds=3, full_seeds=10)
def generation(context: Context) -> Sequence[Row]:
    """Figures 1 to 5."""
    reason = context.tables.available("nasbench201", "latency_ms@fpga")
    rows = _samples(context)
    context.progress(1, 5, "samples")
    if reason is not None:
        return [*rows, Row.absent("2-nasbench201-seconds", reason, "s", goal="<= 0.4")]
    parts = (_speed, _steering, _bounds, _help)
    for index, part in enumerate(parts, start=2):
        rows += part(context)
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
        for what, goal in (("valid", ">= 99"), ("unique", None), ("novel", ">= 85")):
            values = [run[f"{what}_percent"] for run in drawn]
            rows.append(
                Row.measured(
                    f"1-{name}-{what}",
                    values,
                    "%",
                    goal=goal if what == "valid" or (name == "tenth" and what == "novel") else None,
                    published=published.get(what),
                    source=NAG if published else "",
                )
            )
            expected = float(np.mean([run[f"{what}_percent"] for run in uniform]))
            if name == "half" and what != "valid":
                off = abs(float(np.mean(values)) - expected)
                rows.append(Row.measured(f"1-half-{what}-off-uniform", off, "points", goal="<= 2"))
    made = [context.once(f"filtered {seed}", filtered, seed) for seed in context.seeds]
    rows.append(Row.measured("1-generate-valid", [run["valid"] for run in made], "%", goal="== 100"))
    rows.append(Row.measured("1-generate-unique", [run["unique"] for run in made], "%", goal="== 100"))
    gnn = [context.once(f"gnn {seed}", raw_members, "gnn", seed) for seed in context.seeds]
    rows.append(Row.measured("1-gnn-valid", gnn, "%", goal=">= 99"))
    score = context.once("score_sde raw", score_sde_samples, TIMED, 0)
    for what, goal, figure in (("valid", ">= 98", 98.97), ("unique", None, 98.70), ("novel", None, 49.20)):
        rows.append(
            Row.measured(
                f"1-score-sde-{what}",
                score[f"{what}_percent"],
                "%",
                goal=goal,
                published=figure,
                source=f"{NAG}; {TIMED} samples here, 1,000 in the card of the weights",
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
        rows += [
            Row.measured(f"2-{space}-1000-seconds", run["seconds"], "s", goal=goal),
            Row.measured(f"2-{space}-1000-seconds-fastest", run["fastest"], "s"),
            Row.measured(f"2-{space}-1000-cpu-seconds", run["cpu_seconds"], "s", goal=goal),
            Row.measured(f"2-{space}-network-calls", run["calls"], "calls"),
            Row.measured(f"2-{space}-peak-memory", run["peak_mb"], "MB", goal="<= 1024"),
        ]
    rows += [
        Row.measured(
            f"2-{space}-training-cpu-seconds",
            seconds,
            "s",
            goal="<= 600",
            source="from the card of the weights",
        )
        for space, seconds in training_seconds().items()
    ]
    score = context.once("score_sde guided", score_sde_speed, context.tables, TIMED)
    published = "the published network has 4 M parameters and costs 0.2 s a call at batch 256, 2,000 calls"
    rows += [
        Row.measured(f"2-score-sde-{TIMED}-seconds", score["seconds"], "s", source=published),
        Row.measured(f"2-score-sde-{TIMED}-cpu-seconds", score["cpu_seconds"], "s", source=published),
        Row.measured("2-score-sde-network-calls", score["calls"], "calls"),
        Row.measured(
            "2-score-sde-1000-cpu-seconds-extrapolated",
            score["cpu_seconds"] * 1000 / TIMED,
            "s",
            source="extrapolated linearly from the batch of 64",
        ),
        Row.measured("2-score-sde-guided-valid", score["valid"], "%"),
        Row.measured("2-score-sde-guided-mean-accuracy", score["mean_accuracy"], "%"),
        Row.measured("2-uniform-mean-accuracy", score["uniform_accuracy"], "%"),
    ]
    return rows


def _steering(context: Context) -> list[Row]:
    rows = []
    for task in ACCURACIES:
        runs = [
            context.once(f"ranking {task} {seed}", against_ranking, context.tables, task, seed)
            for seed in context.seeds
        ]
        behind = [run["ranked"] - run["generated"] for run in runs]
        rows += [
            Row.measured(f"3-{task}-behind-ranking", behind, "points", goal="<= 0.1"),
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
            for seed in context.seeds[:RIVALS]
        ]
        for rival in ("evolution", "random"):
            for limit in ("seconds", "calls"):
                ahead = [round(run["generated"] - run[f"{rival}_{limit}"], 6) for run in runs]
                name = "same-seconds" if limit == "seconds" else "5x-calls"
                rows.append(
                    Row.measured(f"3-{space}-ahead-of-{rival}-{name}", ahead, "normal scores", goal=">= 0")
                )
        rows.append(Row.measured(f"3-{space}-seconds", [run["seconds"] for run in runs], "s"))
        rows.append(Row.measured(f"3-{space}-predictor-calls", [run["calls"] for run in runs], "calls"))
    return rows


def _bounds(context: Context) -> list[Row]:
    each = 25 if context.full else 5
    answers = context.once(f"bounds {each}", bounds_of_devices, context.tables, each)
    graphs = 8 if context.full else 3
    others = context.once(f"graph bounds {graphs}", bounds_of_graphs, context.tables, graphs)
    return [*_held("4", answers, BOUNDS), *_held("4-gnn", others, GRAPH_BOUNDS)]


def _held(name: str, answers: Sequence[dict[str, float]], source: str) -> list[Row]:
    """What of all that was returned is within its bounds."""
    tight = sorted(answers, key=lambda answer: answer["feasible_share"])[: max(len(answers) // 10, 1)]
    answered = sum(answer["returned"] > 0 for answer in answers)
    returned = sum(answer["returned"] for answer in answers)
    return [
        Row.measured(f"{name}-bounds", float(len(answers)), "bounds", source=source),
        Row.measured(f"{name}-returned", returned, "architectures", source=source),
        Row.measured(
            f"{name}-bounds-answered", 100 * answered / len(answers), "%", goal="== 100", source=source
        ),
        _share(f"{name}-exact-bounds-hold", pooled(answers, "exact"), "== 100", source),
        _share(f"{name}-predicted-bounds-hold", pooled(answers, "held"), ">= 90", source),
        _share(f"{name}-tightest-decile-hold", pooled(tight, "held"), ">= 90", source),
        Row.measured(
            f"{name}-tightest-decile-returned", sum(answer["returned"] for answer in tight), "architectures"
        ),
    ]


def _share(name: str, percent: float | None, goal: str, source: str) -> Row:
    """What holds of everything returned."""
    if percent is None:
        return Row.absent(name, "nothing was returned", "%", goal=goal, source=source)
    return Row.measured(name, percent, "%", goal=goal, source=source)


def _help(context: Context) -> list[Row]:
    rows, distances, violations = [], [], 0.0
    few: list[float] = []
    for device, bounds in HELP_BOUNDS.items():
        for bound in bounds:
            runs = [
                context.once(f"help {device} {bound} {seed}", help_task, context.tables, device, bound, seed)
                for seed in context.seeds[:RIVALS]
            ]
            latency, accuracy = HELP_RESULTS[device, bound]
            over = " (over its bound)" if latency > bound else ""
            name = f"5-{device}-{bound:g}ms"
            said = f"{HELP}: {accuracy} % at {latency} ms{over}; the table's best within the bound is "
            said += f"{runs[0]['best']:.2f} %; here {BELIEF}"
            rows.append(
                Row.measured(
                    f"{name}-accuracy",
                    [run["accuracy"] for run in runs],
                    "%",
                    published=accuracy,
                    source=said,
                )
            )
            rows.append(
                Row.measured(
                    f"{name}-latency",
                    [run["latency"] for run in runs],
                    "ms",
                    goal=f"<= {bound:g}",
                    published=latency,
                    source=f"{HELP}{over}; here {BELIEF}",
                )
            )
            distances += [run["distance"] for run in runs]
            part = f"help {FEW} labels {device} {bound} {context.seeds[0]}"
            task = context.once(part, help_task, context.tables, device, bound, context.seeds[0], FEW)
            few.append(task["distance"])
            learned = f"here accuracy believed by trees with {FEW} CIFAR-10 labels"
            rows.append(
                Row.measured(
                    f"{name}-few-labels-accuracy",
                    task["accuracy"],
                    "%",
                    published=accuracy,
                    source=f"{HELP}{over}; {learned}",
                )
            )
            violations += sum(run["latency"] > bound or run["selected"] == 0 for run in runs)
    return [
        Row.measured("5-over-bound-or-none", violations, "selections", goal="== 0", source=BELIEF),
        Row.measured("5-mean-distance", distances, "points", goal="<= 0.5", source=BELIEF),
        Row.measured(
            "5-few-labels-mean-distance", few, "points", goal="<= 0.5", source=f"{FEW} CIFAR-10 labels"
        ),
        *rows,
    ]
