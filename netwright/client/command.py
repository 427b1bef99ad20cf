"""Evaluation by a command: the architecture in its environment, the values in the last line of its output."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netwright.client import command_child
from netwright.client.transport import Json

ARCHITECTURE, NAME, NUMBER, SEED = (
    "NETWRIGHT_ARCHITECTURE",
    "NETWRIGHT_NAME",
    "NETWRIGHT_NUMBER",
    "NETWRIGHT_ATTEMPT",
)
"""Variables of the command's environment: the choices as JSON, the canonical string, the suggestion's number,
and which attempt it is, from 1."""
MOST_OUTPUT = 1 << 20
"""Bytes at the end of the output in which the last line is looked for."""
LOOK_SECONDS = 0.2


class Interrupted(Exception):
    """The search was asked to stop while a command ran; the command was ended and nothing is told of it."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command that evaluates architectures.

    Args:
        command: for ``/bin/sh -c``.
        folder: where its output is kept, by the suggestion's number; a search that goes on reads there what
            had ended.
        seconds: after which it is ended; 0: never.
        retries: how often it is run again after it failed.
    """

    command: str
    folder: Path
    seconds: float = 0.0
    retries: int = 0

    def evaluate(self, suggestion: Json, should_stop: Callable[[], bool]) -> Json:
        """An observation of a suggestion: ``values``, or ``failed`` with the reason.

        Raises:
            Interrupted: ``should_stop`` said so.
        """
        answer: Json = {"failed": "it was not run"}
        for attempt in range(1, self.retries + 2):
            place = self.folder / f"{int(suggestion['number']):06d}-{attempt}"
            if not (place / "ended").exists():  # what had ended is not run again
                self._run(suggestion, attempt, place, should_stop)
            answer = read_answer(place)
            if "failed" not in answer:
                break
        return {"architecture": suggestion["architecture"], **answer}

    def _run(self, suggestion: Json, attempt: int, place: Path, should_stop: Callable[[], bool]) -> None:
        place.mkdir(parents=True, exist_ok=True)
        environment = {
            **os.environ,
            ARCHITECTURE: json.dumps(suggestion["variables"]),
            NAME: str(suggestion["architecture"]),
            NUMBER: str(suggestion["number"]),
            SEED: str(attempt),
        }
        arguments = [str(place), str(self.seconds), self.command]
        child = subprocess.Popen(
            [sys.executable, "-I", "-S", command_child.__file__, *arguments],
            stdin=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # Ctrl-C is the search's to handle
        )
        try:
            while True:
                try:
                    child.wait(LOOK_SECONDS)
                    return
                except subprocess.TimeoutExpired:
                    if should_stop():
                        raise Interrupted from None
        finally:
            assert child.stdin is not None
            child.stdin.close()  # it ends the command, if that still runs
            child.wait()


def read_answer(place: Path) -> Json:
    """What a command that has ended says: the last line of its output, or why there are no values."""
    ended: dict[str, Any] = json.loads((place / "ended").read_text(encoding="ascii"))
    seconds = round(float(ended["seconds"]), 3)

    def failed(reason: str) -> Json:
        return {"failed": reason[:2000], "seconds": seconds}

    if ended["timed_out"]:
        return failed(f"it had not ended after {seconds:g} s")
    if ended["status"] != 0:
        said = _last_line(place / "errors") or _last_line(place / "output")
        how = f"signal {-ended['status']}" if ended["status"] < 0 else f"exit status {ended['status']}"
        return failed(f"{how}: {said}" if said else how)
    line = _last_line(place / "output")
    try:
        answer = json.loads(line)
    except ValueError:
        return failed(f"the last line of its output is no JSON: {line[:200]!r}")
    if not isinstance(answer, dict):
        return failed(f"the last line of its output is no JSON object: {line[:200]!r}")
    if answer.get("failed") is not None:
        return failed(str(answer["failed"]) or "it says that it failed")
    numbers = {
        str(name): float(value)
        for name, value in answer.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    return {"values": numbers, "seconds": seconds}


def _last_line(file: Path) -> str:
    with file.open("rb") as content:
        content.seek(max(0, file.stat().st_size - MOST_OUTPUT))
        lines = [line for line in content.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""
