"""The accuracy at low precision from full precision's labels and few of its own.

Row ids begin with 5: for each precision the transfer, what it is made of, and training from scratch.
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import kendalltau

from benchmarks.tables import Tables
from experiments.framework.context import Context
from experiments.framework.registry import comparison
from experiments.framework.row import Row
from predictors.kinds import KINDS
from predictors.kinds.precision import PrecisionTransfer
from spaces.known import get_space

SOURCE = "cifar10-fp32"
TARGETS = ("int8-ptq", "int8-qat", "analog")
COMPARED = ("gbdt", "gp")
SOURCE_LABELS, TARGET_LABELS = 500, 50
TABLE = "AnalogNAS-Bench"

PROTOCOL = """\
nasbench201 on CIFAR-10 (AnalogNAS-Bench): a predictor of fp32 accuracy learns from 500 cells; 50 other cells
carry a label of the target precision. Kendall's tau over all cells that neither drew. Transfer: both, by
predictors/kinds/precision.py. Source: fp32 alone. Taught: fp32 and the 50 labels mapped to its scale,
nothing else. Scratch: 500, or the 50, labels of the target alone, the 500 of the same cells as the fp32
labels. The same kind of predictor in every row of a kind. Coverage: share of the truths in the transfer's 90
% intervals."""


def transfer(tables: Tables, kind: str, target: str, seed: int) -> dict[str, float]:
    """Rank correlations of every way with one draw, and the transfer's coverage in %."""
    space = get_space("nasbench201")
    make = KINDS.get(kind)
    key = f"accuracy@cifar10-{target}"
    codes = tables.architectures(space.name, key)
    full = tables.values(space.name, f"accuracy@{SOURCE}", codes)
    values = tables.values(space.name, key, codes)
    order = np.random.default_rng(seed).permutation(len(codes))
    learned, labelled, rest = np.split(order, [SOURCE_LABELS, SOURCE_LABELS + TARGET_LABELS])
    source = make(space, task=SOURCE, seed=seed).fit(codes[learned], full[learned])
    moved = PrecisionTransfer(space, source=source, seed=seed).fit(codes[labelled], values[labelled])
    predicted = moved.predict(codes[rest])
    means = {
        "transfer": predicted.mean,
        "source": source.predict(codes[rest]).mean,
        "taught": moved.taught.predict(codes[rest]).mean,
    }
    for name, drawn in (("scratch-500", learned), ("scratch-50", labelled)):
        alone = make(space, task=f"cifar10-{target}", seed=seed).fit(codes[drawn], values[drawn])
        means[name] = alone.predict(codes[rest]).mean
    inside = (predicted.lower <= values[rest]) & (values[rest] <= predicted.upper)
    found = {name: float(kendalltau(mean, values[rest]).statistic) for name, mean in means.items()}
    return found | {"coverage": 100 * float(inside.mean())}


@comparison("precision", protocol=PROTOCOL, seeds=3, full_seeds=20, hours=0.2)
def precision(context: Context) -> Sequence[Row]:
    """All parts of figure 5."""
    rows = []
    for number, (target, kind) in enumerate([(target, kind) for target in TARGETS for kind in COMPARED]):
        runs = context.each(f"{target} {kind}", transfer, kind, target)
        context.progress(number + 1, len(TARGETS) * len(COMPARED), f"{target} {kind}")
        figures = {name: [run[name] for run in runs] for name in runs[0]}
        for name, values in figures.items():
            unit = "%" if name == "coverage" else "tau"
            rows.append(Row.measured(f"5-{target}-{kind}-{name}", values, unit, source=TABLE))
        rows.append(
            Row.ahead(
                f"5-{target}-{kind}-ahead-of-scratch-500",
                figures["transfer"],
                figures["scratch-500"],
                "tau",
                pairs=True,
                goal=target == "int8-ptq",
                evaluated_on=[f"nasbench201/accuracy@cifar10-{target}"],
                source=TABLE,
            )
        )
    return rows
