"""Runs the API until it is asked to end, and then ends within a few seconds."""

import logging
import signal
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from service.dependencies import Service

GRACE_SECONDS = 5
"""How long requests may still run after the process was asked to end."""


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
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                http="httptools",
                ws="none",
                log_config=None,
                log_level=logging.WARNING,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        self.service: Service = app.state.service
        self.on_ready = on_ready
        self.url = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens, then tells where."""
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
            self.on_ready(self.url)

    def stop(self) -> None:
        """Asks the server to end; open event streams close at once."""
        self.service.feed.stop()
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ends on SIGTERM and SIGINT; a second SIGINT does not wait for requests."""
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.stop()
