"""Built-ins and plug-ins are found by name, and a plug-in that fails stops nothing else."""

import subprocess
import sys
import textwrap
import threading
import time

import pytest

from spaces import registry as module
from spaces.registry import NotRegistered, Registry


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Writes modules and the metadata of installed packages where Python finds them."""
    monkeypatch.syspath_prepend(str(tmp_path))
    written = set()

    def write(files, entry_points=None, package="extra", version="1.0"):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
            written.add(name.split("/")[0].removesuffix(".py"))
        if entry_points is not None:
            folder = tmp_path / f"{package}-{version}.dist-info"
            folder.mkdir()
            (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
            lines = "".join(f"{name} = {target}\n" for name, target in entry_points.items())
            (folder / "entry_points.txt").write_text(f"[sample.things]\n{lines}")
        _forget()

    yield write
    for name in [name for name in sys.modules if name.split(".")[0] in written]:
        del sys.modules[name]
    _forget()


def _forget():
    module._installed.cache_clear()
    module._modules.cache_clear()


@pytest.fixture
def things(packages):
    """A registry with two built-ins."""
    packages(
        {
            "sample/__init__.py": "",
            "sample/thing.py": """
                from abc import ABC, abstractmethod
                from spaces.registry import Registry
                class Thing(ABC):
                    def size(self, unit): return 1
                    @classmethod
                    def of(cls, text, *, strict=True): return cls()
                class Deep(Thing):
                    @abstractmethod
                    def weight(self): ...
                THINGS = Registry("thing", "sample.thing:Thing", folder="sample.things",
                                  group="sample.things")
            """,
            "sample/things/__init__.py": "",
            "sample/things/_shared.py": "raise RuntimeError('imported')",
            "sample/things/first.py": _thing("First", "first"),
            "sample/things/second.py": "raise RuntimeError('imported')",
        }
    )
    from sample.thing import THINGS

    return THINGS


def _thing(cls, name, body=""):
    return f"""
        from sample.thing import Thing, THINGS
        @THINGS.register
        class {cls}(Thing):
            name = {name!r}
            {body}
    """


def test_names_are_known_and_nothing_is_imported(things, packages):
    packages({"extra_thing.py": "raise RuntimeError('imported')"}, {"third": "extra_thing"})
    assert things.names() == ("first", "second", "third")
    assert "sample.things.first" not in sys.modules
    assert things.get("first").name == "first"


def test_a_plug_in_is_found_by_its_entry_point(things, packages):
    packages({"extra_thing.py": _thing("Third", "third")}, {"third": "extra_thing:Third"})
    assert things.get("third").__qualname__ == "Third"
    (plugin,) = things.plugins()
    assert (plugin.name, plugin.package, plugin.fault) == ("third", "extra 1.0", None)
    assert things.working() == ("first", "second", "third")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("import no_such_package", "No module named 'no_such_package'"),
        ("def", "SyntaxError"),
        ("raise SystemExit('bye')", "SystemExit: bye"),
        (_thing("Third", "third") + "\n        raise RuntimeError('too late')", "too late"),
        (_thing("Third", "other"), "registers no thing 'third'"),
        (_thing("Third", "no name"), "Third.name must be its name, at most 64"),
        (
            _thing("Third", "third", "def size(self): ..."),
            "Third.size(self) is called as Thing.size(self, unit)",
        ),
        (_thing("Third", "third", "size = 3"), "Third.size must be a method"),
        (_thing("Third", "third", "def of(self, text): ..."), "Third.of must be a class method"),
        (
            _thing("Third", "third").replace("import Thing", "import Deep as Thing"),
            "Third must define weight, which Deep leaves abstract",
        ),
        ("from sample.thing import THINGS\nclass A: name = 'third'\nTHINGS.register(A)", "no subclass"),
        ("x = 1", "registers no thing 'third'"),
    ],
)
def test_a_plug_in_that_fails_is_named_with_the_reason_and_stops_nothing(things, packages, text, fault):
    packages({"extra_thing.py": text}, {"third": "extra_thing"})
    packages({"good_thing.py": _thing("Fourth", "fourth")}, {"fourth": "good_thing"}, package="good")
    faults = {plugin.name: plugin.fault for plugin in things.plugins()}
    assert fault in faults["third"] and faults["fourth"] is None
    assert "third" not in things.working() and things.get("fourth").name == "fourth"
    with pytest.raises(NotRegistered, match=r"'third' of extra 1\.0 does not load; netwright doctor"):
        things.get("third")
    assert {plugin.name: plugin.fault for plugin in things.plugins()} == faults


def test_who_asks_for_a_plug_in_that_fails_sees_what_its_module_raised(things, packages):
    packages({"extra_thing.py": "import no_such_package"}, {"third": "extra_thing"})
    with pytest.raises(NotRegistered) as caught:
        things.get("third")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)
    assert "no_such_package" not in str(caught.value)


def test_a_built_in_name_is_nobody_elses(things, packages):
    packages({"extra_thing.py": _thing("Mine", "first")}, {"first": "extra_thing", "x": "extra_thing"})
    faults = {plugin.name: plugin.fault for plugin in things.plugins()}
    assert "already" in faults["first"] and "already" in faults["x"]
    assert things.get("first").__qualname__ == "First"


def test_of_two_packages_with_one_name_the_second_is_told(things, packages):
    packages({"one.py": _thing("One", "third")}, {"third": "one"}, package="alpha")
    packages({"two.py": _thing("Two", "third")}, {"third": "two"}, package="beta")
    faults = {plugin.package: plugin.fault for plugin in things.plugins()}
    assert faults == {"alpha 1.0": None, "beta 1.0": "the thing 'third' is that of alpha 1.0"}
    assert things.get("third").__qualname__ == "One"


def test_an_unknown_name_is_answered_with_the_known_ones(things):
    with pytest.raises(NotRegistered) as caught:
        things.get("fifth")
    assert str(caught.value) == "unknown thing 'fifth'; known are first, second"


def test_many_threads_get_one_class(things, packages):
    packages(
        {"slow_thing.py": "import time\ntime.sleep(0.2)\n" + textwrap.dedent(_thing("T", "slow"))},
        {"slow": "slow_thing"},
    )
    found, threads = (
        [],
        [threading.Thread(target=lambda: found.append(things.get("slow"))) for _ in range(16)],
    )
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16 and len(set(found)) == 1


def test_a_class_is_given_when_its_module_is_whole(things, packages):
    late = textwrap.dedent(_thing("T", "late")) + "\nimport time\ntime.sleep(0.3)\ndef helper(): return 1\n"
    packages({"late_thing.py": late}, {"late": "late_thing"})
    first = threading.Thread(target=lambda: things.get("late"))
    first.start()
    while "late" not in things._classes:
        time.sleep(0.001)
    assert sys.modules[things.get("late").__module__].helper() == 1
    first.join()


def test_it_loads_no_science():
    program = "import sys, spaces.registry; print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_what_is_checked_after_the_import_is_a_fault_too(things, packages, monkeypatch):
    packages({"extra_thing.py": _thing("Third", "third")}, {"third": "extra_thing"})
    monkeypatch.setattr(things, "check", lambda cls: cls.no_such_attribute)
    (plugin,) = things.plugins()
    assert "no_such_attribute" in plugin.fault and things.working() == ("first", "second")


def test_a_registry_of_another_attribute(packages):
    packages({"kinds_/__init__.py": ""})
    made = Registry("kind", "builtins:object", folder="kinds_", group="sample.things", attribute="kind")
    assert made.register(type("A", (), {"kind": "a"})).kind == "a" and made.names() == ("a",)
