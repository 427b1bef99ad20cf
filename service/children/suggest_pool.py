"""The processes that work out suggestions: few, long-lived, limited in memory, and killed when nobody waits.

The models of studies live there and not in the API: a suggestion that takes too long or too much ends with
its process, and the next one starts from what is stored.
"""

import contextlib
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from service.children.bounded import checkpoint, current_work
from service.children.frames import read_frame, write_frame
from service.http.problems import Problem
from spaces.recently_used import RecentlyUsed

KEPT = 8
"""Studies whose models one process keeps; the least recently used goes first."""
GRACE_SECONDS = 2.0
"""Seconds that a process may go on after its caller gave up; killing it would lose the studies' models."""
START_SECONDS = 60.0
"""How long a process may take to start on a busy machine."""
ENVIRONMENT = {name: "1" for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")}
"""Processes are as many as processors; threads in each would only wait for one another."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Seen:
    """What a process has of a study: its request, the last observation sent by number, and their count."""

    request: Mapping[str, object]
    last: int = 0
    count: int = 0


class SuggestProcess:
    """One child process, and how far it knows each study."""

    def __init__(self, memory_bytes: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "service.children.suggest_child", str(memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **ENVIRONMENT},
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._source, self._target = self._process.stdout, self._process.stdin
        self.seen = RecentlyUsed[str, Seen](KEPT)
        self.bytes = 0
        """Of memory, at its last answer."""
        self.sound = True
        """False once it has ended, or is about to."""
        self.slow = False
        """Whether it served a slow study; the next slow one comes here too, away from the fast ones."""
        self._asked = 0
        self._ready = False

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def start(self) -> None:
        """Waits until the process is there. Whoever gives up meanwhile leaves it to the next one.

        Raises:
            OSError, EOFError: it has ended, or is not there after :data:`START_SECONDS`.
        """
        if self._ready:
            return
        timer = threading.Timer(START_SECONDS, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            read_frame(self._source)
        finally:
            timer.cancel()
        self._ready = True

    def tell(self, order: Mapping[str, object]) -> None:
        """Sends a command that has no answer.

        Raises:
            OSError: the process has ended.
        """
        write_frame(self._target, order)

    def ask(self, order: Mapping[str, object]) -> dict[str, Any]:
        """Sends a command and waits for its answer; a caller that gives up ends the process soon after.

        Raises:
            OSError, EOFError: the process has ended.
        """
        self._asked += 1
        work = current_work()
        watching = contextlib.nullcontext() if work is None else work.killing(self._kill_later)
        try:
            with watching:
                write_frame(self._target, order)
                answer: dict[str, Any] = read_frame(self._source)
        finally:
            self._asked += 1
        self.bytes = int(answer.get("bytes", 0))
        self.sound = "bytes" in answer
        return answer

    def _kill_later(self) -> None:
        asked = self._asked

        def kill() -> None:
            if self._asked == asked:
                self._process.kill()

        timer = threading.Timer(GRACE_SECONDS, kill)
        timer.daemon = True
        timer.start()

    def close(self) -> None:
        """Ends the process and waits until it has ended."""
        self._process.kill()
        for pipe in (self._target, self._source):
            with contextlib.suppress(OSError):
                pipe.close()
        self._process.wait()


class SuggestPool:
    """At most ``processes`` child processes; each serves one call at a time.

    Args:
        processes: at the same time; as many as threads call.
        memory_bytes: beyond which a process cannot allocate.
        kept_bytes: of memory; a process that holds more is replaced after it has answered.
    """

    def __init__(self, processes: int, *, memory_bytes: int, kept_bytes: int) -> None:
        self._memory_bytes = memory_bytes
        self._kept_bytes = kept_bytes
        self._free = threading.Semaphore(processes)
        self._lock = threading.Lock()
        self._idle: list[SuggestProcess] = []
        self._count = 0
        self._most = processes
        self._closed = False

    @contextlib.contextmanager
    def taken(self, study: str, *, slow: bool = False) -> Iterator[SuggestProcess]:
        """A process for one call, one that knows the study where it is idle.

        Args:
            study: its id.
            slow: whether its suggestions often take longer than callers wait, so that its process is often
                killed.

        Raises:
            Problem: 503 where the process ended in the midst of the call.
        """
        with self._free:
            process = self._take(study, slow)
            try:
                process.start()
                checkpoint()
                yield process
            except (OSError, EOFError) as error:
                process.sound = False
                checkpoint()  # killed, because nobody waited any more
                _log.warning("a process that works out suggestions has ended: %r", error)
                detail = "the suggestion could not be worked out; ask again"
                raise Problem(503, detail, kind="busy", headers={"Retry-After": "2"}) from None
            finally:
                self._put_back(process)

    def _take(self, study: str, slow: bool) -> SuggestProcess:
        with self._lock:
            process = next((idle for idle in self._idle if study in idle.seen), None)
            if process is None and slow:
                process = next((idle for idle in self._idle if idle.slow), None)
            if process is None and self._count == self._most:
                # The one that rests longest, and no slow study's where there is another.
                process = min(self._idle, key=lambda idle: idle.slow)
            if process is not None:
                self._idle.remove(process)
                process.slow = process.slow or slow
                return process
            self._count += 1
        try:
            process = SuggestProcess(self._memory_bytes)
            process.slow = slow
            return process
        except BaseException:
            with self._lock:
                self._count -= 1
            raise

    def _put_back(self, process: SuggestProcess) -> None:
        with self._lock:
            if process.sound and process.bytes <= self._kept_bytes and not self._closed:
                self._idle.append(process)
                return
            self._count -= 1
        process.close()

    def forget(self, study: str) -> None:
        """Drops the models of a study that is no more, where no call is under way."""
        with self._lock:
            knowing = [process for process in self._idle if study in process.seen]
            for process in knowing:
                process.seen.pop(study)
                with contextlib.suppress(OSError):
                    process.tell({"forget": study})

    def close(self) -> None:
        """Ends every process that is idle; the others end with their calls."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for process in idle:
            process.close()
