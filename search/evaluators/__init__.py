"""Evaluators: what turns an architecture into measured values, one file each; the module has its name."""

from typing import TYPE_CHECKING

from spaces.registry import Registry

if TYPE_CHECKING:
    from search.evaluator import NamedEvaluator

EVALUATORS: "Registry[NamedEvaluator]" = Registry(
    "evaluator",
    "search.evaluator:NamedEvaluator",
    folder="search.evaluators",
    group="netwright.evaluators",
)
"""By name; those of installed packages are found by their entry points."""
