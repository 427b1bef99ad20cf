"""Pruning keeps the part of a space where good architectures are."""

import numpy as np

from predictors.kinds.gbdt import GbdtPredictor
from predictors.pruning import pruned_choices, within
from spaces.known import get_space

SPACE = get_space("nasbench201")


def worth(codes: np.ndarray) -> np.ndarray:
    """The number of 3×3 convolutions."""
    wanted = [variable.choices.index("nor_conv_3x3") for variable in SPACE.variables]
    return (codes == wanted).sum(axis=1).astype(float)


def test_what_is_left_is_better_and_smaller() -> None:
    codes = SPACE.sample(200, np.random.default_rng(0))
    predictor = GbdtPredictor(SPACE).fit(codes, worth(codes))
    architectures = SPACE.enumerate()
    inside = within(pruned_choices(predictor), predictor, architectures)
    assert 0 < inside.sum() < 0.2 * len(architectures)
    assert worth(architectures[inside]).mean() > worth(architectures).mean() + 2


def test_keeping_all_prunes_nothing() -> None:
    codes = SPACE.sample(50, np.random.default_rng(0))
    predictor = GbdtPredictor(SPACE).fit(codes, worth(codes))
    assert within(pruned_choices(predictor, keep=0.0), predictor, SPACE.enumerate()).all()
