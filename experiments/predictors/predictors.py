"""Few-label predictors on three tables, ``netwright compare predictors``.

Row ids: 1 official NAS-Bench-201, 2 graph networks with transfer from the other tasks, 3 MnasNet on ImageNet.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables import Tables
from experiments.framework.context import Context
from experiments.framework.registry import comparison
from experiments.framework.row import Row
from experiments.framework.statistics import bootstrap
from spaces.known import get_space
from spaces.space import Codes, Floats, Space

if TYPE_CHECKING:
    from encoders.pretrained.networks import Pretrained
    from predictors.kinds.auto import AutoPredictor
    from predictors.kinds.gbdt import GbdtPredictor
    from predictors.predictor import Predictor

GOALS = {39: 0.75, 78: 0.80, 156: 0.84, 469: 0.88, 1563: 0.90}
GNN_GOALS = {"cora": 0.60, "cs": 0.70, "computers": 0.62, "arxiv": 0.72}
GNN_LABELS = 262
SHORT_LABELS = (39, 78, 156)
SHORT_GRAPHS = ("cora", "cs")
SHORT_MNASNET = ("accuracy@imagenet",)
"""What the short form computes; the rest takes hours."""
DRAWS = 1
"""Part of every draw's seed: other draws than those that features were chosen on."""
MNASNET = (
    "accuracy@imagenet",
    "latency_ms@zcu102",
    "throughput_ips@3090",
    "throughput_ips@a100",
    "throughput_ips@tpuv2",
    "throughput_ips@zcu102",
)

ABLATIONS: dict[str, tuple[str, dict[str, object]]] = {
    "gp-without-pretraining": ("gp", {"kinds": ["live", "structure", "reduced", "scores", "deep_scores"]}),
    "gp-without-scores": ("gp", {"kinds": ["live", "structure", "reduced"]}),
    "gp-paths-only": ("gp", {"kinds": ["live"]}),
    "neural-without-pretraining": ("neural", {"trunk": "scratch"}),
    "neural-embeddings-only": ("neural", {"kinds": []}),
}
"""Kind and options; without scores is also without networks, which learned them."""

PROTOCOL = """\
1: n cells of the official NAS-Bench-201 table drawn at random, Kendall's tau over all other cells; the only
labels are these. auto blends gp, neural and gbdt, whose rows are the parts of the same fit. Features are
live paths, structure, statistics, zero-cost proxies at initialization (of a small and of the trained
network) and networks pretrained on all of it; features, the kernel's priors and its noise were chosen on
CIFAR-10 with other draws and on AnalogNAS-Bench and 12-epoch validation accuracies; prototypes were looked
at on CIFAR-100 too. 2: 262 test scores of NAS-Bench-Graph drawn at random, tau over all other architectures;
features are also what trees on each of the other eight tasks say, and what graph networks make of an
architecture that learned seven of them together (those that have every architecture), from validation and
test scores, none of them the evaluated task's; such networks were chosen on photo and citeseer. The tau of
the table's validation and test scores stands beside as its noise. 3: MnasNet on ImageNet, trained on the
authors' split train, evaluated on valid. That split also helped to choose the features and the kernel's
centers, so its rows are optimistic; XGBoost on one-hot choices with its own settings in the same run."""


def tau(predicted: Floats, truth: Floats) -> float:
    """Kendall's rank correlation, τ-b."""
    from scipy.stats import kendalltau

    return float(kendalltau(predicted, truth).statistic)


def plain_trees(space: Space, codes: Codes, values: Floats) -> Callable[[Codes], Floats]:
    """XGBoost with its own settings on one-hot choices: what anyone would try first."""
    import xgboost as xgb

    from encoders.features import features

    def inputs(rows: Codes) -> Floats:
        return features(space, rows, kinds=("onehot",)).astype(np.float64)

    model = xgb.train({"nthread": 1, "seed": 0}, xgb.DMatrix(inputs(codes), values), 100)
    return lambda rows: np.asarray(model.inplace_predict(inputs(rows)), dtype=np.float64)


def parts(model: "AutoPredictor", codes: Codes, truth: Floats) -> dict[str, float]:
    """τ of a fitted blend and of each kind in it; order survives the map from normal scores to values."""
    return {kind: tau(mean, truth) for kind, mean in blended(model, codes).items()}


def blended(model: "AutoPredictor", codes: Codes) -> dict[str, Floats]:
    """What a fitted blend and each kind in it say of codes, on the scale of normal scores."""
    said = {kind: part.scored(codes)[0] for kind, part in model.models.items()}
    blend = sum((model.shares[kind] * mean for kind, mean in said.items()), np.zeros(len(codes)))
    return {"auto": blend, **said}


def few_labels(tables: Tables, task: str, count: int, seed: int) -> dict[str, float]:
    """τ on official NAS-Bench-201 of the blend and its parts with so many labels."""
    from predictors.kinds.auto import AutoPredictor

    space, (learn, values, held_out, truth) = get_space("nasbench201"), _drawn(tables, task, count, seed)
    return parts(AutoPredictor(space, seed=seed).fit(learn, values), held_out, truth)


