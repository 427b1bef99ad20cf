"""Runs a comparison, refuses goals whose constants were chosen on what decides them, keeps the result."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from benchmarks.tables import Tables
from experiments.framework.catalogue import comparisons
from experiments.framework.comparison import Comparison
from experiments.framework.constants import constants_in, tuned_on
from experiments.framework.context import Context, Progress
from experiments.framework.imports import digest_of, modules_of
from experiments.framework.machine import checkout, commit, machine
from experiments.framework.registry import Registered
from experiments.framework.results import Results, to_text, write_text
from experiments.framework.row import Row

WORKERS = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What :func:`run` did.

    Args:
        comparison: the figures.
        cached: whether they come from an earlier run of the same code on the same tables and machine.
        figure: the file under ``docs/figures/`` that now holds them; None where nothing was written.
    """

    comparison: Comparison
    cached: bool
    figure: Path | None


def run(
    name: str,
    *,
    tables: Tables,
    cache_dir: Path,
    full: bool = False,
    seeds: int | None = None,
    fresh: bool = False,
    workers: int = WORKERS,
    progress: Progress | None = None,
    root: Path | None = None,
) -> Outcome:
    """Runs a comparison, or takes its cached result.

    Args:
        name: of the comparison.
        tables: measured values.
        cache_dir: where results are kept.
        full: all seeds; in a checkout the result is also written to ``docs/figures/NAME.json``.
        seeds: another number of seeds than the comparison's own; then no figure is written.
        fresh: compute everything anew.
        workers: processes that parts may use.
        progress: called with done, total and a message.
        root: the checkout; by default the one that this code runs from, if any.

    Raises:
        KeyError: for an unknown name; the message lists the known ones.
        ValueError: for fewer than one seed.
    """
    known = comparisons()
    if name not in known:
        raise KeyError(f"unknown comparison {name!r}; known are {', '.join(known) or 'none'}")
    chosen = known[name]
    count = seeds if seeds is not None else (chosen.full_seeds if full else chosen.seeds)
    if count < 1:
        raise ValueError("a comparison needs at least one seed")
    folder = cache_dir / "compare" / name
    results = Results(folder, [tables.digest(), machine()])
    root = root or checkout()
    context = Context(
        tables,
        tuple(range(count)),
        full,
        folder,
        progress or (lambda done, total, message: None),
        results,
        fresh,
        workers,
    )
    register = [constant.to_dict() for constant in constants_in(modules_of(chosen.module))]
    question = ["comparison", digest_of(chosen.module), chosen.protocol, count, full, register]
    before = None if fresh else _known(results.get(question))
    found = before or _compute(chosen, context)
    if before is None:
        results.put(question, found.to_dict())
    # The key of a cached result is the code itself, so it is this commit's result too.
    found = replace(found, commit=commit(root))
    figure = None
    if full and seeds is None and root is not None:
        figure = root / "docs" / "figures" / f"{name}.json"
        write_text(figure, to_text(found.to_dict()))
    return Outcome(found, before is not None, figure)


def _compute(chosen: Registered, context: Context) -> Comparison:
    """Calls the comparison and writes down what it cost, parts from the cache included."""
    began = time.perf_counter()
    rows = tuple(chosen.function(context))
    seconds = time.perf_counter() - began + context._extra_seconds
    last = context.seeds[-1]
    modules = modules_of(chosen.module)
    origins = tuple(
        replace(context.origins.get(row.id) or context.origin(row, seconds), refused=_refused(modules, row))
        for row in rows
    )
    return Comparison(
        chosen.name,
        f"{chosen.protocol} Seeds 0–{last}." if last else f"{chosen.protocol} Seed 0.",
        [constant.to_dict() for constant in constants_in(modules)],
        rows,
        origins,
        round(seconds, 3),
        machine(),
        digest_of(chosen.module),
        "unknown",
    )


def _refused(modules: Sequence[str], row: Row) -> tuple[str, ...]:
    """Why a goal counts for nothing: columns that decide it and that a constant was chosen on."""
    if row.goal is None:
        return ()
    return tuple(f"{column}: {name}" for column, name in tuned_on(modules, row.evaluated_on or ()))


def _known(stored: object) -> Comparison | None:
    """A cached result; None where it is absent or damaged."""
    try:
        return Comparison.from_dict(cast(dict[str, object], stored))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
