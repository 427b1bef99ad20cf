"""Prometheus metrics of one API process; every app has a registry of its own."""

import time
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from store.jobs.job import StoreError
from store.port import Store


class Metrics:
    """The counters of one app."""

    def __init__(self, store: Store) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "netwright_http_requests",
            "requests answered",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "netwright_http_request_seconds",
            "time from the request to the end of its answer, event streams left out",
            ["route"],
            registry=self.registry,
        )
        self.works = Counter(
            "netwright_bounded_calls",
            "calls of bounded work by how they ended: done, failed, late, left by their client, refused",
            ["work", "end"],
            registry=self.registry,
        )
        self.streams = Gauge("netwright_event_streams", "open event streams", registry=self.registry)
        self.predicted = Counter(
            "netwright_predicted_architectures", "architectures predicted", ["space"], registry=self.registry
        )
        self.submitted = Counter("netwright_jobs_submitted", "jobs created", ["kind"], registry=self.registry)
        self.registry.register(_QueueLength(store))
        ProcessCollector(registry=self.registry)


class _QueueLength(Collector):
    """Asks the store when it is asked; says nothing while the store cannot be reached."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return [GaugeMetricFamily("netwright_jobs_queued", "jobs that wait for a worker")]

    def collect(self) -> Iterable[GaugeMetricFamily]:
        (family,) = self.describe()
        try:
            family.add_metric([], self.store.waiting())
        except StoreError:
            return []
        return [family]


class CountRequests:
    """ASGI middleware: counts and times every request by its route, never by its path."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        status, is_stream = 500, False

        async def watch(message: Message) -> None:
            nonlocal status, is_stream
            if message["type"] == "http.response.start":
                status = message["status"]
                is_stream = any(value.startswith(b"text/event-stream") for _, value in message["headers"])
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self.metrics.requests.labels(method, route, str(status)).inc()
            if not is_stream:
                self.metrics.seconds.labels(route).observe(time.perf_counter() - began)


_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
