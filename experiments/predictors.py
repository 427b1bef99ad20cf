"""Few-label predictors on three tables, ``netwright compare predictors``.

Row ids: 1 official NAS-Bench-201, 2 graph networks with transfer from the other tasks, 3 MnasNet on ImageNet.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables import Tables
from experiments.frame import Context, comparison
from experiments.row import Row
from spaces.space import Codes, Floats, Space, get_space

if TYPE_CHECKING:
    from encoders.pretrained import Pretrained
    from predictors.auto import AutoPredictor
    from predictors.gbdt import GbdtPredictor

GOALS = {39: 0.75, 78: 0.80, 156: 0.84, 469: 0.88, 1563: 0.90}
PUBLISHED = {39: 0.667, 78: 0.677, 156: 0.804, 469: 0.836, 1563: 0.890}
GNN_GOALS = {"cora": 0.60, "cs": 0.70, "computers": 0.62, "arxiv": 0.72}
GNN_PLAIN = {"cora": 0.418, "cs": 0.576, "computers": 0.452, "arxiv": 0.563}
GNN_LABELS = 262
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
live paths, structure, statistics, training-free scores at initialization (of a small and of the trained
network) and networks pretrained on all of it; features, the kernel's priors and its noise were chosen on
CIFAR-10 with other draws and on AnalogNAS-Bench and 12-epoch validation accuracies; prototypes were looked
at on CIFAR-100 too. 2: 262 test scores of NAS-Bench-Graph drawn at random, tau over all other members;
features are also what trees on each of the other eight tasks say, and what graph networks make of a member
that learned seven of them together (those that have every member), from validation and test scores, none of
them the judged task's; such networks were chosen on photo and citeseer. The tau of the table's validation
and test scores stands beside as its noise. 3: MnasNet on ImageNet, trained on the authors' split train,
judged on valid. That split also helped to choose the features and the kernel's centers, so its rows are
optimistic; XGBoost on one-hot choices with its own settings in the same run."""


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
    said = {kind: part.scored(codes)[0] for kind, part in model.models.items()}
    blend = sum((model.shares[kind] * mean for kind, mean in said.items()), np.zeros(len(codes)))
    return {"auto": tau(blend, truth), **{kind: tau(mean, truth) for kind, mean in said.items()}}


def few_labels(tables: Tables, task: str, count: int, seed: int) -> dict[str, float]:
    """τ on official NAS-Bench-201 of the blend and its parts with so many labels."""
    from predictors.auto import AutoPredictor

    space, (learn, values, judge, truth) = get_space("nasbench201"), _drawn(tables, task, count, seed)
    return parts(AutoPredictor(space, seed=seed).fit(learn, values), judge, truth)


def ablated(tables: Tables, task: str, count: int, name: str, seed: int) -> float:
    """τ on official NAS-Bench-201 of one of ``ABLATIONS``."""
    from predictors.predictor import predictor_kind

    kind, options = ABLATIONS[name]
    space, (learn, values, judge, truth) = get_space("nasbench201"), _drawn(tables, task, count, seed)
    model = predictor_kind(kind)(space, seed=seed, widen=False, **options).fit(learn, values)
    return tau(model.predict(judge).mean, truth)


def _drawn(tables: Tables, task: str, count: int, seed: int) -> tuple[Codes, Floats, Codes, Floats]:
    """Cells to learn from with their values, and all others with theirs."""
    members = tables.members("nasbench201", f"accuracy@{task}")
    values = tables.values("nasbench201", f"accuracy@{task}", members)
    order = np.random.default_rng([seed, DRAWS]).permutation(len(members))
    learn, judge = order[:count], order[count:]
    return members[learn], values[learn], members[judge], values[judge]


@cache
def source_model(tables: Tables, task: str) -> "GbdtPredictor":
    """What a graph task teaches others: trees on the mean of its validation and test scores, all of them."""
    from predictors.gbdt import GbdtOptions, GbdtPredictor
    from predictors.normal_scores import NormalScores

    space = get_space("gnn")
    members = tables.members(space.name, f"accuracy@{task}")
    scores = []
    for key in (f"accuracy@{task}", f"accuracy@{task}-valid"):
        values = tables.values(space.name, key, members)
        known = np.isfinite(values)
        scores.append(np.full(len(values), np.nan))
        scores[-1][known] = NormalScores.fit(values[known]).transform(values[known])
    options = GbdtOptions(members=2, trees=120, depth=7, rate=0.1)
    source = GbdtPredictor(space, task=task, options=options)
    return source.fit(members, np.nanmean(np.stack(scores), axis=0))


@cache
def task_networks(tables: Tables, task: str) -> "Pretrained":
    """What the other graph tasks teach together: networks on both scores of each that has every member."""
    from encoders.pretraining import pretrain_on
    from predictors.normal_scores import NormalScores

    space = get_space("gnn")
    codes, targets = tables.members(space.name, f"accuracy@{task}"), []
    for other in space.tasks:
        for key in (f"accuracy@{other}", f"accuracy@{other}-valid"):
            members = tables.members(space.name, key)
            values = tables.values(space.name, key, members)
            if other != task and np.array_equal(members, codes) and np.isfinite(values).all():
                targets.append(NormalScores.fit(values).transform(values))
    return pretrain_on(space, codes, np.stack(targets, axis=1).astype(np.float32))


