"""The frame that every comparison runs in: registration, seeds, cached results, one JSON object at the end.

A comparison is a function that gets a :class:`Context` and returns rows::

    @comparison("quickstart", protocol="16 table evaluations …", seeds=3, full_seeds=20)
    def quickstart(context: Context) -> list[Row]:
        regrets = [context.once(f"bayes seed {seed}", regret, context.tables, seed) for seed in context.seeds]
        return [Row.measured("2-regret", regrets, "%", goal="<= 0.5")]

Modules of this package are imported to find comparisons, so they import heavy rooms inside the function.
"""

import json
import pkgutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

from benchmarks.tables import Tables
from experiments.comparison import Comparison
from experiments.machine import checkout, commit, machine
from experiments.results import Results, code_digest, write_json
from experiments.row import Row

Progress = Callable[[int, int, str], None]
"""Called with done, total and a message."""

SCIENCE = (
    "spaces", "artifacts", "networks", "benchmarks", "encoders",
    "predictors", "generator", "search", "experiments",
)  # fmt: skip

Answer = TypeVar("Answer")
Given = ParamSpec("Given")


@dataclass(slots=True)
class Context:
    """What a comparison may use.

    Args:
        tables: measured truth.
        seeds: one repetition each.
        full: whether everything is asked for; without it a comparison ends within 20 minutes on 2 cores.
        cache_dir: a folder for files of its own.
        progress: tells a person how far the comparison is.
    """

    tables: Tables
    seeds: tuple[int, ...]
    full: bool
    cache_dir: Path
    progress: Progress
    _results: Results
    _fresh: bool = False
    _saved_seconds: float = field(default=0.0, init=False)

    def once(
        self, part: str, compute: Callable[Given, Answer], *arguments: Given.args, **named: Given.kwargs
    ) -> Answer:
        """A part's answer, computed unless the same code gave it on the same tables and machine before.

        Args:
            part: names everything else that the answer depends on, the seed above all.
            compute: called with the arguments that follow; returns JSON: numbers, strings, lists,
                dictionaries with string keys.
        """
        known = self._known(part)
        if known is None:
            begin = time.perf_counter()
            answer = compute(*arguments, **named)
            self._results.put(part, {"answer": answer, "seconds": time.perf_counter() - begin})
            return cast(Answer, json.loads(json.dumps(answer)))  # as the cache will give it
        self._saved_seconds += float(cast(float, known["seconds"]))
        return cast(Answer, known["answer"])

    def knows(self, part: str) -> bool:
        """Whether :meth:`once` has a part's answer already."""
        return self._known(part) is not None

    def keep(self, part: str, answer: Answer, seconds: float) -> Answer:
        """Keeps an answer that was computed elsewhere, as JSON gives it back, and what that cost."""
        self._results.put(part, {"answer": answer, "seconds": seconds})
        return answer

    def _known(self, part: str) -> dict[str, object] | None:
        known = None if self._fresh else self._results.get(part)
        whole = isinstance(known, dict) and {"answer", "seconds"} <= known.keys()
        return cast(dict[str, object], known) if whole else None


@dataclass(frozen=True, slots=True)
class Registered:
    """A known comparison."""

    name: str
    protocol: str
    function: Callable[[Context], Sequence[Row]]
    seeds: int
    full_seeds: int
    packages: tuple[str, ...]


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


_COMPARISONS: dict[str, Registered] = {}


def comparison(
    name: str, *, protocol: str, seeds: int = 3, full_seeds: int = 20, packages: Sequence[str] = SCIENCE
) -> Callable[[Callable[[Context], Sequence[Row]]], Callable[[Context], Sequence[Row]]]:
    """Function decorator: makes a comparison known by its name.

    Args:
        name: as on the command line.
        protocol: what is compared with what, on which data; which table trained and which one judges.
        seeds: repetitions in the short form.
        full_seeds: repetitions with ``--full``.
        packages: results are computed anew when one of these changes.
    """

    def register(function: Callable[[Context], Sequence[Row]]) -> Callable[[Context], Sequence[Row]]:
        _COMPARISONS[name] = Registered(name, protocol, function, seeds, full_seeds, tuple(packages))
        return function

    return register


def comparisons() -> dict[str, Registered]:
    """Every comparison by its name; imports this package's modules."""
    import experiments

    for module in pkgutil.iter_modules(experiments.__path__):
        import_module(f"experiments.{module.name}")
    return dict(sorted(_COMPARISONS.items()))


def run(
    name: str,
    *,
    tables: Tables,
    cache_dir: Path,
    full: bool = False,
    seeds: int | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
    root: Path | None = None,
) -> Outcome:
    """Runs a comparison, or takes its cached result.

    Args:
        name: of the comparison.
        tables: measured truth.
        cache_dir: where results are kept.
        full: all seeds; in a checkout the result is also written to ``docs/figures/NAME.json``.
        seeds: another number of seeds than the comparison's own; then no figure is written.
        fresh: compute everything anew.
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
    results = Results(folder, [code_digest(chosen.packages), tables.digest(), machine()])
    root = root or checkout()
    context = Context(
        tables,
        tuple(range(count)),
        full,
        folder,
        progress or (lambda done, total, message: None),
        results,
        fresh,
    )
    question = ["comparison", chosen.protocol, count, full]
    before = None if fresh else _known(results.get(question))
    found = before or _compute(chosen, context)
    if before is None:
        results.put(question, found.to_dict())
    # The key of a cached result is the code itself, so it is this commit's result too.
    found = replace(found, commit=commit(root))
    figure = None
    if full and seeds is None and root is not None:
        figure = root / "docs" / "figures" / f"{name}.json"
        write_json(figure, found.to_dict())
    return Outcome(found, before is not None, figure)


def _compute(chosen: Registered, context: Context) -> Comparison:
    """Calls the comparison and writes down what it cost, parts from the cache included."""
    begin = time.perf_counter()
    rows = tuple(chosen.function(context))
    seconds = time.perf_counter() - begin + context._saved_seconds
    last = context.seeds[-1]
    protocol = f"{chosen.protocol} Seeds 0–{last}." if last else f"{chosen.protocol} Seed 0."
    return Comparison(chosen.name, protocol, rows, round(seconds, 3), machine(), "unknown")


def _known(stored: object) -> Comparison | None:
    """A cached result; None where it is absent or damaged."""
    try:
        return Comparison.from_dict(cast(dict[str, object], stored))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
