"""Parts of a comparison, worked out by several processes and kept for the next run."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.tables import Tables
from experiments.frame import Context

WORKERS = 2


@dataclass(frozen=True, slots=True)
class Part:
    """What one call computes.

    Args:
        name: everything that the answer depends on.
        compute: called with the tables and the arguments; importable by its name.
        arguments: what follows the tables.
    """

    name: str
    compute: Callable[..., Any]
    arguments: tuple[Any, ...]


def work_out(context: Context, parts: Sequence[Part], what: str) -> dict[str, Any]:
    """Name → answer of every part; what is not known yet is computed by :data:`WORKERS` processes."""
    missing = [part for part in parts if not context.knows(part.name)]
    found: dict[str, Any] = {}
    if missing:
        tables = context.tables
        folders = (tables.cache_dir, tables.data_dir)
        # A fresh interpreter each: a forked one would share the threads of what is loaded here.
        pool = ProcessPoolExecutor(WORKERS, get_context("spawn"), initializer=_begin, initargs=folders)
        with pool:
            waiting = {pool.submit(_compute, part.compute, part.arguments): part for part in missing}
            for number, future in enumerate(as_completed(waiting), 1):
                part = waiting[future]
                answer, seconds = future.result()
                found[part.name] = context.keep(part.name, answer, seconds)
                context.progress(number, len(missing), f"{what}: {part.name}")
    for part in parts:
        if part.name not in found:
            found[part.name] = context.once(part.name, part.compute, context.tables, *part.arguments)
    return found


_TABLES: Tables | None = None


def _begin(cache_dir: Path, data_dir: Path | None) -> None:
    """Makes a process ready: tables of its own, one thread."""
    global _TABLES
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
    _TABLES = Tables(cache_dir, data_dir)


def _compute(compute: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, float]:
    """An answer as JSON gives it back, and the seconds that it took."""
    import time

    begin = time.perf_counter()
    answer = compute(_TABLES, *arguments)
    return json.loads(json.dumps(answer)), time.perf_counter() - begin