def ablated(tables: Tables, task: str, count: int, name: str, seed: int) -> float:
    """τ on official NAS-Bench-201 of one of ``ABLATIONS``."""
    from predictors.kinds import KINDS

    kind, options = ABLATIONS[name]
    space, (learn, values, held_out, truth) = get_space("nasbench201"), _drawn(tables, task, count, seed)
    make: Callable[..., Predictor] = KINDS.get(kind)
    model = make(space, seed=seed, inflate=False, **options).fit(learn, values)
    return tau(model.predict(held_out).mean, truth)


def _drawn(tables: Tables, task: str, count: int, seed: int) -> tuple[Codes, Floats, Codes, Floats]:
    """Cells to learn from with their values, and all others with theirs."""
    codes = tables.architectures("nasbench201", f"accuracy@{task}")
    values = tables.values("nasbench201", f"accuracy@{task}", codes)
    order = np.random.default_rng([seed, DRAWS]).permutation(len(codes))
    learn, held_out = order[:count], order[count:]
    return codes[learn], values[learn], codes[held_out], values[held_out]


@cache
def source_model(tables: Tables, task: str) -> "GbdtPredictor":
    """What a graph task teaches others: trees on the mean of its validation and test scores, all of them."""
    from predictors.calibration.normal_scores import NormalScores
    from predictors.kinds.gbdt import GbdtOptions, GbdtPredictor

    space = get_space("gnn")
    codes = tables.architectures(space.name, f"accuracy@{task}")
    scores = []
    for key in (f"accuracy@{task}", f"accuracy@{task}-valid"):
        values = tables.values(space.name, key, codes)
        known = np.isfinite(values)
        scores.append(np.full(len(values), np.nan))
        scores[-1][known] = NormalScores.fit(values[known]).transform(values[known])
    options = GbdtOptions(members=2, trees=120, depth=7, learning_rate=0.1)
    source = GbdtPredictor(space, task=task, options=options)
    return source.fit(codes, np.nanmean(np.stack(scores), axis=0))


@cache
def task_networks(tables: Tables, task: str) -> "Pretrained":
    """What the other graph tasks teach together: networks on both scores of each that has every
    architecture."""
    from encoders.pretrained.train import pretrain_on
    from predictors.calibration.normal_scores import NormalScores

    space = get_space("gnn")
    codes, targets = tables.architectures(space.name, f"accuracy@{task}"), []
    for other in space.tasks:
        for key in (f"accuracy@{other}", f"accuracy@{other}-valid"):
            architectures = tables.architectures(space.name, key)
            values = tables.values(space.name, key, architectures)
            if other != task and np.array_equal(architectures, codes) and np.isfinite(values).all():
                targets.append(NormalScores.fit(values).transform(values))
    return pretrain_on(space, codes, np.stack(targets, axis=1).astype(np.float32))


def transferred(tables: Tables, task: str, transfer: bool, seed: int) -> dict[str, float]:
    """τ on one graph task with 262 labels, of the blend and its parts."""
    from predictors.kinds.auto import AutoPredictor

    space, key = get_space("gnn"), f"accuracy@{task}"
    codes = tables.architectures(space.name, key)
    values = tables.values(space.name, key, codes)
    order = np.random.default_rng([seed, DRAWS]).permutation(len(codes))
    learn, held_out = order[:GNN_LABELS], order[GNN_LABELS:]
    sources = [source_model(tables, other) for other in space.tasks if other != task] if transfer else []
    networks = task_networks(tables, task) if transfer else None
    model = AutoPredictor(space, sources=sources, networks=networks, task=task, seed=seed)
    model.fit(codes[learn], values[learn])
    return parts(model, codes[held_out], values[held_out])


def noise(tables: Tables, task: str) -> float:
    """τ of validation and test scores of one table."""
    codes = tables.architectures("gnn", f"accuracy@{task}")
    test = tables.values("gnn", f"accuracy@{task}", codes)
    valid = tables.values("gnn", f"accuracy@{task}-valid", codes)
    both = np.isfinite(test) & np.isfinite(valid)
    return tau(valid[both], test[both])


def authors_split(tables: Tables, key: str) -> dict[str, dict[str, float]]:
    """τ and R² on MnasNet's split valid of the blend, and τ of its parts and of plain trees.

    The split is fixed, so standard errors come from redrawing the evaluated networks.
    """
    from benchmarks.mnasnet_csv import in_split
    from predictors.kinds.auto import AutoPredictor

    space = get_space("mnasnet")
    codes = tables.architectures(space.name, key)
    values = tables.values(space.name, key, codes)
    learn, held_out = (in_split(tables, codes, "train"), in_split(tables, codes, "valid"))
    truth = values[held_out]
    model = AutoPredictor(space).fit(codes[learn], values[learn])
    said = blended(model, codes[held_out])
    said["plain"] = plain_trees(space, codes[learn], values[learn])(codes[held_out])
    found = {kind: bootstrap(tau, mean, truth, resamples=200) for kind, mean in said.items()}
    found["r2"] = bootstrap(explained, model.predict(codes[held_out]).mean, truth)
    found["above-plain"] = bootstrap(
        lambda ours, theirs, true: tau(ours, true) - tau(theirs, true), said["auto"], said["plain"], truth,
        resamples=200,
    )  # fmt: skip
    return {kind: estimate.to_dict() for kind, estimate in found.items()}


