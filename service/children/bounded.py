"""Bounded work: few threads, a short queue, a limit of seconds, and an end when the client leaves.

Python cannot stop a thread. A call that is given up is answered at once; what still runs of it ends at its
next :func:`checkpoint`, and a process that it waits for is killed (:meth:`Work.killing`).
"""

import asyncio
import contextlib
import contextvars
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, ParamSpec, TypeVar

from starlette.types import ASGIApp, Receive, Scope, Send

from service.http.problems import Problem

P = ParamSpec("P")
T = TypeVar("T")

IDLE_SECONDS = 10.0
"""How long a thread waits for work before it ends."""
LOOK_SECONDS = 0.5
"""How often a call that runs looks whether the server stops."""


def _busy(detail: str, retry_after_seconds: int) -> Problem:
    return Problem(503, detail, kind="busy", headers={"Retry-After": str(retry_after_seconds)})


class ClientLeft(Exception):
    """Whoever asked has closed the connection; nobody reads an answer."""


_receive: contextvars.ContextVar[Receive | None] = contextvars.ContextVar("_receive", default=None)
_work: contextvars.ContextVar["Work | None"] = contextvars.ContextVar("_work", default=None)


class WatchClients:
    """ASGI middleware: lets :class:`Bounded` see that the client of the request at hand has left."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = _receive.set(receive if scope["type"] == "http" else None)
        try:
            await self.app(scope, receive, send)
        finally:
            _receive.reset(token)


class Work:
    """The allowance of one call: how long it may take, and whether someone still waits for it.

    Args:
        seconds: from now on.
        retry_after_seconds: what ``Retry-After`` says when they are over.
    """

    def __init__(self, seconds: float, retry_after_seconds: int) -> None:
        self.seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._retry_after = retry_after_seconds
        self._lock = threading.Lock()
        self._ended: Exception | None = None
        self._kill: Callable[[], None] | None = None

    @property
    def left_seconds(self) -> float:
        """What is left, at least 0."""
        return max(self._deadline - time.monotonic(), 0.0)

    def too_late(self) -> Problem:
        """The answer to a call whose time is over."""
        return _busy(f"this took longer than {self.seconds:g} s; the machine is busy", self._retry_after)

    def check(self) -> None:
        """Ends work that nobody waits for any more.

        Raises:
            Problem: 503 where its time is over.
            ClientLeft: the client has left.
        """
        if self._ended is None and self.left_seconds == 0.0:
            self.end(self.too_late())
        if self._ended is not None:
            raise self._ended

    def end(self, reason: Exception) -> Exception:
        """Gives the work up, kills what it waits for, and returns the reason; the first one stays."""
        with self._lock:
            if self._ended is not None:
                return self._ended
            self._ended, kill = reason, self._kill
        if kill is not None:
            kill()
        return reason

    @contextlib.contextmanager
    def killing(self, kill: Callable[[], None]) -> Iterator[None]:
        """While it is entered, giving up the work calls ``kill``, from whatever thread."""
        with self._lock:
            ended, self._kill = self._ended, kill
        try:
            if ended is not None:
                kill()
                raise ended
            yield
        finally:
            with self._lock:
                self._kill = None


def current_work() -> Work | None:
    """The allowance of the call that this thread works for; None outside of :class:`Bounded`."""
    return _work.get()


def checkpoint() -> None:
    """To be called between the parts of long work; see :meth:`Work.check`."""
    work = _work.get()
    if work is not None:
        work.check()


class Bounded:
    """Runs plain functions in at most ``threads`` threads, while at most ``waiting`` others wait.

    Args:
        threads: functions that run at the same time.
        waiting: functions that may wait for a thread.
        retry_after_seconds: in the ``Retry-After`` header of a refusal.
        seconds: how long a call may take, its wait included.
        on_end: called with how each call ended: ``done``, ``failed``, ``left``, ``late`` or ``refused``.
    """

    def __init__(
        self,
        *,
        threads: int,
        waiting: int,
        retry_after_seconds: int,
        seconds: float = 30.0,
        on_end: Callable[[str], None] = lambda how: None,
    ) -> None:
        self._threads = _Threads(threads)
        self._admitted = 0
        self._most = threads + waiting
        self._seconds = seconds
        self._retry_after = retry_after_seconds
        self._on_end = on_end
        self.stopping = False
        """True once the process was asked to end: calls are then given up within a second."""

    @property
    def others(self) -> int:
        """Functions that run or wait besides the one that asks."""
        return max(self._admitted - 1, 0)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The function's value, computed in a thread.

        Raises:
            Problem: 503 with Retry-After where too many already wait, or where it takes too long.
            ClientLeft: nobody waits for the answer any more.
        """
        return await self.run_in_turn(contextlib.nullcontext(), partial(function, *args, **kwargs))

    async def run_in_turn(
        self, turn: contextlib.AbstractAsyncContextManager[object], function: Callable[[], T]
    ) -> T:
        """As :meth:`run`, for a function that takes a thread only once ``turn`` has been entered."""
        if self._admitted >= self._most:
            self._on_end("refused")
            raise _busy("too many calls are waiting", self._retry_after)
        self._admitted += 1
        how = "failed"
        work = Work(self._seconds, self._retry_after)
        try:
            found = await self._until_given_up(work, self._start(work, turn, function))
            how = "done"
            return found
        except ClientLeft:
            how = "left"
            raise
        except Problem as problem:
            how = "late" if problem.status_code == 503 else "failed"
            raise
        finally:
            self._admitted -= 1
            self._on_end(how)

    async def _start(
        self, work: Work, turn: contextlib.AbstractAsyncContextManager[object], function: Callable[[], T]
    ) -> T:
        _work.set(work)  # in the context of a task of its own, which the thread copies
        async with turn:
            future = self._threads.submit(partial(contextvars.copy_context().run, function))
            found = asyncio.wrap_future(future)
            found.add_done_callback(_retrieved)
            try:
                return await asyncio.shield(found)
            except asyncio.CancelledError:
                if not future.cancel():  # it runs, and its turn ends when it does
                    await asyncio.wait({found})
                raise

    async def _until_given_up(self, work: Work, doing: Coroutine[Any, Any, T]) -> T:
        """What a coroutine gives, unless the client leaves, the time is over or the server stops before.

        Raises:
            Problem: 503 where the time is over.
            ClientLeft: the client has left.
        """
        running = asyncio.ensure_future(doing)
        receive = _receive.get()
        left = None if receive is None else asyncio.ensure_future(_left(receive))
        waited = {running} if left is None else {running, left}
        try:
            while True:
                seconds = min(work.left_seconds, LOOK_SECONDS)
                done, _ = await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
                if running in done:
                    return running.result()
                if left in done:
                    raise work.end(ClientLeft())
                if self.stopping:
                    raise work.end(_busy("the server stops", self._retry_after))
                if work.left_seconds == 0.0:
                    raise work.end(work.too_late())
        except asyncio.CancelledError:
            work.end(ClientLeft())
            raise
        finally:
            for task in waited:
                task.cancel()
                task.add_done_callback(_retrieved)


