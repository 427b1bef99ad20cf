"""The latency evaluator, run twice: does load by other programs change its values, and does it report so?

Row ids: 7.
"""

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import numpy as np

from experiments.framework.context import Context
from experiments.framework.registry import comparison
from experiments.framework.row import NO_TABLE, Row
from experiments.framework.statistics import Floats, bootstrap

NETWORKS = 50
PAUSE_SECONDS, FULL_PAUSE_SECONDS = 60.0, 600.0
BURST_PROCESSES = 4
OPTIONS: dict[str, Any] = {"seconds": 0.6, "blocks": 12}
TRUSTED = 0.05
"""A spread up to here says that the value can be trusted."""

PROTOCOL = """\
The latency evaluator measures the same 50 random nasbench201 networks (batch 1, one thread, ONNX Runtime on
this machine's processor) twice, with a pause of a minute between, with --full of ten. In the middle of the
pause four processes compute as hard as they can for a third of it. Afterwards the networks are measured a
third time while those processes run. Nothing else is kept off the machine. Spearman's correlation of the
second and the third measurement with the first; the median spread of each; the share of networks whose spread
is at most 5 %, and the correlation over those alone."""


def _burn(seconds: float) -> None:
    """Matrix products until the time is over."""
    end, x = time.monotonic() + seconds, np.random.default_rng(0).standard_normal((300, 300))
    while time.monotonic() < end:
        x = np.tanh(x @ x)


@contextmanager
def burst(seconds: float) -> Iterator[None]:
    """Other load for as long as the block runs, at most for some seconds."""
    fresh = multiprocessing.get_context("spawn")
    processes = [fresh.Process(target=_burn, args=(seconds,), daemon=True) for _ in range(BURST_PROCESSES)]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
            process.join()


def measured(context: Context, architectures: Sequence[str], said: str) -> dict[str, list[float]]:
    """Value and spread of each architecture, one after another."""
    import torch

    from search.evaluator import Bench
    from search.request.design_request import parse_request
    from search.run.composite import make_evaluator

    torch.set_num_threads(1)
    body = {
        "space": "nasbench201",
        "task": "cifar10",
        "objectives": [{"metric": "latency_ms", "device": "worker"}],
        "evaluations": 1,
        "evaluator": "latency",
    }
    problem = parse_request(body).problem()
    bench = Bench(context.tables, cache_dir=context.cache_dir)
    evaluator = make_evaluator(problem, "latency", {"latency": OPTIONS}, bench, 0)
    values, spreads = [], []
    for index, architecture in enumerate(architectures):
        seen = evaluator.evaluate(architecture, lambda: False)
        assert seen.failed is None, seen.failed
        details = cast(dict[str, float], seen.details["latency"])
        values.append(seen.values["latency_ms@worker"])
        spreads.append(details["spread"])
        context.progress(index + 1, len(architectures), said)
    return {"values": values, "spreads": spreads}


def exported(context: Context, architectures: Sequence[str]) -> None:
    """Exports every network before anything is timed."""
    from networks.latency.onnx_file import onnx_bytes
    from spaces.known import get_space

    network = get_space("nasbench201").network_config()
    for architecture in architectures:
        onnx_bytes("nasbench201", architecture, network, cache_dir=context.cache_dir)


def _three_times(context: Context) -> dict[str, dict[str, list[float]]]:
    """Calm, calm after a pause with a burst in it, and under load."""
    from spaces.known import get_space

    space = get_space("nasbench201")
    pause = FULL_PAUSE_SECONDS if context.full else PAUSE_SECONDS
    codes = space.sample(NETWORKS, np.random.default_rng(context.seeds[0]))
    architectures = space.format(codes)
    exported(context, architectures)
    first = measured(context, architectures, "first measurement")
    time.sleep(pause / 3)
    with burst(pause):
        time.sleep(pause / 3)
    time.sleep(pause / 3)
    second = measured(context, architectures, "second measurement")
    with burst(3600):
        loaded = measured(context, architectures, "measurement under load")
    return {"first": first, "second": second, "loaded": loaded}


@comparison("measured-latency", protocol=PROTOCOL, seeds=1, full_seeds=1, alone=True, hours=0.3)
def measured_latency(context: Context) -> Sequence[Row]:
    """Correlations and spreads."""
    seen = context.once(f"three times {context.full} {context.seeds}", _three_times, context)
    values = {name: np.array(each["values"]) for name, each in seen.items()}
    spreads = {name: np.array(each["spreads"]) for name, each in seen.items()}
    rows: list[Row] = []
    for name, goal in (("second", ">= 0.95"), ("loaded", None)):
        rows.append(_correlation(f"7-spearman-{name}", values["first"], values[name], goal))
        trusted = np.maximum(spreads["first"], spreads[name]) <= TRUSTED
        if trusted.sum() >= 5:
            both = values["first"][trusted], values[name][trusted]
            rows.append(_correlation(f"7-spearman-{name}-trusted", *both, None))
        else:
            reason = f"only {int(trusted.sum())} networks have a spread of at most 5 % in both"
            rows.append(Row.absent(f"7-spearman-{name}-trusted", reason, "Spearman"))
    for name in seen:
        rows.append(Row.quantile(f"7-spread-{name}", 100 * spreads[name], 0.5, "%", over="networks"))
        trusted = int((spreads[name] <= TRUSTED).sum())
        rows.append(Row.share(f"7-trusted-{name}", trusted, NETWORKS, over="networks"))
    ratio = values["second"] / values["first"]
    rows.append(Row.quantile("7-ratio-second", ratio, 0.5, "times", over="networks"))
    return rows


def _correlation(row: str, first: Floats, second: Floats, goal: str | None) -> Row:
    """Spearman's correlation, its standard error by redrawing the networks."""
    from scipy.stats import spearmanr

    found = bootstrap(lambda one, other: float(spearmanr(one, other).statistic), first, second)
    return Row.estimated(row, found, "Spearman", over="networks", goal=goal, evaluated_on=NO_TABLE)
