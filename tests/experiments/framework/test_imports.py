"""Which code a figure comes from."""

import subprocess
import sys

import pytest

from experiments.framework import imports
from experiments.framework.imports import digest_of, modules_of


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that the frame takes for one of the project's."""
    folder = tmp_path / "sample"
    (folder / "plugins").mkdir(parents=True)
    for name, text in {
        "__init__": "",
        "start": "from sample.near import one\n\ndef run():\n    import sample.inside\n    return one\n",
        "near": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import sample.types\none = 1\n",
        "inside": "from . import relative\n",
        "relative": "import pkgutil\nfrom . import plugins\nfound = pkgutil.iter_modules(plugins.__path__)\n",
        "plugins/__init__": "",
        "plugins/first": "",
        "types": "",
        "other": "",
        "named": "from importlib import import_module\ng = lambda n: import_module(f'sample.plugins.{n}')\n",
        "register": "from x import Registry\ny = Registry('thing', folder='sample.plugins')\n",
        "process": "import sys\nCOMMAND = (sys.executable, '-m', 'sample.other', 'serve')\n",
    }.items():  # fmt: skip
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(imports, "ROOTS", (*imports.ROOTS, "sample"))
    imports.forget()
    yield folder
    imports.forget()


def test_imports_are_followed_wherever_they_stand(package):
    assert set(modules_of("sample.start")) == {
        "sample", "sample.start", "sample.near", "sample.inside", "sample.relative", "sample.plugins",
        "sample.plugins.first",
    }  # fmt: skip
    assert "sample.plugins.first" in modules_of("sample.named")
    assert "sample.plugins.first" in modules_of("sample.register")
    assert "sample.other" in modules_of("sample.process")


def test_the_digest_follows_what_is_imported_and_nothing_else(package):
    def after(name, text):
        (package / name).write_text(text)
        imports.forget()
        return digest_of("sample.start")

    near = (package / "near.py").read_text()
    first = digest_of("sample.start")
    assert after("other.py", "x = 2\n") == first
    assert after("types.py", "x = 2\n") == first
    assert after("near.py", '"""Says what it is."""\n\n' + near.replace("= 1", "=  1  # first")) == first
    assert after("near.py", near.replace("= 1", "= 2")) != first
    assert after("near.py", near) == first
    assert after("plugins/second.py", "x = 1\n") != first


def test_weights_that_a_module_names_belong_to_it(package):
    first = digest_of("sample.start")
    (package / "near.py").write_text("import artifacts\none = artifacts.ROOT / 'devices' / 'x'\n")
    imports.forget()
    assert imports._folders("sample.near") == ("devices",) and digest_of("sample.start") != first
    assert imports._weights("devices") != imports._weights("tasks")


def test_what_a_comparison_loads_is_in_its_graph():
    """All strategies, evaluators, kinds, tables and spaces, loaded in a fresh process."""
    program = """
import importlib, sys
from experiments.framework.imports import FRAME, ROOTS, modules_of
comparisons = ("experiments.search.search", "experiments.predictors.calibration")
found = {name for each in comparisons for name in (*modules_of(each), each.rpartition(".")[0])}
for each in comparisons: importlib.import_module(each)
from benchmarks.table import all_tables
from predictors.kinds import KINDS
from search.evaluators import EVALUATORS
from search.strategies import STRATEGIES
from spaces.known import SPACES
for registry in (STRATEGIES, KINDS, EVALUATORS, SPACES):
    for name in registry.built_in(): registry.get(name)
all_tables()
loaded = {name for name in sys.modules if name.partition(".")[0] in ROOTS and not name.startswith(FRAME)}
print(sorted(loaded - found))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
