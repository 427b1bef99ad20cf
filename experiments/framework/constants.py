"""What every tuned constant was chosen on, so that no goal is evaluated on it.

A constant is registered with the module it stands in. A comparison whose code imports that module, directly
or not, may set no goal that is decided by a column the constant was chosen on: the goal is refused, whatever
the value. A constant that was chosen on invented data, or by leaving out what evaluates, names no column.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that was chosen by looking at results.

    Args:
        module: where it stands.
        name: of the constant, class or function there, or a few names that were chosen together.
        chosen_on: columns as ``space/metric@task``, ``*`` for any part; empty for invented data.
        how: by which procedure, on which draws.
        decision: number of the note in ``docs/decisions``.
    """

    module: str
    name: str
    chosen_on: tuple[str, ...]
    how: str
    decision: str = ""

    def to_dict(self) -> dict[str, object]:
        """The constant as JSON."""
        return asdict(self) | {"chosen_on": list(self.chosen_on)}


ANALOG = ("nasbench201/accuracy@cifar10-fp32", "nasbench201/accuracy@cifar10-int8-*")
TWELVE = ("nasbench201/accuracy@cifar10-valid-12ep",)
OFFICIAL = ("nasbench201/accuracy@cifar10", "nasbench201/accuracy@cifar100")
FOUR_GRAPHS = tuple(f"gnn/accuracy@{task}" for task in ("photo", "physics", "citeseer", "pubmed"))
VALIDATION = ("gnn/accuracy@*-valid",)
MNASNET = ("mnasnet/accuracy@*", "mnasnet/latency_ms@*", "mnasnet/throughput_ips@*")
SUBSETS = ("nasbench201/accuracy@imagenet-subsets",)
DEVICES = ("nasbench201/latency_ms@*",)

