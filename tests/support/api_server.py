"""A real API server on a free port of the loopback, and the form of its errors."""

import socket
import threading

import httpx

from service.app import create_app
from service.server import ApiServer

TIMEOUT_SECONDS = 120
"""Seconds after which something hangs: on a busy machine the first answer reads whole tables."""


class Running:
    """A server that runs in a thread, its store, and a client of it."""

    def __init__(self, store, tables, config=None, port=0, blobs=None):
        self.store = store
        self.app = create_app(store=store, tables=tables, config=config, blobs=blobs)
        ready = threading.Event()
        self.server = ApiServer(self.app, "127.0.0.1", port, on_ready=lambda url: ready.set())
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        assert ready.wait(TIMEOUT_SECONDS)
        self.url = self.server.url
        self.http = httpx.Client(base_url=self.url, timeout=TIMEOUT_SECONDS)

    def stop(self):
        self.http.close()
        self.server.stop()
        self.thread.join(TIMEOUT_SECONDS)
        assert not self.thread.is_alive()

    def socket(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", httpx.URL(self.url).port), timeout=TIMEOUT_SECONDS)


def problem(response: httpx.Response, status: int, field: str | None = None) -> dict:
    """The problem document of an answer, checked for its form."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert set(body) == {"type", "title", "status", "detail", "errors"}
    assert body["status"] == status
    assert body["detail"]
    if field is not None:
        assert field in [error["field"] for error in body["errors"]], body
    return body
