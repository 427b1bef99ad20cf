"""Inputs of a search's surrogates: groups of standardized features that need no training.

Notation: b architectures, f columns, g groups, v variables.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from encoders.features import feature_names, features
from predictors.gaussian_processes.feature_groups import center_of
from predictors.inputs import informed_kinds
from spaces.cached import cached_by_space
from spaces.metric import Quantity
from spaces.space import Codes, Floats, Space

REFERENCE = 2000
"""Architectures drawn from the space whose features' mean and standard deviation standardize."""
REPLACED = frozenset(("onehot", "path", "live", "structure", "statistics"))
"""Kinds of features in whose place the positional ones stand."""
POSITIONAL_LENGTH = 0.3
"""Prior mean of the log lengthscale of each family of positional features."""
COST_LENGTH = 1.5
"""The same where a cost is learned.

The greatest mean rank correlation with invented costs, of .3, .6, 1, 1.5, 2 and 2.5; no measured latency took
part (``netwright compare constants``, docs/decisions/0035).
"""
NOT_COSTS = ("accuracy", "loss")

Inputs = NDArray[np.float32]
"""Standardized features (b, f) of architectures that are kept."""


@dataclass(frozen=True, slots=True)
class InputMap:
    """Maps architectures of a space to a surrogate's inputs.

    Args:
        space, task: whose features.
        kinds: of features.
        columns: of the features, in the order of the groups, (f,).
        sizes: columns of each group, (g,).
        centers, scales: of the columns, (f,); a group's weight does not grow with its size.
        log_lengthscales: their prior means, (g,).
        cost_log_lengthscales: the same where a cost is learned, (g,).
    """

    space: Space
    task: str | None
    kinds: tuple[str, ...]
    columns: NDArray[np.int64]
    sizes: tuple[int, ...]
    centers: Floats
    scales: Floats
    log_lengthscales: tuple[float, ...]
    cost_log_lengthscales: tuple[float, ...]

    def prior_log_lengthscales(self, quantity: Quantity) -> tuple[float, ...]:
        """Prior means of the log lengthscales (g,) for one quantity."""
        return self.log_lengthscales if quantity.metric in NOT_COSTS else self.cost_log_lengthscales

    def __call__(self, codes: Codes) -> Floats:
        """Inputs (b, f) of codes (b, v)."""
        x = features(self.space, codes, task=self.task, kinds=self.kinds)
        result: Floats = (x[:, self.columns].astype(np.float64) - self.centers) / self.scales
        return result


def kinds_for_search(space: Space) -> tuple[str, ...]:
    """Kinds of features that a search compares architectures by.

    Positional features take the place of paths where the graph itself varies and no operation is "none".
    """
    kinds = informed_kinds(space)
    if REPLACED.issubset(kinds) and space.network_space.task_dependent_cost:
        return ("positional", *(kind for kind in kinds if kind not in REPLACED))
    return kinds


@cached_by_space(maxsize=16)
def input_map(space: Space, task: str | None) -> InputMap:
    """The map of a space, standardized over architectures drawn from it."""
    codes = space.sample(REFERENCE, np.random.default_rng(0))
    kinds = kinds_for_search(space)
    x = features(space, codes, task=task, kinds=kinds).astype(np.float64)
    labels = [
        f"positional:{name.partition(':')[0]}" if kind == "positional" else kind
        for kind in kinds
        for name in feature_names(space, (kind,))
    ]
    columns, sizes, centers, scales, lengths, costs = [], [], [], [], [], []
    for label in dict.fromkeys(labels):
        own = np.flatnonzero([each == label for each in labels])
        std = x[:, own].std(axis=0)
        own, std = own[std > 1e-9], std[std > 1e-9]
        if len(own):
            columns.append(own)
            sizes.append(len(own))
            centers.append(x[:, own].mean(axis=0))
            scales.append(std * np.sqrt(len(own)))
            positional = label.startswith("positional:")
            lengths.append(POSITIONAL_LENGTH if positional else center_of(label))
            costs.append(COST_LENGTH if positional else lengths[-1])
    return InputMap(
        space,
        task,
        kinds,
        np.concatenate(columns),
        tuple(sizes),
        np.concatenate(centers),
        np.concatenate(scales),
        tuple(lengths),
        tuple(costs),
    )


@cached_by_space(maxsize=4)
def every_input(space: Space, task: str | None) -> tuple[Codes, Inputs]:
    """Codes (c, v) and inputs (c, f) of every architecture of a space that can be enumerated."""
    codes = space.enumerate()
    return codes, input_map(space, task)(codes).astype(np.float32)
