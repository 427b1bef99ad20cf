"""Parts of a comparison, computed by several processes."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

from benchmarks.tables import Tables


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


def compute_all(tables: Tables, parts: Sequence[Part], workers: int) -> Iterator[tuple[Part, Any, float]]:
    """Every part with its answer, as JSON gives it back, and its seconds, as they are ready.

    Each process has one thread and tables of its own; with one worker it all happens here, and so do
    functions that no process could import.
    """
    if workers < 2 or len(parts) < 2 or not all(_importable(part.compute) for part in parts):
        for part in parts:
            yield part, *_timed(tables, part.compute, part.arguments)
        return
    folders = (tables.cache_dir, tables.data_dir)
    # A fresh interpreter each: a forked one would share the threads of what is loaded here.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_begin, initargs=folders)
    with pool:
        waiting = {pool.submit(_compute, part.compute, part.arguments): part for part in parts}
        for future in as_completed(waiting):
            yield waiting[future], *future.result()


def _importable(function: Callable[..., Any]) -> bool:
    return "<" not in function.__qualname__ and function.__module__ != "__main__"


_TABLES: Tables | None = None


def _begin(cache_dir: Path, data_dir: Path | None) -> None:
    """Makes a process ready: tables of its own, one thread."""
    global _TABLES
    from threadpoolctl import threadpool_limits

    threading.Thread(target=_end_with_parent, daemon=True).start()
    threadpool_limits(1)
    _TABLES = Tables(cache_dir, data_dir)


def _end_with_parent() -> None:
    """Ends this process when the one that started it is gone, however it ended; it would wait for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _compute(compute: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, float]:
    assert _TABLES is not None  # set when the process began
    return _timed(_TABLES, compute, arguments)


def _timed(tables: Tables, compute: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, float]:
    begin = time.perf_counter()
    answer = compute(tables, *arguments)
    return json.loads(json.dumps(answer)), time.perf_counter() - begin
