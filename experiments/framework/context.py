"""What a comparison may use: tables, seeds, and parts that are computed once and kept."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from benchmarks.tables import Tables
from experiments.framework.imports import function_digest
from experiments.framework.pool import Part, compute_all
from experiments.framework.results import Results
from experiments.framework.row import Row

Progress = Callable[[int, int, str], None]
"""Called with done, total and a message."""

Answer = TypeVar("Answer")
Given = ParamSpec("Given")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a row comes from.

    Args:
        seeds: of the runs behind it.
        seconds: what computing its section cost, parts from the cache included.
        refused: columns that decide its goal and on which a constant was chosen, with the constant:
            such a goal counts for nothing.
    """

    seeds: tuple[int, ...]
    seconds: float
    refused: tuple[str, ...] = ()


@dataclass(slots=True)
class Context:
    """What a comparison may use.

    Args:
        tables: measured values.
        seeds: one repetition each.
        full: whether everything is asked for; without it a comparison ends within 20 minutes on 2 cores.
        cache_dir: a folder for files of its own.
        progress: shows a person how far the comparison is.
        workers: processes that :meth:`each` and :meth:`all` may use.
    """

    tables: Tables
    seeds: tuple[int, ...]
    full: bool
    cache_dir: Path
    progress: Progress
    _results: Results
    _fresh: bool = False
    workers: int = 2
    origins: dict[str, Origin] = field(default_factory=dict, init=False)
    _parts_seconds: float = field(default=0.0, init=False)
    _waited_seconds: float = field(default=0.0, init=False)

    def once(
        self, part: str, compute: Callable[Given, Answer], *arguments: Given.args, **named: Given.kwargs
    ) -> Answer:
        """A part's answer, computed unless the same code gave it on the same tables and machine before.

        Args:
            part: names everything else that the answer depends on, the seed above all.
            compute: called with the arguments that follow; returns JSON: numbers, strings, lists,
                dictionaries with string keys. Its module and what that imports are the code.
        """
        began = time.perf_counter()
        known = self._known(part, compute)
        if known is None:
            answer = compute(*arguments, **named)
            known = {"answer": json.loads(json.dumps(answer)), "seconds": time.perf_counter() - began}
            self._results.put(_question(part, compute), known)
        self._count(began, float(cast(float, known["seconds"])))
        return cast(Answer, known["answer"])

    def each(
        self, name: str, compute: Callable[Concatenate[Tables, Given], Answer], *arguments: Any
    ) -> list[Answer]:
        """One answer a seed, in processes of their own: ``compute(tables, *arguments, seed)``.

        Raises:
            ValueError: where every seed gave the same figures: such a run is deterministic, and its
                repetitions add nothing; compute it :meth:`once`.
        """
        parts = [Part(f"{name} seed {seed}", compute, (*arguments, seed)) for seed in self.seeds]
        found = self.all(parts, name)
        answers = [found[part.name] for part in parts]
        compared = [_without_seconds(answer) for answer in answers]
        if len(compared) > 1 and _informative(compared[0]) and all(each == compared[0] for each in compared):
            raise ValueError(f"every seed of {name!r} gave the same: it is deterministic; compute it once")
        return answers

    def all(self, parts: Sequence[Part], what: str) -> dict[str, Any]:
        """Name → answer of every part; what is not known is computed by :attr:`workers` processes."""
        began = time.perf_counter()
        found = {part.name: self._known(part.name, part.compute) for part in parts}
        missing = [part for part in parts if found[part.name] is None]
        for number, (part, answer, seconds) in enumerate(
            compute_all(self.tables, missing, self.workers), start=1
        ):
            found[part.name] = known = {"answer": answer, "seconds": seconds}
            self._results.put(_question(part.name, part.compute), known)
            self.progress(number, len(missing), f"{what}: {part.name}")
        whole = {name: known for name, known in found.items() if known is not None}
        self._count(began, sum(float(cast(float, known["seconds"])) for known in whole.values()))
        return {name: known["answer"] for name, known in whole.items()}

    def section(self, function: Callable[["Context"], Sequence[Row]]) -> list[Row]:
        """The rows of a part of a comparison, with the seconds that this part alone cost."""
        began, counted = time.perf_counter(), self._extra_seconds
        rows = list(function(self))
        seconds = time.perf_counter() - began + self._extra_seconds - counted
        self.origins |= {row.id: self.origin(row, seconds) for row in rows}
        return rows

    def origin(self, row: Row, seconds: float) -> Origin:
        """A row's seeds: as many as it has repetitions, where it is repeated over seeds."""
        repeated = self.seeds[: row.n] if row.over == "seeds" and row.n else self.seeds
        return Origin(() if row.kind in ("exact", "quoted", "absent") else repeated, round(seconds, 3))

    @property
    def _extra_seconds(self) -> float:
        """What parts cost beyond the time that was waited for them here."""
        return self._parts_seconds - self._waited_seconds

    def _count(self, began: float, seconds: float) -> None:
        self._parts_seconds += seconds
        self._waited_seconds += time.perf_counter() - began

    def _known(self, part: str, compute: Callable[..., Any]) -> dict[str, object] | None:
        known = None if self._fresh else self._results.get(_question(part, compute))
        whole = isinstance(known, dict) and {"answer", "seconds"} <= known.keys()
        return cast(dict[str, object], known) if whole else None


def _question(part: str, compute: Callable[..., Any]) -> list[str]:
    return [part, f"{compute.__module__}.{compute.__qualname__}", function_digest(compute)]


def _without_seconds(answer: object) -> object:
    """An answer but for what it took, which differs from run to run."""
    if isinstance(answer, dict):
        return {key: _without_seconds(value) for key, value in answer.items() if key != "seconds"}
    return answer


def _informative(answer: object) -> bool:
    """Whether an answer has two different numbers that are no counts, so that seeds would change them."""
    return len({number for number in _numbers(answer) if number != round(number)}) > 1


def _numbers(answer: object) -> list[float]:
    if isinstance(answer, dict):
        return [number for value in answer.values() for number in _numbers(value)]
    if isinstance(answer, list):
        return [number for value in answer for number in _numbers(value)]
    return [float(answer)] if isinstance(answer, float) else []
