"""Figure 4 of ``netwright compare search``: what one suggestion costs, ours beside Optuna's and Ax's."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from benchmarks.tables import Tables
from experiments.framework.context import Context
from experiments.framework.row import NO_TABLE, Row
from experiments.search.runs import OURS, Quest, make
from experiments.search.timed_rivals import MODULES, available, make_rival
from search.evaluators.table import TableEvaluator
from search.trial import CompletedTrial
from spaces.metric import Quantity
from spaces.space import Floats

SEEDS = 3
"""Seeds whose suggestions are timed, at most; rivals are timed with one."""
SUGGESTIONS = 10
"""Suggestions of ours that are timed for each seed."""
RIVALS_SUGGESTIONS = 3
"""Suggestions of a rival that are timed, with one seed: one can take half a minute."""
ASKED_FOR_POSTERIORS = 10
"""Times that the posterior of all candidates is computed for each seed."""
CELLS = Quest("nasbench201", "cifar10-fp32", (Quantity("accuracy", task="cifar10-fp32"),))
GRAPHS = Quest(
    "gnn", "cora", (Quantity("accuracy", task="cora"), Quantity("latency_ms", device="gpu", task="cora"))
)
SOURCES = {"nasbench201": "AnalogNAS-Bench", "gnn": "NAS-Bench-Graph"}
TIMED: tuple[tuple[str, Quest, int, int, str, bool], ...] = (
    ("one-at-300", CELLS, 305, 1, "<= 1", True),
    ("batch-of-16-at-300", CELLS, 305, 16, "<= 3", True),
    ("one-at-5000", CELLS, 5005, 1, "<= 3", False),
    ("two-objectives-at-300", GRAPHS, 305, 1, "<= 2", True),
)
"""Name, quest, observations, suggestions at once, goal, and whether rivals are timed too."""
POSTERIOR_GOAL = "<= 0.4"
UNIT = "s of processor"

Seconds = dict[str, list[float]]


def suggestion_seconds(tables: Tables, quest: Quest, observed: int, count: int, seed: int) -> Seconds:
    """Seconds of ten suggestions of ``count`` by our strategy, one evaluation after each, on one thread.

    Returns ``refit``, of suggestions whose observations have just reached a checkpoint, where hyperparameters
    are chosen anew; ``usual``, of the others; ``posterior``, of the means and variances of all candidates for
    all quantities; and ``slowest``, by the clock on the wall, of the slowest suggestion. All others are
    seconds of processor.
    """
    from search.bo.candidates import listed
    from search.bo.surrogates import APART, checkpoint
    from search.strategies.bayes import BayesStrategy

    problem = quest.problem
    strategy = make(OURS, problem, seed)
    assert isinstance(strategy, BayesStrategy)
    names, evaluator = _drawn(tables, quest, observed, seed), TableEvaluator(problem, tables)

    def labels(architectures: list[str]) -> list[CompletedTrial]:
        return [CompletedTrial(evaluator.evaluate(name, lambda: False)) for name in architectures]

    strategy.observe(labels(names))
    found: Seconds = {"usual": [], "refit": [], "posterior": [], "slowest": []}
    walls = []
    with one_thread():
        strategy.suggest(1)  # the first one learns everything that a running study has learned already
        for known in range(observed, observed + SUGGESTIONS):
            suggested: list[str] = []
            processor, wall = _timed(lambda: suggested.extend(strategy.suggest(count)))  # noqa: B023
            reached = [known - APART * number for number in range(len(problem.to_measure))]
            fitted = known > observed and any(checkpoint(number) == number for number in reached)
            found["refit" if fitted else "usual"].append(processor)
            walls.append(wall)
            strategy.observe(labels(suggested[:1]))
        surrogates, finished = strategy.surrogates, strategy.finished()
        codes, inputs = listed(problem)
        for _ in range(ASKED_FOR_POSTERIORS):
            surrogates.learn(strategy.completed, finished)  # makes models anew, without what they cache
            processor, _ = _timed(
                lambda: [surrogates.marginals(q.key, codes, inputs) for q in problem.to_measure]
            )
            found["posterior"].append(processor)
    found["slowest"] = [max(walls)]
    return found


def rivals_seconds(tables: Tables, quest: Quest, rival: str, observed: int, count: int, seed: int) -> Seconds:
    """Seconds of processor of a rival's suggestions of ``count`` on one thread, in ``usual``, and by the
    clock on the wall of the slowest, in ``slowest``; it has our observations, and one more after each."""
    problem = quest.problem
    names = _drawn(tables, quest, observed + RIVALS_SUGGESTIONS + 1, seed)
    evaluator = TableEvaluator(problem, tables)
    searcher = make_rival(rival, problem, seed)
    found: Seconds = {"usual": [], "slowest": []}
    walls = []

    def add(name: str) -> None:
        values: Floats = problem.signed_objectives(evaluator.evaluate(name, lambda: False).values)
        searcher.add(name, values.tolist())

    for name in names[:observed]:
        add(name)
    with one_thread():
        searcher.ask(1)
        for name in names[observed : observed + RIVALS_SUGGESTIONS]:
            add(name)
            processor, wall = _timed(lambda: searcher.ask(count))
            found["usual"].append(processor)
            walls.append(wall)
    found["slowest"] = [max(walls)]
    return found


def seconds_rows(context: Context) -> list[Row]:
    """Ours in spaces that are searched as a whole, then each rival on the same observations."""
    rows: list[Row] = []
    for name, quest, observed, count, goal, with_rivals in TIMED:
        reason = context.tables.available(quest.space, quest.objectives[0].key)
        if reason is not None:
            rows += [
                Row.absent(f"4-{name}{end}", reason, UNIT, goal=goal, evaluated_on=NO_TABLE)
                for end in ("", "-refit")
            ]
            continue
        rows += _ours(context, name, quest, observed, count, goal)
        for rival in MODULES if with_rivals else ():
            rows += _of_rival(context, f"4-{name}-{rival}", rival, quest, observed, count)
    return rows


def _ours(context: Context, name: str, quest: Quest, observed: int, count: int, goal: str) -> list[Row]:
    source = SOURCES[quest.space]
    runs = [
        context.once(
            f"seconds-{name}-{seed}", suggestion_seconds, context.tables, quest, observed, count, seed
        )
        for seed in context.seeds[:SEEDS]
    ]
    parts = {"usual": ("", goal), "refit": ("-refit", goal)}
    if name == "one-at-300":
        parts["posterior"] = ("-posterior", POSTERIOR_GOAL)
    rows = []
    for part, (end, wanted) in parts.items():
        seconds = [value for run in runs for value in run[part]]
        rows.append(
            Row.measured(
                f"4-{name}{end}",
                seconds,
                UNIT,
                over="posteriors" if part == "posterior" else "suggestions",
                statement="one refit was timed" if len(seconds) == 1 else "",
                goal=wanted,
                evaluated_on=NO_TABLE,
                source=source,
            )
        )
    return [*rows, _slowest(f"4-{name}-slowest", runs, SUGGESTIONS * len(runs))]


def _of_rival(context: Context, row: str, rival: str, quest: Quest, observed: int, count: int) -> list[Row]:
    if (reason := available(rival)) is not None:
        return [Row.absent(row, reason, UNIT)]
    runs = [
        context.once(f"{row}-{seed}", rivals_seconds, context.tables, quest, rival, observed, count, seed)
        for seed in context.seeds[:1]
    ]
    seconds = [value for run in runs for value in run["usual"]]
    source = SOURCES[quest.space]
    return [
        Row.measured(row, seconds, UNIT, over="suggestions", source=source),
        _slowest(f"{row}-slowest", runs, len(seconds)),
    ]


def _slowest(row: str, runs: list[Seconds], suggestions: int) -> Row:
    slowest = max(value for run in runs for value in run["slowest"])
    return Row.measured(
        row, slowest, "s", statement=f"the slowest of {suggestions}, by the clock on the wall"
    )


def _drawn(tables: Tables, quest: Quest, count: int, seed: int) -> list[str]:
    """Measured architectures, drawn at random."""
    codes = tables.architectures(quest.space, quest.objectives[0].key)
    rows = np.random.default_rng(seed).choice(len(codes), size=count, replace=False)
    return quest.problem.space.format(codes[rows])


def _timed(call: Callable[[], object]) -> tuple[float, float]:
    """Seconds of processor and by the clock on the wall."""
    processor, wall = time.process_time(), time.perf_counter()
    call()
    return time.process_time() - processor, time.perf_counter() - wall


@contextmanager
def one_thread() -> Iterator[None]:
    """Libraries compute with one thread meanwhile."""
    import torch
    from threadpoolctl import threadpool_limits

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)
