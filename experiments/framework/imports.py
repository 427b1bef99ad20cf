"""Which code a figure comes from: the modules that a comparison imports, and a digest of them.

The graph is read from the source, imports inside functions included, so that nothing is run for it. Packages
whose modules are imported by their place (``Registry(folder="package")``, ``import_modules("package")``,
``pkgutil``, ``import_module(f"package.{name}")``) stand for all of those modules, a command that runs
``-m package`` for that package, and a folder of :mod:`artifacts` that a module names for the weights in it.
What cannot change a figure is left out: docstrings, comments, formatting, and this frame but for its rows and
statistics.
"""

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOTS = (
    "netwright", "service", "workers", "search", "generator", "predictors", "encoders", "benchmarks",
    "networks", "store", "spaces", "artifacts", "experiments",
)  # fmt: skip
"""Packages of this project."""
FRAME = "experiments.framework"
COUNTED = (f"{FRAME}.row", f"{FRAME}.goal", f"{FRAME}.published", f"{FRAME}.statistics")
"""What of the frame decides what a row says."""
WEIGHTS = (".safetensors", ".json")


@cache
def modules_of(module: str) -> tuple[str, ...]:
    """The module and everything of this project that it imports, transitively, sorted."""
    found, waiting = {module}, [module]
    while waiting:
        for name in _imported(waiting.pop()):
            if name not in found and (not name.startswith(FRAME) or name in COUNTED):
                found.add(name)
                waiting.append(name)
    return tuple(sorted(found))


@cache
def digest_of(module: str) -> str:
    """Twelve hexadecimal digits over the code of :func:`modules_of` and the weights that it names."""
    digest = hashlib.sha256()
    folders: set[str] = set()
    for name in modules_of(module):
        digest.update(f"{name} {_code(name)}\n".encode())
        folders.update(_folders(name))
    for folder in sorted(folders):
        digest.update(f"{folder} {_weights(folder)}\n".encode())
    return digest.hexdigest()[:12]


def function_digest(function: Callable[..., Any]) -> str:
    """:func:`digest_of` the module of a function."""
    return digest_of(function.__module__)


def forget() -> None:
    """Reads everything anew, for tests that change code."""
    for each in (modules_of, digest_of, _path, _tree, _code, _imported, _folders, _weights):
        each.cache_clear()


@cache
def _path(module: str) -> Path | None:
    """The source of a module, found without importing anything; None if there is none."""
    loaded = getattr(sys.modules.get(module), "__file__", None)
    if loaded is not None:
        return Path(loaded) if loaded.endswith(".py") else None
    root, *inner = module.split(".")
    try:
        spec = importlib.util.find_spec(root)
    except (ImportError, ValueError):
        return None
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        place = Path(folder, *inner)
        for path in (place.with_suffix(".py") if inner else place, place / "__init__.py"):
            if path.is_file():
                return path
    return None


@cache
def _tree(module: str) -> ast.Module:
    path = _path(module)
    return ast.parse("" if path is None else path.read_bytes())


@cache
def _code(module: str) -> str:
    """A digest of what a module does, whatever the version of Python."""
    return hashlib.sha256(_dumped(_tree(module)).encode()).hexdigest()


def _dumped(node: object) -> str:
    if isinstance(node, list):
        return "[" + ",".join(_dumped(each) for each in node if not _is_text(each)) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = (f"{name}={_dumped(value)}" for name, value in ast.iter_fields(node) if value not in (None, []))
    return f"{type(node).__name__}({','.join(fields)})"


