"""The registry: classes known by name, from a folder of this project and from installed packages.

A built-in is a module of the registry's folder; the module has the name that its class registers. Modules
whose name begins with ``_`` hold what several of them share. A plug-in is an entry point of the registry's
group (:mod:`importlib.metadata`), in any installed package: it has the name that its class registers, and it
points to the module, or to the class in it. In the package's ``pyproject.toml``::

    [project.entry-points."netwright.strategies"]
    coin = "my_package.coin"

So names are known before anything is imported, and a module is imported when its class is first asked for.
"""

import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution, entry_points
from pkgutil import iter_modules, resolve_name
from types import MappingProxyType, ModuleType
from typing import Any, Generic, TypeVar

from spaces.class_fault import class_fault

T = TypeVar("T")
_LOG = logging.getLogger(__name__)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class NotRegistered(KeyError):
    """No class is registered under a name, or the plug-in that declares it does not load; never worth a
    retry in this process. The message names what there is, and holds no path.
    """

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Plugin:
    """A class that an installed package declares.

    Args:
        name: that requests call it by.
        group: of its entry point.
        package: name and version of the package.
        target: the module, or ``module:class``.
        fault: why it cannot be used, for whoever runs the server; None where it can.
    """

    name: str
    group: str
    package: str
    target: str
    fault: str | None = None


