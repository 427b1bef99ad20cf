"""What must load no torch, which takes seconds and hundreds of megabytes, and no test library."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["service", "store", "spaces", "netwright.cli"])
def test_importing_loads_no_torch(module):
    """In a fresh process, with every module of the package imported and every space built."""
    script = f"""
import importlib, pkgutil, sys
package = importlib.import_module({module!r})
for found in pkgutil.walk_packages(package.__path__, {module!r} + "."):
    if found.name not in ("spaces.testing",) and not found.name.endswith("__main__") \\
            and ".migrations" not in found.name:
        importlib.import_module(found.name)
from spaces.space import get_space, space_names
for name in space_names():
    get_space(name)
for name in ("torch", "hypothesis", "pytest"):
    assert name not in sys.modules, name + " is loaded"
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