def transferred(tables: Tables, task: str, seed: int, transfer: bool) -> dict[str, float]:
    """τ on one graph task with 262 labels, of the blend and its parts."""
    from predictors.auto import AutoPredictor

    space, key = get_space("gnn"), f"accuracy@{task}"
    members = tables.members(space.name, key)
    values = tables.values(space.name, key, members)
    order = np.random.default_rng([seed, DRAWS]).permutation(len(members))
    learn, judge = order[:GNN_LABELS], order[GNN_LABELS:]
    sources = [source_model(tables, other) for other in space.tasks if other != task] if transfer else []
    networks = task_networks(tables, task) if transfer else None
    model = AutoPredictor(space, sources=sources, networks=networks, task=task, seed=seed)
    model.fit(members[learn], values[learn])
    return parts(model, members[judge], values[judge])


def noise(tables: Tables, task: str) -> float:
    """τ of validation and test scores of one table."""
    members = tables.members("gnn", f"accuracy@{task}")
    test = tables.values("gnn", f"accuracy@{task}", members)
    valid = tables.values("gnn", f"accuracy@{task}-valid", members)
    both = np.isfinite(test) & np.isfinite(valid)
    return tau(valid[both], test[both])


def authors_split(tables: Tables, key: str) -> dict[str, float]:
    """τ and R² on MnasNet's split valid of the blend, and τ of its parts and of plain trees."""
    from benchmarks.mnasnet_csv import in_split
    from predictors.auto import AutoPredictor

    space = get_space("mnasnet")
    members = tables.members(space.name, key)
    values = tables.values(space.name, key, members)
    learn, judge = (in_split(tables, members, "train"), in_split(tables, members, "valid"))
    truth = values[judge]
    model = AutoPredictor(space).fit(members[learn], values[learn])
    predicted = model.predict(members[judge]).mean
    explained = 1 - float(((truth - predicted) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())
    plain = plain_trees(space, members[learn], values[learn])(members[judge])
    return parts(model, members[judge], truth) | {"r2": explained, "plain": tau(plain, truth)}


@comparison("predictors", protocol=PROTOCOL, seeds=3, full_seeds=10)
def predictors(context: Context) -> Sequence[Row]:
    """All three figures."""
    return [*_official(context), *_graphs(context), *_mnasnet(context)]


def _official(context: Context) -> list[Row]:
    rows: list[Row] = []
    source = "NAS-Bench-201"
    for task in ("cifar10", "cifar100"):
        if reason := context.tables.available("nasbench201", f"accuracy@{task}"):
            rows += [
                Row.absent(f"1-{count}-{task}", reason, "tau", goal=f">= {goal}", source=source)
                for count, goal in GOALS.items()
            ]
            continue
        for count, goal in GOALS.items():
            found = [
                context.once(f"1-{task}-{count}-{seed}", few_labels, context.tables, task, count, seed)
                for seed in context.seeds
            ]
            for kind in found[0]:
                first = kind == "auto"
                rows.append(
                    Row.measured(
                        f"1-{count}-{task}" if first else f"1-{count}-{task}-{kind}",
                        [one[kind] for one in found],
                        "tau",
                        goal=f">= {goal}" if first else None,
                        published=PUBLISHED[count] if first and task == "cifar10" else None,
                        source=source,
                    )
                )
            for name in ABLATIONS if context.full else ():
                alone = [
                    context.once(
                        f"1-{task}-{count}-{name}-{seed}", ablated, context.tables, task, count, name, seed
                    )
                    for seed in context.seeds
                ]
                rows.append(Row.measured(f"1-{count}-{task}-{name}", alone, "tau", source=source))
            context.progress(len(rows), 60, f"figure 1, {task}, {count} labels")
    return rows


def _graphs(context: Context) -> list[Row]:
    rows: list[Row] = []
    for task, goal in GNN_GOALS.items():
        source = "NAS-Bench-Graph"
        if reason := context.tables.available("gnn", f"accuracy@{task}"):
            rows.append(Row.absent(f"2-{task}", reason, "tau", goal=f">= {goal}", source=source))
            continue
        for name, transfer in (("", True), ("-without-transfer", False)):
            found = [
                context.once(f"2-{task}{name}-{seed}", transferred, context.tables, task, seed, transfer)
                for seed in context.seeds
            ]
            for kind in found[0]:
                first = kind == "auto"
                rows.append(
                    Row.measured(
                        f"2-{task}{name}" if first else f"2-{task}{name}-{kind}",
                        [one[kind] for one in found],
                        "tau",
                        goal=f">= {goal}" if transfer and first else None,
                        published=GNN_PLAIN[task] if first and not transfer else None,
                        source=source,
                    )
                )
        ceiling = context.once(f"2-{task}-noise", noise, context.tables, task)
        rows.append(Row.measured(f"2-{task}-valid-test", ceiling, "tau", source=source))
        context.progress(len(rows), 36, f"figure 2, {task}")
    return rows


def _mnasnet(context: Context) -> list[Row]:
    rows: list[Row] = []
    source = "Accel-NASBench"
    for key in MNASNET:
        short = key.replace("@", "-")
        if reason := context.tables.available("mnasnet", key):
            rows.append(Row.absent(f"3-{short}", reason, "tau", goal=">= 0.93", source=source))
            continue
        found = context.once(f"3-{key}", authors_split, context.tables, key)
        accuracy = key.startswith("accuracy")
        goal = 0.930 if accuracy else found["plain"]
        rows.append(
            Row.measured(
                f"3-{short}", found["auto"], "tau", goal=f">= {goal}",
                published=0.917 if accuracy else None, source=source,
            )
        )  # fmt: skip
        rows.append(
            Row.measured(
                f"3-{short}-r2", found["r2"], "R2", goal=">= 0.987" if accuracy else None,
                published=0.984 if accuracy else None, source=source,
            )
        )  # fmt: skip
        for kind in ("gp", "neural", "gbdt", "plain"):
            if kind in found:
                rows.append(Row.measured(f"3-{short}-{kind}", found[kind], "tau", source=source))
        context.progress(len(rows), 36, f"figure 3, {key}")
    return rows
