"""Evaluations for designs, made by this machine: claimed, kept alive by heartbeats, told.

::

    with Client("http://server:8000") as client:
        client.evaluate(train, client_id="gpu-7", idle_seconds=600)
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from netwright.client.command import Interrupted
from netwright.client.errors import ApiError
from netwright.client.paths import segment
from netwright.client.transport import Json, Transport

POLL_SECONDS = 2.0
"""Between two questions for work while there is none."""
BEATS = 4
"""Heartbeats within the time of one lease."""


class EvaluationHandle:
    """An evaluation that this client has.

    Args:
        transport: how to reach the server.
        evaluation: as claiming gave it.
    """

    def __init__(self, transport: Transport, evaluation: Json) -> None:
        self._transport = transport
        self.evaluation = evaluation

    def __getitem__(self, name: str) -> Any:
        """A field, for example ``evaluation["variables"]``."""
        return self.evaluation[name]

    def heartbeat(self) -> Json:
        """Keeps the claim for another ``lease_seconds``; its ``stopped`` says that nobody waits any more.

        Raises:
            ApiError: 409 where it is someone else's by now.
        """
        self.evaluation = self._post("heartbeat", {})
        return self.evaluation

    def tell(self, values: Mapping[str, float], *, seconds: float = 0.0) -> bool:
        """Tells the values, by quantity key or metric; whether that was news.

        Raises:
            ApiError: naming the value that is wrong; 409 where the evaluation is someone else's by now.
        """
        return bool(self._post("result", {"values": dict(values), "seconds": seconds})["news"])

    def fail(self, reason: str, *, seconds: float = 0.0) -> bool:
        """Tells that it brought nothing, and why."""
        return bool(self._post("result", {"failed": reason[:2000], "seconds": seconds})["news"])

    def _post(self, what: str, body: Json) -> Json:
        path = f"/v1/evaluations/{segment(str(self.evaluation['id']))}/{what}"
        return self._transport.call("POST", path, json={"token": self.evaluation["token"], **body})


def claim(transport: Transport, client_id: str, job: str | None = None) -> EvaluationHandle | None:
    """The evaluation that waits longest; None where none waits."""
    body: Json = {"client_id": client_id} | ({} if job is None else {"job": job})
    found = transport.call("POST", "/v1/evaluations/claim", json=body)["evaluation"]
    return None if found is None else EvaluationHandle(transport, found)


Evaluate = Callable[[Json, Callable[[], bool]], Json]
"""An evaluation with its ``variables``, and whether to stop → ``values``, or ``failed``."""


def work(
    transport: Transport,
    evaluate: Evaluate,
    *,
    client_id: str,
    job: str | None = None,
    idle_seconds: float = 0.0,
    on_told: Callable[[Json, Json], None] = lambda evaluation, told: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> int:
    """Evaluates what waits until there was nothing for ``idle_seconds``; how many that were.

    A claim that was lost, or for which nobody waits any more, is given up: ``evaluate`` is told to stop.
    """
    done, last = 0, time.monotonic()
    while not should_stop():
        handle = claim(transport, client_id, job)
        if handle is None:
            if time.monotonic() - last >= idle_seconds:
                break
            time.sleep(min(POLL_SECONDS, max(idle_seconds, 0.05)))
            continue
        done += _one(handle, evaluate, on_told, should_stop)
        last = time.monotonic()
    return done


def _one(
    handle: EvaluationHandle,
    evaluate: Evaluate,
    on_told: Callable[[Json, Json], None],
    should_stop: Callable[[], bool],
) -> int:
    """One evaluation under heartbeats; 1 where its result was taken."""
    lost, over = threading.Event(), threading.Event()

    def beat() -> None:
        while not over.wait(float(handle["lease_seconds"]) / BEATS):
            try:
                if handle.heartbeat()["stopped"]:
                    lost.set()
            except ApiError as error:
                if error.status in (404, 409):
                    lost.set()
            except Exception:  # out of reach: the lease may outlast it
                continue

    beating = threading.Thread(target=beat, name="heartbeat", daemon=True)
    beating.start()
    try:
        told = evaluate(dict(handle.evaluation), lambda: lost.is_set() or should_stop())
    except Interrupted:
        return 0
    finally:
        over.set()
        beating.join(1)
    try:
        seconds = float(told.get("seconds", 0.0))
        if "failed" in told:
            handle.fail(str(told["failed"]), seconds=seconds)
        else:
            asked = handle["quantities"]
            known = {*asked, *(entry["metric"] for entry in asked.values())}
            values = {name: value for name, value in told["values"].items() if name in known}
            handle.tell(values, seconds=seconds)
    except ApiError as error:
        if error.status == 422:  # values that make no sense are a failure with the reason
            reason = "; ".join(f"{each.field}: {each.message}" for each in error.errors) or error.detail
            handle.fail(f"values refused: {reason}", seconds=float(told.get("seconds", 0.0)))
        elif error.status == 409:
            return 0
        else:
            raise
    on_told(handle.evaluation, told)
    return 1
