"""``netwright serve`` as a user starts it: a real process on a free port, in a folder that is thrown away."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from experiments.reliability import processes
from experiments.reliability.target import Target
from experiments.service import servers
from store.tied_process import tied

STACKS = ("sqlite-valkey", "postgresql-redis")
READY = "Netwright is ready at "
START_SECONDS = 120.0
STOP_SECONDS = 60.0


def missing(stack: str) -> str | None:
    """Why a kind of stack cannot be started here; None where it can."""
    return None if stack == "sqlite-valkey" else servers.missing()


@dataclass(frozen=True, slots=True)
class Served:
    """A running service.

    Args:
        url: where it answers.
        pid: of ``netwright serve``; the other processes are its children.
        folder: its logs, and unless said otherwise its data and temporary files.
        data: its data folder.
        database_url, broker_url: what it uses.
    """

    url: str
    pid: int
    folder: Path
    data: Path
    database_url: str
    broker_url: str

    def target(self, source: str = "127.0.0.1") -> Target:
        """The service as seen from a loopback address."""
        return Target(self.url, source)

    def roles(self, name: str) -> list[int]:
        """The processes of a role at this moment."""
        return [pid for pid in processes.children(self.pid, direct=True) if processes.role(pid) == name]

    def log(self) -> str:
        """All that its processes have said."""
        return (self.folder / "log").read_text(errors="replace")


@contextmanager
def serving(
    stack: str,
    *,
    workers: int = 1,
    environment: Mapping[str, str] | None = None,
    descriptors: int | None = None,
    temporary: Path | None = None,
    data: Path | None = None,
) -> Iterator[Served]:
    """A stack of a kind in an empty folder; gone behind the block.

    Args:
        stack: one of :data:`STACKS`.
        environment: further settings.
        descriptors: how many each process may open; None: as many as we may.
        temporary: folder of its temporary files; None: one of its own.
        data: its data folder; None: one of its own.

    Raises:
        RuntimeError: it did not become ready; the message holds what it said.
    """
    with ExitStack() as kept:
        folder = Path(kept.enter_context(TemporaryDirectory(prefix="netwright-reliability-")))
        chosen = dict(os.environ) | dict(environment or {})
        if stack != "sqlite-valkey":
            chosen["NETWRIGHT_DATABASE_URL"] = kept.enter_context(servers.postgres())
            chosen["NETWRIGHT_BROKER_URL"] = kept.enter_context(servers.redis())
        temporary = temporary or folder / "temporary"
        temporary.mkdir(exist_ok=True)
        chosen |= {"TMPDIR": str(temporary), "NETWRIGHT_DATA_DIR": str(data or folder / "data")}
        chosen.setdefault("NETWRIGHT_LOG_LEVEL", "WARNING")
        process = kept.enter_context(_process(folder, workers, chosen, descriptors))
        url = _ready(process, folder)
        started = processes.children(process.pid, direct=True)
        api = processes.environment(next(pid for pid in started if processes.role(pid) == "api"))
        database, broker = api["NETWRIGHT_DATABASE_URL"], api["NETWRIGHT_BROKER_URL"]
        yield Served(url, process.pid, folder, data or folder / "data", database, broker)


@contextmanager
def _process(
    folder: Path, workers: int, environment: Mapping[str, str], descriptors: int | None
) -> "Iterator[subprocess.Popen[bytes]]":
    def limit() -> None:
        if descriptors is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

    # Its life is tied to ours: a drill that is killed leaves no service behind.
    serve = ["serve", "--port", "0", "--workers", str(workers)]
    command = tied([sys.executable, "-m", "netwright", *serve])
    with (folder / "out").open("wb") as out, (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            stdout=out,
            stderr=log,
            cwd=folder,
            preexec_fn=limit,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """SIGTERM, and SIGKILL for what does not end: an attack may have hung it."""
    below = processes.children(process.pid)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        for pid in (process.pid, *below):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        process.wait()


def _ready(process: "subprocess.Popen[bytes]", folder: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while True:
        said = (folder / "out").read_text()
        if READY in said and said.endswith("\n"):
            return said.split(READY)[1].split()[0]
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"netwright serve did not start: {(folder / 'log').read_text()[-2000:]}")
        time.sleep(0.05)
