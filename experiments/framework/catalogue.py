"""Finds comparisons: imports the modules of :mod:`experiments`."""

import pkgutil
from importlib import import_module

from experiments.framework.registry import KNOWN, Registered


def comparisons() -> dict[str, Registered]:
    """Every comparison by its name."""
    import experiments

    for module in pkgutil.walk_packages(experiments.__path__, "experiments."):
        if not module.name.startswith("experiments.framework"):
            import_module(module.name)
    return dict(sorted(KNOWN.items()))
