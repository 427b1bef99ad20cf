"""Starts an API again that runs but does not answer."""

import http.client
import time
from collections import deque
from dataclasses import dataclass
from threading import Event, Thread

import structlog

from workers.processes import Child, Processes

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Watch:
    """When an API counts as hung.

    Args:
        seconds: how long it may take to answer, and from one question to the next.
        misses: unanswered questions in a row.
        restarts, within_seconds: it is started again at most so often within that time.
        start_seconds: a process that has not answered yet is left alone for this long.
    """

    seconds: float = 5.0
    misses: int = 3
    restarts: int = 3
    within_seconds: float = 600.0
    start_seconds: float = 60.0


WATCH = Watch()


class Watchdog:
    """Asks an API for ``/healthz`` from a thread and kills it when it is silent; it is then started again.

    Every answer counts, also a refusal or a closed connection: only silence is a hang. An API that was asked
    to end is gone before it misses three questions; one that is still there is hung.

    Args:
        processes: who supervises the API; while it stops its children nothing is killed.
        child: the API.
        host, port: where it answers.
        watch: when it counts as hung.
    """

    def __init__(self, processes: Processes, child: Child, host: str, port: int, watch: Watch) -> None:
        self._processes, self._child, self._watch = processes, child, watch
        self._host, self._port = host, port
        self._stop = Event()
        self._pid: int | None = None
        self._since = 0.0
        self._answered = False
        self._misses = 0
        self._restarts: deque[float] = deque()
        self._thread = Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begins to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Nothing is killed from now on."""
        self._stop.set()

    def _run(self) -> None:
        pause = 0.0
        while not self._stop.wait(pause):
            begin = time.monotonic()
            try:
                self._look(begin)
            except Exception:  # it watches on whatever happens
                log.exception("watching the API failed")
            pause = max(self._watch.seconds - (time.monotonic() - begin), 0.01)

    def _look(self, now: float) -> None:
        pid = self._child.pid
        if pid != self._pid:
            self._pid, self._since, self._answered, self._misses = pid, now, False, 0
        if pid is None:
            return
        answered = self._answers()
        if self._child.pid != pid:
            return  # it ended meanwhile, by itself
        if answered:
            self._answered, self._misses = True, 0
        elif self._answered or now - self._since > self._watch.start_seconds:
            self._misses += 1
            log.warning("the API does not answer", pid=pid, misses=self._misses)
        if self._misses >= self._watch.misses:
            self._misses = 0
            self._restart(pid)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._watch.seconds)
        try:
            connection.request("GET", "/healthz")
            connection.getresponse()
        except (http.client.HTTPException, ConnectionResetError, BrokenPipeError):
            return True  # it closed the connection, so it runs
        except OSError:
            return False
        finally:
            connection.close()
        return True

    def _restart(self, pid: int) -> None:
        now = time.monotonic()
        while self._restarts and now - self._restarts[0] > self._watch.within_seconds:
            self._restarts.popleft()
        if len(self._restarts) >= self._watch.restarts:
            log.error(
                "the API does not answer, and is left as it is: it was started again too often",
                pid=pid,
                restarts=len(self._restarts),
                within_seconds=self._watch.within_seconds,
            )
        elif not self._stop.is_set() and self._processes.kill(self._child, pid):
            self._restarts.append(now)
            self._pid = None
            log.error("the API did not answer and is started again", pid=pid, restarts=len(self._restarts))
