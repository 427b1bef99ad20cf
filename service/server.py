"""Runs the API until it is asked to end, and then ends within a few seconds."""

import asyncio
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any, cast

import uvicorn
from fastapi import FastAPI

from service.children.bounded import Bounded
from service.dependencies import Service
from service.http.allocator import give_back_whole_pages
from service.http.connections import Connections, raise_descriptors
from service.http.protocol import LimitedProtocol
from service.http.repeated_logs import keep_logs_small

GRACE_SECONDS = 5
"""How long requests may still run after the process was asked to end."""
STOP_SECONDS = 8.0
"""Seconds from a signal until the process ends itself; a computing thread cannot be ended in another way."""
ACCEPTED_AT_ONCE = 64
"""Connections that asyncio accepts before it looks at requests again: 10 ms of work."""
QUEUE = 1024
"""Connections that the system keeps until they are accepted."""
TICKS_A_SWEEP = 10
"""Ticks of uvicorn, one every 0.1 s, between two sweeps over connections."""
TICKS_A_TRIM = 300
"""The same, between two times that freed memory is given back."""

_log = logging.getLogger(__name__)


class ApiServer(uvicorn.Server):
    """A uvicorn server that closes event streams first, says when it is ready, and ends with status 0.

    Args:
        app: what :func:`service.app.create_app` made.
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
        on_ready: called with the server's URL once it listens.
    """

    def __init__(
        self, app: FastAPI, host: str, port: int, on_ready: Callable[[str], None] = lambda url: None
    ) -> None:
        self.service: Service = app.state.service
        self.works: dict[str, Bounded] = app.state.works
        raise_descriptors()
        limits = self.service.config.connections
        self.connections = Connections(limits)
        protocol: Any = partial(LimitedProtocol, guard=self.connections)
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                loop="asyncio",
                http=cast("type[asyncio.Protocol]", protocol),
                ws="none",
                log_config=None,
                log_level=logging.WARNING,
                access_log=False,
                server_header=False,
                backlog=ACCEPTED_AT_ONCE,
                timeout_keep_alive=cast("int", limits.keep_alive_seconds),
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        self.on_ready = on_ready
        self.url = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens, then reports the address."""
        keep_logs_small()
        await super().startup(sockets)
        if self.started:
            for listening in (each for server in self.servers for each in server.sockets):
                # asyncio takes one number for both; here the queue is longer than a turn.
                with socket.socket(fileno=os.dup(listening.fileno())) as same:
                    same.listen(QUEUE)
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
            self.on_ready(self.url)

    async def on_tick(self, counter: int) -> bool:
        """Each second, closes connections that passed their time-out; each half minute, gives memory back."""
        if counter % TICKS_A_TRIM == 0:
            asyncio.get_running_loop().run_in_executor(None, give_back_whole_pages)
        if counter % TICKS_A_SWEEP == 0:
            self.connections.sweep(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Lets requests end for a while, and then ends what is still open."""
        await super().shutdown(sockets)
        for connection in self.connections.all():
            connection.abort()
        await asyncio.sleep(0)  # so that they are closed before the loop is

    def stop(self) -> None:
        """Asks the server to end; open event streams close at once."""
        self.service.feed.stop()
        for work in self.works.values():
            work.stopping = True
        self.connections.draining = True
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ends on SIGTERM and SIGINT; a second SIGINT does not wait for requests."""
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        if not self.should_exit:
            last = threading.Timer(STOP_SECONDS, _end)
            last.daemon = True
            last.start()
        self.stop()


def _end() -> None:
    """Ends the process while threads still run; that loses nothing, since all state is in the database."""
    _log.warning("work still ran %g s after the signal to end; it is dropped", STOP_SECONDS)
    os._exit(0)
