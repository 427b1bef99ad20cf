"""The kinds of predictor that a request can name, one file each; the module has the kind's name."""

from typing import TYPE_CHECKING

from spaces.registry import Registry

if TYPE_CHECKING:
    from predictors.predictor import Predictor

KINDS: "Registry[Predictor]" = Registry(
    "kind of predictor",
    "predictors.predictor:Predictor",
    folder="predictors.kinds",
    group="netwright.predictors",
    attribute="kind",
)
"""By name; those of installed packages are found by their entry points.

>>> KINDS.names()
('auto', 'gbdt', 'gp', 'neural', 'precision')
"""
