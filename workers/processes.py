"""Child processes that are started again when they die, and that never outlive their parent."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread

import structlog

from store.tied_process import tied

log = structlog.get_logger(__name__)

STEADY_SECONDS = 10.0
"""A process that lived this long had started well; its next start is not delayed."""
LONGEST_DELAY = 3.0
POLL_SECONDS = 0.05
STDERR = 2


@dataclass
class Child:
    """One program to be kept running.

    Args:
        name: for logs, and for the name of its log file.
        command: absolute program path and arguments.
        environment: added to ours.
        standard_input: written to it at each start, then closed.
        log: file for its output; None: as the others.
        turn: its place in the order of stopping: low numbers first.
        descriptors: of ours that it inherits.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    standard_input: bytes = b""
    log: Path | None = None
    turn: int = 0
    descriptors: Sequence[int] = ()
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    start_after: float = 0.0
    quick_deaths: int = 0
    deaths: int = 0

    @property
    def pid(self) -> int | None:
        """The process it is at this moment."""
        return None if self.process is None or self.process.poll() is not None else self.process.pid


class Processes:
    """Keeps children running until :meth:`stop`; what dies is started again, slowly if it dies at once.

    One thread starts them all: the kernel ties a child's life (``PR_SET_PDEATHSIG``) to the thread that
    started it, and this one lives until the last child has ended.

    Args:
        log_dir: folder for each child's output; None: they share our stderr.
    """

    def __init__(self, log_dir: Path | None = None) -> None:
        self.children: list[Child] = []
        self._log_dir = log_dir
        self._lock = Lock()
        self._stopping = Event()
        self._stopped = Event()
        self._stop_seconds = 0.0
        self._thread = Thread(target=self._run, name="supervisor", daemon=True)

    def add(self, child: Child) -> Child:
        """Starts a program, at once, in the supervising thread."""
        with self._lock:
            self.children.append(child)
        if not self._thread.is_alive():
            self._thread.start()
        return child

    def kill(self, child: Child, pid: int) -> bool:
        """Kills a child that does not answer, so that it is started again; whether that was done.

        Args:
            pid: the process that did not answer; another that has taken its place is left alone, and so is
                every child once they are being stopped.
        """
        process = child.process
        if self._stopping.is_set() or process is None or process.pid != pid:
            return False
        process.kill()
        return True

    def stop(self, seconds: float = 15.0) -> None:
        """Ends all children, turn by turn: SIGTERM, and SIGKILL for those that need longer than ``seconds``.

        Returns when all have ended.
        """
        if not self._thread.is_alive():
            return
        self._stop_seconds = seconds
        self._stopping.set()
        self._stopped.wait()
        self._thread.join()

    def output(self, child: Child, characters: int = 2000) -> str:
        """The end of what a child has said; empty where it shares our stderr."""
        path = self._log_of(child)
        return "" if path is None or not path.exists() else path.read_text(errors="replace")[-characters:]

    def _log_of(self, child: Child) -> Path | None:
        if child.log is not None or self._log_dir is None:
            return child.log
        return self._log_dir / f"{child.name}.log"

    def _run(self) -> None:
        try:
            while not self._stopping.wait(POLL_SECONDS):
                with self._lock:
                    children = list(self.children)
                for child in children:
                    try:
                        self._look_after(child)
                    except Exception:  # the others still need looking after
                        log.exception("supervision failed", name=child.name)
        finally:
            self._end()
            self._stopped.set()

    def _look_after(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is not None:
            status = child.process.poll()
            if status is None:
                return
            child.quick_deaths = 0 if now - child.started_at > STEADY_SECONDS else child.quick_deaths + 1
            child.deaths += 1
            child.start_after = now + min(0.1 * 2 ** min(child.quick_deaths, 10) - 0.1, LONGEST_DELAY)
            child.process = None
            log.warning("a process died", name=child.name, status=status, deaths=child.deaths)
        if now >= child.start_after:
            self._start(child, now)

    def _start(self, child: Child, now: float) -> None:
        command = tied(child.command)
        path, sink = self._log_of(child), None
        try:
            sink = None if path is None else path.open("ab")
            child.process = subprocess.Popen(
                command,
                env={**os.environ, **child.environment},
                stdin=subprocess.PIPE,
                stdout=sink or STDERR,
                stderr=sink or STDERR,
                pass_fds=child.descriptors,
                start_new_session=True,  # Ctrl-C is for us alone: we stop them, in order
            )
        except OSError as error:
            log.error("a process cannot be started", name=child.name, error=str(error))
            child.quick_deaths += 1
            child.start_after = now + LONGEST_DELAY
            return
        finally:
            if sink is not None:
                sink.close()
        child.started_at = now
        assert child.process.stdin is not None
        try:
            child.process.stdin.write(child.standard_input)
            child.process.stdin.close()
        except OSError:
            log.warning("a process died before it read its input", name=child.name)

    def _end(self) -> None:
        deadline = time.monotonic() + self._stop_seconds
        for turn in sorted({child.turn for child in self.children}):
            alive = [
                child.process for child in self.children if child.turn == turn and child.process is not None
            ]
            for process in alive:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
            for process in alive:
                try:
                    process.wait(max(deadline - time.monotonic(), 0.1))
                except subprocess.TimeoutExpired:
                    log.warning("a process did not stop and is killed", pid=process.pid)
                    process.kill()
                    process.wait()
