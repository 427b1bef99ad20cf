"""Works out suggestions in a process of its own: ``python -m service.children.suggest_child MEMORY_BYTES``.

It says ``{"ready"}``, reads orders from standard input and answers on standard output
(:mod:`service.children.frames`). It can be killed at any time: all it knows was sent to it and can be sent
again. It ends with whoever started it.

An order is ``{"open": study, "request", "embedding"}``, ``{"tell": study, "observations"}``,
``{"forget": study}``, or ``{"suggest": study, "pending", "count"}``. Only the last is answered, with one of
``architectures``, ``exhausted``, ``gone``, ``memory`` and ``failed``.
"""

import base64
import os
import resource
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING, Any, BinaryIO

from service.children.frames import read_frame, write_frame

if TYPE_CHECKING:
    from search.strategy import Strategy

AHEAD = 4
"""Orders that are read before their turn."""
NICE = 5
"""Computing gives way to the process that answers everybody."""


class Suggester:
    """The strategies of this process, by study."""

    def __init__(self) -> None:
        self.strategies: dict[str, Strategy] = {}

    def open(
        self, study: str, request: Mapping[str, object], embedding: str | None, models: Sequence[str] = ()
    ) -> None:
        """Begins a study anew; embeddings of uploaded tasks and weights of own predictors come with it."""
        from search.request.design_request import DesignRequest
        from search.study import strategy_of
        from store.blobs.memory import MemoryBlobs

        blobs = MemoryBlobs()
        if embedding is not None:
            blobs.put(base64.b64decode(embedding))
        for model in models:
            blobs.put(base64.b64decode(model))
        self.strategies[study] = strategy_of(DesignRequest.from_dict(request), lambda: blobs)

    def tell(self, study: str, observations: list[list[Any]]) -> None:
        """Tells what was observed: architecture, values, reason of a failure, fidelity, seconds and details
        each."""
        from search.trial import CompletedTrial
        from spaces.metric import Observation

        self.strategies[study].observe(
            [
                CompletedTrial(Observation(name, values, "told", failed, fidelity, seconds, details))
                for name, values, failed, fidelity, seconds, details in observations
            ]
        )

    def suggest(self, study: str, pending: list[str], count: int) -> dict[str, object]:
        """New architectures of a study, or why there are none."""
        from search.run.suggested import suggested
        from search.strategy import Exhausted
        from search.trial import PendingTrial

        strategy = self.strategies[study]
        strategy.observe([], [PendingTrial(architecture) for architecture in pending])
        try:
            return {"architectures": suggested(strategy, count)}
        except Exhausted as end:
            return {"exhausted": str(end)}


def serve(source: BinaryIO, target: BinaryIO) -> None:
    """Takes orders until there are no more, or until one fails: that answer is the last."""
    import search.bo.acquisition
    import search.strategies.bayes  # noqa: F401  (what nearly every study needs)

    write_frame(target, {"ready": True})
    orders: Queue[Any] = Queue(AHEAD)
    threading.Thread(target=_read, args=(source, orders), daemon=True).start()
    suggester = Suggester()
    failed: dict[str, object] | None = None
    while True:
        order = orders.get()
        if failed is None:
            failed = _failure(suggester, order, target)
        if failed is not None and "suggest" in order:
            write_frame(target, failed)
            return


def _failure(suggester: Suggester, order: Mapping[str, Any], target: BinaryIO) -> dict[str, object] | None:
    """Does what an order says and answers it; what is to be answered where it cannot be done."""
    from search.request.own_predictor import PredictorGone
    from search.request.pins import ModelChanged
    from search.request.uploaded_task import EmbeddingGone

    try:
        if "open" in order:
            suggester.open(order["open"], order["request"], order["embedding"], order.get("models", ()))
        elif "tell" in order:
            suggester.tell(order["tell"], order["observations"])
        elif "forget" in order:
            suggester.strategies.pop(order["forget"], None)
        else:
            answer = suggester.suggest(order["suggest"], order["pending"], order["count"])
            write_frame(target, answer | {"bytes": _resident()})
    except (EmbeddingGone, ModelChanged, PredictorGone) as error:
        return {"gone": str(error)}
    except MemoryError:
        return {"memory": True}
    except Exception:
        return {"failed": traceback.format_exc()}
    return None


def _resident() -> int:
    """Bytes of memory that this process holds."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * resource.getpagesize()
    except OSError:  # no Linux: the most that it ever held
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _read(source: BinaryIO, orders: "Queue[Any]") -> None:
    try:
        while True:
            orders.put(read_frame(source))
    except EOFError:
        os._exit(0)  # also out of the midst of a long computation


def main() -> None:
    """Runs as a program."""
    most = int(sys.argv[1])
    # Of what it may write to; addresses that a library only reserves do not count.
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICE)
    target = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    serve(sys.stdin.buffer, target)


if __name__ == "__main__":
    main()