def _retrieved(ended: "asyncio.Future[Any]") -> None:
    """So that nothing is logged of an error that nobody reads."""
    if not ended.cancelled():
        ended.exception()


async def _left(receive: Receive) -> None:
    """Returns once the client has closed the connection; its body has been read before."""
    while (await receive())["type"] != "http.disconnect":
        pass


class _Threads:
    """A few threads that take functions in turn, and that keep no process from ending."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._taken_on = 0  # functions that wait or run
        self._lock = threading.Lock()
        self._waiting: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()

    def submit(self, function: Callable[[], T]) -> "Future[T]":
        """The function's future value; cancelled before it began, the function is never called."""
        future: Future[T] = Future()
        with self._lock:
            self._waiting.put((future, function))
            self._taken_on += 1
            if self._count < min(self._taken_on, self._most):
                self._count += 1
                threading.Thread(target=self._serve, name="bounded", daemon=True).start()
        return future

    def _serve(self) -> None:
        while True:
            try:
                future, function = self._waiting.get(timeout=IDLE_SECONDS)
            except Empty:
                with self._lock:
                    if self._waiting.empty():
                        self._count -= 1
                        return
                continue
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function())
                except BaseException as error:
                    future.set_exception(error)
            del future, function  # what they hold need not wait for the next one
            with self._lock:
                self._taken_on -= 1