class Registry(Generic[T]):
    """Classes of one kind, by name.

    Any thread may call any method: no lock is held during an import, which has locks of its own.

    Args:
        what: one of them, in messages: ``strategy``.
        base: ``module:class`` that all of them subclass.
        folder: the package whose modules are the built-ins.
        group: of the entry points.
        attribute: of a class that holds its name.
        needs: built-ins that are there only where another package is installed: name → that package.
        check: called with the class of a plug-in after its import; what it raises is the plug-in's fault.

    Example:
        STRATEGIES: Registry["Strategy"] = Registry(
            "strategy", "search.strategy:Strategy", folder="search.strategies", group="netwright.strategies"
        )
    """

    def __init__(
        self,
        what: str,
        base: str,
        *,
        folder: str,
        group: str,
        attribute: str = "name",
        needs: Mapping[str, str] = MappingProxyType({}),
        check: Callable[[type[T]], object] = lambda cls: None,
    ) -> None:
        self.what = what
        self.base = base
        self.folder = folder
        self.group = group
        self.attribute = attribute
        self.needs = needs
        self.check = check
        self._classes: dict[str, type[T]] = {}
        self._whole: set[str] = set()
        """Names whose modules were imported to their end; another thread may be at a module of the others."""
        self._faults: dict[str, str | None] = {}
        self._errors: dict[str, BaseException] = {}
        """What the import of a plug-in raised, for the traceback of who asks for it."""
        self._lock = threading.Lock()

    def register(self, cls: type[T]) -> type[T]:
        """Class decorator: makes a class known by its name.

        Raises:
            TypeError: it cannot stand for the base (:func:`spaces.class_fault.class_fault`), or has no name
                of letters, digits, ``_`` and ``-``.
            ValueError: the name is another class's.
        """
        name = getattr(cls, self.attribute, None)
        if (fault := class_fault(cls, resolve_name(self.base))) is not None:
            raise TypeError(fault)
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise TypeError(
                f"{cls.__qualname__}.{self.attribute} must be its name, at most 64 letters, digits, _ and -; "
                f"it is {name!r}"
            )
        foreign = name in self.built_in() and not cls.__module__.startswith(f"{self.folder}.")
        with self._lock:
            known = self._classes.get(name, cls)
            if foreign or (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
                raise ValueError(f"there is a {self.what} {name!r} already; choose another name")
            self._classes[name] = cls
        return cls

    def names(self) -> tuple[str, ...]:
        """Every name that can be asked for, sorted; nothing is imported, so a plug-in may fail to load."""
        declared = (name for name, plugin in self._declared.items() if plugin.fault is None)
        return tuple(sorted({*self.built_in(), *declared, *self._classes} - self._absent))

    def working(self) -> tuple[str, ...]:
        """:meth:`names` without the plug-ins that do not load; imports all plug-ins."""
        broken = {name for name in self._declared if self._fault(name) is not None}
        return tuple(name for name in self.names() if name not in broken)

    def get(self, name: str) -> type[T]:
        """The class of a name, imported now unless it was before.

        Raises:
            NotRegistered: there is none, or its plug-in does not load.
        """
        if name not in self._whole:
            self._import(name)
            self._whole.add(name)
        return self._classes[name]

    def _import(self, name: str) -> None:
        if name in self.built_in():
            import_module(f"{self.folder}.{name}")
        elif name in self._declared and self._fault(name) is not None:
            package = self._declared[name].package
            raise NotRegistered(
                f"the {self.what} {name!r} of {package} does not load; netwright doctor says why"
            ) from self._errors.get(name)
        if name in self._absent:
            raise NotRegistered(f"the {self.what} {name!r} needs a package; pip install {self.needs[name]}")
        if name not in self._classes:
            known = sorted(set(self.names()) - {name})
            raise NotRegistered(f"unknown {self.what} {name!r}; known are {', '.join(known)}")

    def plugins(self) -> Sequence[Plugin]:
        """Every plug-in that is declared, with its fault if it has one; imports all of them."""
        found = []
        for each in self._entry_points():
            used = self._declared[each.name]
            fault = self._fault(each.name)
            if fault is None and (used.package, used.target) != (_package(each), each.value):
                fault = f"the {self.what} {each.name!r} is that of {used.package}"
            found.append(_plugin(each, fault))
        return tuple(found)

    def built_in(self) -> frozenset[str]:
        """Names of the built-ins that can be used; none of them is imported."""
        return self._built_in

    @cached_property
    def _built_in(self) -> frozenset[str]:
        return _modules(self.folder) - self._absent

    @cached_property
    def _absent(self) -> frozenset[str]:
        """Built-ins whose packages are not installed; their modules may be imported all the same."""
        return frozenset(name for name, package in self.needs.items() if not _is_installed(package))

    def _entry_points(self) -> Sequence[EntryPoint]:
        declared: list[EntryPoint] = list(_installed().select(group=self.group))
        return sorted(declared, key=lambda each: (each.name, _package(each)))

    @cached_property
    def _declared(self) -> dict[str, Plugin]:
        """Plug-ins by name, with the faults that show without an import; of two of a name the first."""
        found: dict[str, Plugin] = {}
        for each in self._entry_points():
            fault = None
            if each.name in self.built_in():
                fault = f"there is a {self.what} {each.name!r} already; choose another name"
            elif not _NAME.fullmatch(each.name):
                fault = f"{each.name!r} is no name: letters, digits, _ and -, at most 64"
            found.setdefault(each.name, _plugin(each, fault))
        return found

    def _fault(self, name: str) -> str | None:
        """Why a declared plug-in cannot be used, after one attempt to import it; None where it can."""
        plugin = self._declared[name]
        if plugin.fault is not None or name in self._faults:
            return plugin.fault or self._faults[name]
        declared = next(each for each in self._entry_points() if each.name == name)
        fault = None
        try:
            declared.load()
            if name in self._classes:
                self.check(self._classes[name])
            else:
                fault = f"{plugin.target} registers no {self.what} {name!r}"
        except (Exception, SystemExit) as error:  # whatever it is, it must stop nothing else
            fault = f"{type(error).__name__}: {error}"
            self._errors[name] = error
            self._classes.pop(name, None)  # what a module registered before it failed is not whole
        self._faults[name] = fault
        if fault is not None:
            _LOG.warning("the plug-in %s of %s does not load: %s", name, plugin.package, fault)
        return fault


def import_modules(package: str) -> Sequence[ModuleType]:
    """Imports every module of a package, for registers whose entries are no classes by module name."""
    return [import_module(f"{package}.{name}") for name in sorted(_modules(package))]


@cache
def _modules(package: str) -> frozenset[str]:
    path = import_module(package).__path__
    return frozenset(module.name for module in iter_modules(path) if not module.name.startswith("_"))


def _is_installed(package: str) -> bool:
    """Whether a distribution is installed, written as for pip, with or without a version."""
    try:
        distribution(package.partition("==")[0])
    except PackageNotFoundError:
        return False
    return True


@cache
def _installed() -> Any:
    """The entry points of all installed packages, read once: some hundred packages take 40 ms.

    They are ``SelectableGroups`` in Python 3.11 and ``EntryPoints`` in later ones; both can ``select``.
    """
    return entry_points()


def _package(declared: EntryPoint) -> str:
    """Name and version of the package that declares an entry point."""
    return "an unnamed package" if declared.dist is None else f"{declared.dist.name} {declared.dist.version}"


def _plugin(declared: EntryPoint, fault: str | None) -> Plugin:
    return Plugin(declared.name, declared.group, _package(declared), declared.value, fault)
