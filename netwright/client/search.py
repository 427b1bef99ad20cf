"""A search that evaluates by itself: it asks a study, evaluates in parallel and tells."""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from netwright.client.command import Interrupted
from netwright.client.errors import BUSY, ApiError, ServerUnreachable
from netwright.client.studies import StudyHandle
from netwright.client.transport import Json

T = TypeVar("T")
Evaluate = Callable[[Json, Callable[[], bool]], Json]
"""A suggestion, and whether to stop → an observation of it."""
OnTold = Callable[[Json, Json], None]
"""Called with an observation and the study after it."""


def of_function(function: Callable[..., Any]) -> Evaluate:
    """Evaluation by a function of the choices: a number, or quantity → number; what it raises is a failure.

    A single number is the value of the study's first objective.
    """

    def evaluate(suggestion: Json, should_stop: Callable[[], bool]) -> Json:
        told: Json = {"architecture": suggestion["architecture"]}
        try:
            found = function(dict(suggestion["variables"]))
            values = found if isinstance(found, Mapping) else {FIRST: found}
            return {**told, "values": {str(name): float(value) for name, value in values.items()}}
        except Exception as error:
            return {**told, "failed": f"{type(error).__name__}: {error}"[:2000]}

    return evaluate


FIRST = ""
"""Name of a value that stands for the study's first objective."""


@dataclass
class Drive:
    """A search under way.

    Args:
        study: what is asked and told.
        evaluate: evaluates a suggestion.
        evaluations: finished suggestions in all, those of earlier runs included.
        parallel: at the same time; each has a client id of its own, so that a search that was cut short gets
            its unfinished suggestions back.
        on_told: called after each, one at a time.
        wait_seconds: how long a server that is busy or out of reach is waited for; each call's own time comes
            besides.
    """

    study: StudyHandle
    evaluate: Evaluate
    evaluations: int
    parallel: int = 1
    on_told: OnTold = lambda told, study: None
    wait_seconds: float = 600.0
    stopping: threading.Event = field(default_factory=threading.Event)
    exhausted: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _begun: int = 0

    def run(self) -> Json:
        """Evaluates until the budget is spent or nothing is left; the study as it is then.

        Raises:
            KeyboardInterrupt: after everything that ran was ended; what had finished is told.
        """
        shown = self.study.refresh()
        self._begun = int(shown["suggested"]) - int(shown["waiting"])
        with ThreadPoolExecutor(self.parallel, "evaluation") as pool:
            slots = [pool.submit(self._slot, number) for number in range(1, self.parallel + 1)]
            try:
                for slot in slots:
                    slot.result()
            except BaseException:
                self.stopping.set()
                raise
        return self.study.refresh()

    def _slot(self, number: int) -> None:
        """One evaluation after another."""
        handle = self.study.beside(f"{self.study.client_id}.{number}")
        while not self.stopping.is_set():
            with self._lock:
                if self._begun >= self.evaluations:
                    return
                self._begun += 1
            if not self._patiently(lambda: handle.suggest(1)):
                self.exhausted = handle.exhausted
                return
            try:
                told = self.evaluate(handle.suggestions[0], self.stopping.is_set)
            except Interrupted:
                return
            self._tell(handle, told)

    def _patiently(self, call: Callable[[], T]) -> T:
        """What a call gives; a server that is busy or restarts is waited for."""
        give_up = time.monotonic() + self.wait_seconds
        while True:
            try:
                return call()
            except (ApiError, ServerUnreachable) as error:
                busy = not isinstance(error, ApiError) or error.status in BUSY
                if not busy or self.stopping.wait(1) or time.monotonic() > give_up:
                    raise

    def _tell(self, handle: StudyHandle, told: Json) -> None:
        """Tells what an evaluation brought; values that the study refuses are a failure with the reason."""
        told = self._known(told)
        try:
            answer = self._patiently(lambda: handle.tell([told]))
        except ApiError as error:
            if error.status != 422:
                raise
            reason = "; ".join(f"{each.field}: {each.message}" for each in error.errors) or error.detail
            told = {
                "architecture": told["architecture"],
                "failed": f"its values are refused: {reason}"[:2000],
            }
            answer = self._patiently(lambda: handle.tell([told]))
        with self._lock:
            self.on_told(told, answer["study"])

    def _known(self, told: Json) -> Json:
        """An observation with those of its values that the study has a use for.

        It is a failure where an objective or a bound has none, since nobody would bring it later.
        """
        if "values" not in told:
            return told
        objectives = list(self.study.study["objectives"])
        sources = self.study.study.get("sources") or {}
        tracked = list(self.study.study.get("tracked") or [])
        needed = [key for key, source in sources.items() if source == "external"] or objectives
        values = {(objectives[0] if name == FIRST else name): v for name, v in told["values"].items()}
        quantities = {*sources, *objectives}
        metrics = {key.partition("@")[0] for key in quantities}
        kept = {name: v for name, v in values.items() if name in {*quantities, *metrics, *tracked}}
        missing = [key for key in needed if key not in kept and key.partition("@")[0] not in kept]
        if missing:
            reason = f"it brought no {', '.join(missing)}, but {', '.join(told['values']) or 'nothing'}"
            return {"architecture": told["architecture"], "failed": reason}
        return {**told, "values": kept}