CONSTANTS: tuple[Constant, ...] = (
    Constant(
        "predictors.inputs",
        "informed_kinds",
        (*ANALOG, *TWELVE, *OFFICIAL, *FOUR_GRAPHS, *MNASNET),
        "Kendall's tau with few labels; CIFAR-10 with other draws, CIFAR-100 with prototypes",
        "0010, 0012, 0021",
    ),
    Constant(
        "predictors.inputs",
        "cost_kinds",
        tuple(f"gnn/latency_ms@gpu@{task}" for task in ("citeseer", "pubmed", "cora")),
        "error of the log latency with 900 labels",
        "0022",
    ),
    Constant(
        "predictors.gaussian_processes.feature_groups",
        "CENTERS",
        (*ANALOG, *TWELVE, *OFFICIAL, *FOUR_GRAPHS, *MNASNET),
        "Kendall's tau with few labels, together with the features",
        "0010, 0021",
    ),
    Constant(
        "predictors.gaussian_processes.grouped_matern",
        "LENGTHSCALE_STD",
        (*ANALOG, *TWELVE, *OFFICIAL),
        "Kendall's tau with few labels; CIFAR-10 with other draws",
        "0010, 0021",
    ),
    Constant(
        "predictors.gaussian_processes.conditioned",
        "TREND",
        (*ANALOG, *TWELVE, *OFFICIAL),
        "Kendall's tau with few labels; CIFAR-10 with other draws",
        "0010, 0021",
    ),
    Constant(
        "predictors.gaussian_processes.exact_gp",
        "LOG_VARIANCE, LOG_NOISE",
        (*ANALOG, *TWELVE, *OFFICIAL),
        "Kendall's tau with few labels; CIFAR-10 with other draws",
        "0010, 0021",
    ),
    Constant(
        "search.bo.source_posterior",
        "PRIOR, SOURCES, OWN, NOISE, LEVEL, SCALE",
        VALIDATION,
        "best of 50 by validation scores with fresh noise, several redraws",
        "0026",
    ),
    Constant(
        "predictors.gaussian_processes.heteroscedastic_noise",
        "FROM, ROUNDS",
        (*ANALOG, *TWELVE),
        "Kendall's tau with 156 and 469 labels, two draws",
        "0021",
    ),
    Constant(
        "predictors.kinds.auto",
        "FEW_TREES, MANY_TREES, EXPECTED, EXPECTED_WITHOUT, HOLD",
        (*ANALOG, *TWELVE, *FOUR_GRAPHS, "mnasnet/accuracy@imagenet"),
        "Kendall's tau with few labels; trees within the authors' split train of MnasNet",
        "0012, 0021",
    ),
    Constant(
        "predictors.kinds.gbdt",
        "GbdtOptions, TREND_KINDS",
        ("nasbench201/accuracy@cifar10-int8-ptq", "gnn/accuracy@arxiv", *ANALOG),
        "prototypes of the first designs: linear trend, ranks, depth of the trees",
        "0006",
    ),
    Constant(
        "predictors.neural_heads",
        "FITTED_ON, LARGEST",
        (*ANALOG, *TWELVE),
        "Kendall's tau with few labels, two to four draws",
        "0012",
    ),
    Constant(
        "encoders.pretrained.train",
        "PretrainingOptions",
        (*ANALOG, *TWELVE),
        "Kendall's tau of what is tuned on the networks, two to four draws",
        "0012",
    ),
    Constant(
        "encoders.proxies.table",
        "DEEP",
        ("nasbench201/accuracy@cifar10", *ANALOG, *TWELVE),
        "cells a stage of the skeleton, beside deeper ones on 200 cells; use in predictors by tau",
        "0021, 0023",
    ),
    Constant(
        "predictors.kinds.precision",
        "AMPLITUDES, _WORTH",
        ANALOG,
        "Kendall's tau of the transfer, other draws of the table's own columns",
        "0010",
    ),
    Constant(
        "predictors.devices.model",
        "COMPONENTS, _RESIDUAL, _FREE, _USUAL, _FARTHEST, _FOLDS",
        DEVICES,
        "coverage of devices left out, over all devices of the file",
        "0009",
    ),
    Constant(
        "predictors.devices.one_sided",
        "DEVICES, LEVELS",
        tuple(
            f"nasbench201/latency_ms@{name}" for name in ("1080ti_*", "titan*", "fpga", "gold_*", "silver_*")
        ),
        "picks over a bound, each of fifteen devices left out; the five phones of compare asks never",
        "0050",
    ),
    Constant(
        "predictors.training.ship_predictors",
        "SMALL, LARGE, LARGEST, IMITATED",
        (),
        "Kendall's tau of mnasnet's accuracies on a sixth of the authors' split train, held out",
        "0050",
    ),
    Constant(
        "predictors.devices.robust_regression",
        "DEGREES, NOISE",
        DEVICES,
        "rank correlation and coverage of devices left out, with a wrong measurement among ten",
        "0009",
    ),
    Constant(
        "predictors.transfer.graph_tasks",
        "LENGTHS, LENGTH",
        VALIDATION,
        "marginal likelihood of validation scores, 40 architectures at a time",
        "0026",
    ),
    Constant(
        "predictors.training.ship_tasks",
        "RIDGES, MORE",
        VALIDATION,
        "how much worse the other half of a data set is read back, on the noisiest validation scores",
        "0035",
    ),
    Constant(
        "predictors.transfer.task_training",
        "NOISE, TASK_NOISE, LEVEL, CELLS, KINDS, TREES, ROUNDS, KNOTS, FAILED, TaskOptions",
        (*SUBSETS, *OFFICIAL),
        "held-out tasks of the pairs; the versions before were looked at on CIFAR and replaced",
        "0026",
    ),
    Constant(
        "predictors.transfer.task_conditioned",
        "PROMISING, STRETCH, FAR_LEVEL",
        SUBSETS,
        "held-out tasks of the pairs",
        "0026",
    ),
    Constant(
        "search.bo.inputs",
        "REPLACED, POSITIONAL_LENGTH",
        VALIDATION,
        "expected maximum under fresh noise after 50 to 150 evaluations, 8,000 architectures",
        "0023",
    ),
    Constant(
        "search.bo.inputs",
        "COST_LENGTH",
        (),
        "rank correlation with invented costs after 10, 20 and 40 labels: netwright compare constants",
        "0035",
    ),
    Constant(
        "search.strategies.bayes",
        "PROMISING",
        (*ANALOG, *TWELVE),
        "share of the scores' consensus from which the first evaluations are drawn",
        "0023",
    ),
    Constant(
        "search.bo.surrogates",
        "FIRST",
        ("nasbench201/accuracy@cifar10-int8-ptq", "gnn/accuracy@arxiv"),
        "five first draws, by prototypes of the first designs",
        "0006",
    ),
    Constant(
        "search.strategies.robot",
        "OPTIMISM",
        ("nasbench201/accuracy@cifar10-fp32", "nasbench201/accuracy@cifar10-int8-*"),
        "rank of the best found; 16 seeds each, within the spread of one another",
        "0023",
    ),
    Constant(
        "search.feasibility.confidence",
        "SELECTION",
        ("gnn/latency_ms@gpu@arxiv", "gnn/latency_ms@gpu@cora"),
        "the two sides of an error; 175 bounds were looked at while choosing",
        "0020",
    ),
    Constant(
        "experiments.generation.accuracy_prior",
        "SHARE, TREES, RIDGE, FAILED, KINDS",
        (*SUBSETS, "nasbench201/accuracy@cifar100"),
        "cells of ImageNet subsets held out; an earlier prior was chosen with CIFAR-100 in sight",
        "0020, 0022",
    ),
)
"""Every tuned constant that ships or that a comparison brings along."""


def constants_in(modules: Sequence[str]) -> list[Constant]:
    """Constants that stand in one of the modules."""
    known = set(modules)
    return [constant for constant in CONSTANTS if constant.module in known]


def tuned_on(modules: Sequence[str], columns: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pairs of a column and the constant of these modules that was chosen on it."""
    for constant in constants_in(modules):
        for column in columns:
            if any(fnmatchcase(column, pattern) for pattern in constant.chosen_on):
                yield column, f"{constant.module}.{constant.name}"
