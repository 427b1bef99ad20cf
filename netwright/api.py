"""The API process, from settings: on its own, or in a thread of a command that needs no server."""

import socket
import threading
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

from benchmarks.tables import Tables
from netwright.access import check_address
from netwright.broker import ping
from netwright.settings import Settings
from service.app import create_app
from service.config import ServiceConfig
from service.http.allocator import give_back_freed_memory
from service.http.collector import pass_over_what_is_loaded
from service.http.connections import ConnectionLimits
from service.http.turns import hand_over_soon
from service.server import ApiServer
from store.blobs.urls import open_blobs
from store.sql import SqlStore
from workers.surroundings import listen
from workers.timeouts import until_reachable

if TYPE_CHECKING:
    from fastapi import FastAPI

    from store.port import Store

START_SECONDS = 60.0


def api(settings: Settings, on_ready: Callable[[str], None] = lambda url: None) -> int:
    """One API process until SIGTERM or SIGINT; returns its exit status.

    Args:
        on_ready: called with the server's URL once it listens.

    Raises:
        StoreUnavailable: the database has not answered for a minute.
        SchemaMismatch: the database is newer than this program.
        UnsafeAddress: others than this machine would reach it, and nobody has allowed that.
        WrongSurroundings: another program listens there.
    """
    check_address(settings)
    give_back_freed_memory()
    hand_over_soon()
    listener = _listener(settings)
    try:
        store = open_store(settings, wait_seconds=START_SECONDS)
    except BaseException:
        listener.close()
        raise
    try:
        store.connect_ahead()
        app = make_app(settings, store)
        server = ApiServer(app, settings.host, settings.port, on_ready)
        app.openapi()  # 10,000 objects that stay as well
        pass_over_what_is_loaded()
        server.run(sockets=[listener])
    finally:
        store.close()
    return 0 if server.started else 1


def _listener(settings: Settings) -> socket.socket:
    """The socket that `serve` handed down, or one of our own."""
    if settings.listen_fd is None:
        return listen(settings.host, settings.port)
    listener = socket.socket(fileno=settings.listen_fd)
    listener.set_inheritable(False)
    return listener


def make_app(settings: Settings, store: "Store") -> "FastAPI":
    """The API over a store, with the tables and blobs that the settings name."""
    tables = Tables(settings.cache_dir, settings.data)
    return create_app(
        store=store,
        tables=tables,
        blobs=open_blobs(settings.blob_folder_url),
        useful={} if settings.broker_url is None else {"broker": partial(ping, settings.broker_url)},
        config=ServiceConfig(
            images=settings.images,
            study_seconds=settings.study_seconds,
            streams=settings.streams,
            streams_per_client=settings.streams_per_client,
            hosts=settings.host_names,
            upload_dir=settings.upload_dir or settings.data_dir / "uploads",
            max_uploads_bytes=settings.upload_mb << 20,
            connections=ConnectionLimits(
                connections=settings.max_connections,
                connections_per_client=settings.max_connections_per_client,
            ),
        ),
    )


def open_store(settings: Settings, *, wait_seconds: float = 2.0) -> SqlStore:
    """The store that the settings name, its tables brought to this version.

    Args:
        wait_seconds: how long to wait for a database that is still starting.

    Raises:
        StoreUnavailable: it does not answer.
        SchemaMismatch: it is newer than this program.
    """
    if settings.database_url is None:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = SqlStore(settings.store_url)
    try:
        until_reachable(store.migrate, wait_seconds)
    except BaseException:
        store.close()
        raise
    return store


class LocalApi:
    """The API in a thread of this process, on a free port of the loopback; orders wait for other workers."""

    def __init__(self, settings: Settings) -> None:
        self._store = open_store(settings)
        app = make_app(settings, self._store)
        self._ready = threading.Event()
        self._server = ApiServer(app, "127.0.0.1", 0, lambda url: self._ready.set())
        self._thread = threading.Thread(target=self._server.run, name="api", daemon=True)

    @property
    def url(self) -> str:
        """Where it answers."""
        return self._server.url

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(START_SECONDS):
            raise RuntimeError("the API did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()
        self._thread.join()
        self._store.close()