def _is_text(node: object) -> bool:
    """Whether a statement is a docstring or another text that does nothing."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


@cache
def _imported(module: str) -> tuple[str, ...]:
    """Modules of this project that a module imports, with the packages that they are in."""
    path = _path(module)
    package = module if path is not None and path.name == "__init__.py" else module.rpartition(".")[0]
    found: set[str] = set()
    known: dict[str, str] = {}
    for node in _run_nodes(_tree(module)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.add(alias.name)
                known[alias.asname or alias.name] = alias.name
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(part for part in (_base(package, node.level), node.module) if part)
            for alias in node.names:
                found.update({base, f"{base}.{alias.name}"})
                known[alias.asname or alias.name] = f"{base}.{alias.name}"
        elif isinstance(node, ast.Call):
            found.update(_by_folder(node, package, known))
        elif isinstance(node, ast.Tuple | ast.List):
            found.update(_started(node))
    named = {name for name in found if name.partition(".")[0] in ROOTS}
    parents = {name.rsplit(".", depth)[0] for name in named for depth in range(name.count(".") + 1)}
    return tuple(sorted(name for name in named | parents if _path(name) is not None))


def _run_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those under ``if TYPE_CHECKING``, imports before calls of the same level."""
    waiting: list[ast.AST] = [tree]
    nodes: list[ast.AST] = []
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and _name(node.test) == "TYPE_CHECKING":
            waiting.extend(node.orelse)
            continue
        nodes.append(node)
        waiting.extend(ast.iter_child_nodes(node))
    yield from sorted(nodes, key=lambda node: isinstance(node, ast.Call))


def _name(node: ast.expr) -> str:
    """The last name of ``a.b.name``; nothing for another expression."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _base(package: str, level: int) -> str:
    return "" if level == 0 else package.rsplit(".", level - 1)[0] if level > 1 else package


def _by_folder(call: ast.Call, package: str, known: dict[str, str]) -> Sequence[str]:
    """Modules that a call imports by their place: those of a folder that is listed or named."""
    name = _name(call.func)
    if name == "Registry":
        folders = [str(ast.literal_eval(each.value)) for each in call.keywords if each.arg == "folder"]
        return [module for folder in folders for module in _modules_in(folder)]
    if not call.args:
        return ()
    argument = call.args[0]
    if name in ("iter_modules", "walk_packages") and isinstance(argument, ast.Attribute | ast.Name):
        text = ast.unparse(argument).removesuffix("__path__").rstrip(".")
        return _modules_in(known.get(text, text) if text else package)
    if name == "import_modules" and isinstance(argument, ast.Constant):
        return _modules_in(str(argument.value))
    if name == "import_module" and isinstance(argument, ast.JoinedStr):
        first = argument.values[0]
        if isinstance(first, ast.Constant) and str(first.value).endswith("."):
            return _modules_in(str(first.value).rstrip("."))
    if name == "import_module" and isinstance(argument, ast.Constant):
        return (str(argument.value),)
    return ()


def _started(command: ast.Tuple | ast.List) -> Sequence[str]:
    """The module that a command runs in a process of its own: ``(sys.executable, "-m", "netwright")``."""
    words = [each.value if isinstance(each, ast.Constant) else None for each in command.elts]
    names = [str(name) for option, name in pairwise(words) if option == "-m"]
    return [each for name in names for each in (name, f"{name}.__main__")]


def _modules_in(package: str) -> Sequence[str]:
    path = _path(package) if package.partition(".")[0] in ROOTS else None
    if path is None or path.name != "__init__.py":
        return ()
    files = [each.stem for each in path.parent.glob("*.py") if each.stem not in ("__init__", "__main__")]
    folders = [each.parent.name for each in path.parent.glob("*/__init__.py")]
    return [f"{package}.{name}" for name in sorted((*files, *folders)) if name != "testing"]


@cache
def _folders(module: str) -> tuple[str, ...]:
    """Folders of artifacts that a module names: ``artifacts.ROOT / "devices"``."""
    found = set()
    for node in ast.walk(_tree(module)):
        if (
            isinstance(node, ast.BinOp)
            and isinstance(node.right, ast.Constant)
            and _name(node.left) == "ROOT"
            and ast.unparse(node.left) == "artifacts.ROOT"
        ):
            found.add(str(node.right.value))
    return tuple(sorted(found))


@cache
def _weights(folder: str) -> str:
    """A digest of all weights in a folder of artifacts."""
    root = _path("artifacts")
    digest = hashlib.sha256()
    for path in sorted((root.parent / folder).rglob("*") if root is not None else ()):
        if path.suffix in WEIGHTS:
            digest.update(f"{path.relative_to(root.parent)} {path.stat().st_size}\n".encode())  # type: ignore[union-attr]
            digest.update(path.read_bytes())
    return digest.hexdigest()
