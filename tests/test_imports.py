"""Modules import downwards and in no circle; some load no torch, which takes seconds and much memory."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINTER = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
LAYERS = [
    [room.strip() for room in layer.split("|")] for layer in LINTER["contracts"][0]["layers"]
]  # the highest first
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for room in LINTER["root_packages"]
    for path in sorted((ROOT / room).rglob("*.py"))
}


def imports(module: str) -> Iterator[str]:
    """What a module imports of ours: at its top, within functions and under ``TYPE_CHECKING`` alike."""
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                if full in MODULES or node.module in MODULES:
                    yield full if full in MODULES else str(node.module)


def strings(module: str) -> Iterator[str]:
    """The modules of ours that a module names in a string, as in ``python -m workers.child``."""
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
            named = node.value.removesuffix(".py").replace("/", ".")
            if named in MODULES:
                yield named


def test_no_modules_import_one_another_in_a_circle():
    graph = {module: {other for other in imports(module) if other != module} for module in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_circles_are_found(monkeypatch, tmp_path):
    """Also one that only a deferred import and one for annotations close."""
    (tmp_path / "a.py").write_text("def f():\n    from b import g\n")
    (tmp_path / "b.py").write_text("if TYPE_CHECKING:\n    import a\n")
    monkeypatch.setattr(sys.modules[__name__], "MODULES", {name: tmp_path / f"{name}.py" for name in "ab"})
    with pytest.raises(pytest.fail.Exception, match=r"a imports b imports a|b imports a imports b"):
        test_no_modules_import_one_another_in_a_circle()


def test_a_module_that_is_named_in_a_string_lies_in_a_room_that_may_be_imported():
    order = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}
    for module in MODULES:
        room = module.split(".")[0]
        for named in strings(module):
            other = named.split(".")[0]
            assert other == room or order[other] > order[room], f"{module} starts or imports {named}"


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
from spaces.known import get_space, space_names
for name in space_names():
    get_space(name)
for name in ("torch", "hypothesis", "pytest"):
    assert name not in sys.modules, name + " is loaded"
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
