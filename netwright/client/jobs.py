"""A job seen from Python: its state, its events, its result."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx

from netwright.client.errors import BUSY, ApiError, JobEnded, ServerUnreachable
from netwright.client.paths import segment
from netwright.client.sse import TERMINAL, JobEvent
from netwright.client.transport import LONGEST_PAUSE, Json, Transport

EXPORT_SECONDS = 90.0  # ONNX is made by a process of its own


class JobHandle:
    """One job on a server.

    Args:
        transport: how to reach it.
        job: what the server said of it last.
    """

    def __init__(self, transport: Transport, job: Json) -> None:
        self._transport = transport
        self.job = job

    @property
    def id(self) -> str:
        """The job's id."""
        return str(self.job["id"])

    def __getitem__(self, name: str) -> Any:
        """A field of what the server said last, for example ``job["predictor"]``."""
        return self.job[name]

    @property
    def state(self) -> str:
        """The state that the server said last."""
        return str(self.job["state"])

    def refresh(self) -> Json:
        """Asks again where the job stands."""
        self.job = self._transport.call("GET", f"/v1/jobs/{segment(self.id)}")
        return self.job

    def designs(self, *, results: bool = True) -> Iterator[Json]:
        """The designs of a batch in order, each with its ``job`` and, where it has one, its ``result``.

        What has ended is there while others still run.

        Raises:
            ApiError: 404 where the job is no batch.
        """
        asked: Json = {"limit": 100, "results": results}
        while True:
            path = f"/v1/batches/{segment(self.id)}/designs"
            page = self._transport.call("GET", path, params=asked)
            yield from page["designs"]
            if not page["has_more"]:
                return
            asked["after"] = page["designs"][-1]["index"]

    def table(self) -> list[Json]:
        """A batch as one table, a row for each design: task, devices, bounds, the best that it gave so far.

        Raises:
            ApiError: 404 where the job is no batch.
        """
        path = f"/v1/batches/{segment(self.id)}/table"
        return list(self._transport.call("GET", path)["rows"])

    def table_csv(self) -> str:
        """:meth:`table` as CSV."""
        path = f"/v1/batches/{segment(self.id)}/table"
        return self._transport.answer("GET", path, params={"format": "csv"}).text

    def evaluations(self) -> list[Json]:
        """Every evaluation so far: time, source, client, values, and the prediction made before."""
        path = f"/v1/jobs/{segment(self.id)}/evaluations"
        return list(self._transport.call("GET", path)["evaluations"])

    def evaluations_csv(self) -> str:
        """:meth:`evaluations` as CSV."""
        path = f"/v1/jobs/{segment(self.id)}/evaluations"
        return self._transport.answer("GET", path, params={"format": "csv"}).text

    def outcome(self) -> Json:
        """What an ended job gave, whatever its state; of a batch the state of each design.

        Raises:
            ApiError: 409 where it gave nothing.
        """
        return self._transport.call("GET", f"/v1/jobs/{segment(self.id)}/result")

    def export(self, rank: int = 1, format: str = "torch") -> bytes:
        """A file of the result's architecture of a rank, see ``networks.export``.

        Args:
            rank: of the architecture.
            format: ``torch`` for one Python file that needs torch alone, ``onnx``, ``json``, ``svg``, or
                ``weights`` for the safetensors of its training.

        Raises:
            ApiError: 409 while there is no result, 404 for an unknown rank, 422 without networks or weights.
        """
        path = f"/v1/jobs/{segment(self.id)}/architectures/{rank}/export"
        return self._transport.answer("GET", path, params={"format": format}, timeout=EXPORT_SECONDS).content

    def finish(self, rank: int = 1, *, idempotency_key: str | None = None, **order: Any) -> "JobHandle":
        """Orders the training of this design's architecture of a rank on all training images.

        Args:
            rank: of the architecture.
            idempotency_key: names this order; a repeated call with it gives the same job.
            order: see :meth:`netwright.client.client.Client.finish`.

        Raises:
            ApiError: with the field and the reason, where the order makes no sense.
        """
        return finish(
            self._transport, {"job": self.id, "rank": rank, **order}, idempotency_key=idempotency_key
        )

    def bundle(self) -> bytes:
        """The zip of what a training of a network gave: weights, torch, ONNX and int8 files, the card.

        Raises:
            ApiError: 409 before the job has succeeded.
            KeyError: the job trains no network.
        """
        if self.job.get("network") is None:
            raise KeyError(f"a {self.job['kind']} job trains no network")
        path = f"/v1/networks/{segment(str(self.job['network']))}/bundle"
        return self._transport.answer("GET", path, timeout=EXPORT_SECONDS).content

    def events(self, after: int = 0) -> Iterator[JobEvent]:
        """The job's events, old ones at once and new ones as they come, each once, until the job has ended.

        A broken connection is made again, from the event after the last one seen.

        Raises:
            ServerUnreachable: where no connection was possible within the client's ``retry_seconds``.
        """
        give_up, pause = time.monotonic() + self._transport.retry_seconds, 0.1
        while True:
            # Asked before the stream, so that a stream of an ended job holds every event.
            ended = self.refresh()["state"] in TERMINAL
            problem: Exception = ServerUnreachable(
                f"{self._transport.base_url} keeps closing the event stream"
            )
            try:
                for event in self._transport.stream(self.id, after):
                    yield event
                    after = event.id
                    give_up, pause = time.monotonic() + self._transport.retry_seconds, 0.1
                    if event.ended:
                        return
                if ended:
                    return
            except httpx.TransportError as error:
                problem = ServerUnreachable(f"{self._transport.base_url} does not answer: {error}")
            except ApiError as error:
                if error.status not in BUSY:
                    raise
                problem = error
            if time.monotonic() + pause > give_up:
                raise problem
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def wait(self, on_event: Callable[[JobEvent], None] | None = None) -> Json:
        """Waits until the job has ended; returns it."""
        for event in self.events():
            if on_event is not None:
                on_event(event)
        return self.refresh()

    def result(self, on_event: Callable[[JobEvent], None] | None = None) -> Json:
        """Waits, then gives what came of it; an infeasible design's result names the nearest architecture.

        Raises:
            JobEnded: where the job failed or was cancelled.
        """
        job = self.wait(on_event)
        if job["state"] in ("failed", "cancelled"):
            raise JobEnded(job)
        return self.outcome()

    def cancel(self) -> Json:
        """Asks that the job stop; it shows ``cancelling`` until it really has."""
        self.job = self._transport.call("POST", f"/v1/jobs/{segment(self.id)}/cancel")
        return self.job

    def retry(self) -> "JobHandle":
        """Orders the same work again, as a new job."""
        return JobHandle(self._transport, self._transport.call("POST", f"/v1/jobs/{segment(self.id)}/retry"))


def finish(
    transport: Transport, order: Mapping[str, Any], *, idempotency_key: str | None = None
) -> JobHandle:
    """Orders the training of a network; fields that are None are left out."""
    body: Json = {name: value for name, value in order.items() if value is not None}
    if "start" in body:  # ``from`` is a word of Python's own
        body["from"] = body.pop("start")
    headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
    return JobHandle(transport, transport.call("POST", "/v1/networks", json=body, headers=headers))
