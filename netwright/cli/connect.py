"""Which server a command talks to: the one of ``--url``, or one that lives as long as the command."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType
from typing import Annotated

import typer

from netwright.cli.exit_codes import errors_reported, stack_stopped, store_errors_reported
from netwright.cli.output import note
from netwright.client.client import Client
from netwright.settings import Settings

UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="NETWRIGHT_URL",
        help="Server to talk to. Without it the command works on this machine's own data folder.",
    ),
]


RETRY_SECONDS = 2.0
"""How long a server at a URL that does not answer is asked again."""


@contextmanager
def connected(url: str | None, retry_seconds: float = RETRY_SECONDS) -> Iterator[Client]:
    """A client of ``url``, or of an API in this process over the local store; errors become one line and an
    exit status."""
    with errors_reported():
        if url is not None:
            with Client(url, retry_seconds=retry_seconds) as client:
                yield client
            return
        from netwright.api import LocalApi
        from netwright.logs import set_up_logs

        set_up_logs("ERROR")
        with store_errors_reported():
            local = LocalApi(Settings())
        with local, Client(local.url) as client:
            yield client


@contextmanager
def connected_with_workers(url: str | None, retry_seconds: float = RETRY_SECONDS) -> Iterator[Client]:
    """As :func:`connected`, but with workers: without ``url`` the embedded stack runs for the call."""
    if url is not None:
        with connected(url, retry_seconds) as client:
            yield client
        return
    from netwright.logs import set_up_logs
    from netwright.roles import stack
    from workers.surroundings import StackError

    set_up_logs("WARNING")
    settings = Settings(port=0)
    note(f"starting the embedded stack in {settings.data_dir}")
    running = stack(settings, log_dir=settings.data_dir / "logs")
    with _ended_in_order(running.stop):
        try:
            running.start()
        except StackError as error:
            hint = " (or pass --url to use the running server)" if "in use" in str(error) else ""
            raise stack_stopped(error, hint) from None
        with errors_reported(), Client(running.url) as client:
            yield client


@contextmanager
def _ended_in_order(end: Callable[[], None]) -> Iterator[None]:
    """Calls ``end`` behind the block; SIGTERM and SIGHUP leave the block as Ctrl-C does.

    The workers then hand their jobs back. A second signal does not break that off.
    """

    def leave(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if current_thread() is not main_thread():  # signals are the main thread's
        try:
            yield
        finally:
            end()
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    try:
        signal.signal(signal.SIGTERM, leave)
        signal.signal(signal.SIGHUP, leave)
        yield
    finally:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        try:
            end()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