def explained(predicted: Floats, truth: Floats) -> float:
    """The explained share of the variance, R²."""
    return 1 - float(((truth - predicted) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())


@comparison("predictors", protocol=PROTOCOL, seeds=3, full_seeds=10, hours=1.2)
def predictors(context: Context) -> Sequence[Row]:
    """All three figures."""
    return [row for part in (_official, _graphs, _mnasnet) for row in context.section(part)]


def _official(context: Context) -> list[Row]:
    rows: list[Row] = []
    source = "NAS-Bench-201"
    for task in ("cifar10", "cifar100"):
        if reason := context.tables.available("nasbench201", f"accuracy@{task}"):
            rows += [
                Row.absent(
                    f"1-{count}-{task}", reason, "tau", goal=f">= {goal}",
                    evaluated_on=[f"nasbench201/accuracy@{task}"], source=source,
                )
                for count, goal in GOALS.items()
            ]  # fmt: skip
            continue
        for count, goal in GOALS.items():
            if not context.full and count not in SHORT_LABELS:
                continue
            found = context.each(f"1-{task}-{count}", few_labels, task, count)
            for kind in found[0]:
                first = kind == "auto"
                rows.append(
                    Row.measured(
                        f"1-{count}-{task}" if first else f"1-{count}-{task}-{kind}",
                        [one[kind] for one in found],
                        "tau",
                        goal=f">= {goal}" if first else None,
                        evaluated_on=[f"nasbench201/accuracy@{task}"],
                        source=source,
                    )
                )
            for name in ABLATIONS if context.full else ():
                alone = context.each(f"1-{task}-{count}-{name}", ablated, task, count, name)
                rows.append(Row.measured(f"1-{count}-{task}-{name}", alone, "tau", source=source))
            context.progress(len(rows), 60, f"figure 1, {task}, {count} labels")
    return rows


def _graphs(context: Context) -> list[Row]:
    rows: list[Row] = []
    for task, goal in GNN_GOALS.items():
        if not context.full and task not in SHORT_GRAPHS:
            continue
        source = "NAS-Bench-Graph"
        if reason := context.tables.available("gnn", f"accuracy@{task}"):
            rows.append(
                Row.absent(
                    f"2-{task}", reason, "tau", goal=f">= {goal}",
                    evaluated_on=[f"gnn/accuracy@{task}"], source=source,
                )
            )  # fmt: skip
            continue
        for name, transfer in (("", True), ("-without-transfer", False)):
            found = context.each(f"2-{task}{name}", transferred, task, transfer)
            for kind in found[0]:
                first = kind == "auto"
                rows.append(
                    Row.measured(
                        f"2-{task}{name}" if first else f"2-{task}{name}-{kind}",
                        [one[kind] for one in found],
                        "tau",
                        goal=f">= {goal}" if transfer and first else None,
                        evaluated_on=[f"gnn/accuracy@{task}"],
                        source=source,
                    )
                )
        ceiling = context.once(f"2-{task}-noise", noise, context.tables, task)
        rows.append(Row.exact(f"2-{task}-valid-test", ceiling, "tau", source=source))
        context.progress(len(rows), 36, f"figure 2, {task}")
    return rows


def _mnasnet(context: Context) -> list[Row]:
    rows: list[Row] = []
    source = "Accel-NASBench"
    for key in MNASNET if context.full else SHORT_MNASNET:
        short = key.replace("@", "-")
        if reason := context.tables.available("mnasnet", key):
            rows.append(
                Row.absent(
                    f"3-{short}",
                    reason,
                    "tau",
                    goal=">= 0.93",
                    evaluated_on=[f"mnasnet/{key}"],
                    source=source,
                )
            )
            continue
        found = context.once(f"3-{key}", authors_split, context.tables, key)
        accuracy = key.startswith("accuracy")
        goals = {"auto": ">= 0.930", "r2": ">= 0.987"} if accuracy else {"above-plain": "> 0"}
        for kind, estimate in found.items():
            rows.append(
                Row.estimated(
                    f"3-{short}" if kind == "auto" else f"3-{short}-{kind}",
                    estimate,
                    "R2" if kind == "r2" else "tau",
                    over="evaluated networks",
                    goal=goals.get(kind),
                    evaluated_on=[f"mnasnet/{key}"],
                    source=source,
                )
            )
        context.progress(len(rows), 36, f"figure 3, {key}")
    return rows
