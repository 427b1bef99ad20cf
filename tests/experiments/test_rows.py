"""Every comparison makes its rows of what its parts answer, in the short and in the full form.

The answers are invented; what is held is that the rows can be made and say what rows may say.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.tables import Tables
from experiments.framework.catalogue import comparisons
from experiments.framework.context import Context
from experiments.framework.pool import Part
from experiments.framework.row import Kind, Row, Verdict
from experiments.framework.run import run

GENERATOR = np.random.default_rng(0)


def numbers(*names: str, low: float = 0.2, high: float = 0.9) -> Callable[..., dict[str, float]]:
    """A part that answers some numbers by name."""
    return lambda *arguments: {name: float(GENERATOR.uniform(low, high)) for name in names}


def several(*names: str, count: int = 5) -> Callable[..., dict[str, list[float]]]:
    """A part that answers lists of numbers by name."""
    return lambda *arguments: {name: GENERATOR.uniform(1, 2, count).tolist() for name in names}


def number(*arguments: object) -> float:
    """A part that answers one number."""
    return float(GENERATOR.uniform(50, 90))


def searched(tables: Tables, quest: Any, *arguments: object) -> dict[str, Any]:
    """A run of a searcher."""
    objectives = len(quest.objectives)
    return {"values": GENERATOR.uniform(-90, 90, (160, objectives)).tolist(), "seconds": [0.1, 0.2]}


def estimate(*arguments: object) -> dict[str, float]:
    """What a bootstrap gives."""
    return {"value": 0.93, "standard_error": 0.003, "n": 900}


def prior_of_encoder(name: str, draws: int) -> dict[str, list[float]]:
    """What an encoder is worth."""
    many = ("valid", "unique", "unique-of-valid", "correlated-valid", "correlated-unique")
    one = {"held-out": [1000.0], "reconstruction": [99.9], "edit-mean": [0.4], "edit-nodes": [0.5]}
    return one | {kind: GENERATOR.uniform(90, 99, draws).tolist() for kind in many}


def devices_out(tables: Tables, space: str, held_out: Sequence[str], draws: int) -> dict[str, Any]:
    """Devices left out."""
    return {device: several("spearman", "coverage", count=draws)() for device in held_out}


def of_stack(*arguments: object) -> dict[str, float]:
    """Every figure of a stack."""
    from experiments.service.scaling import FIGURES

    return {what: number() for _, what in FIGURES}


def some_architectures(tables: Tables, quest: Any) -> Any:
    """Objective values of a few architectures, the best in one objective never the best in another."""
    values = GENERATOR.uniform(-80, 80, (50, len(quest.objectives)))
    np.fill_diagonal(values, 90)
    return values


SAMPLES = "experiments.generation.samples."
SHARES = numbers("valid_percent", "unique_percent", "novel_percent", low=40, high=99)
BLEND = numbers("auto", "gp", "neural", "gbdt")
STEERED = numbers("generated", "ranked", "weighed", low=90, high=95)
RIVALS = numbers(
    "generated", "seconds", "calls", "evolution_calls", "evolution_seconds", "random_calls", "random_seconds"
)
ANSWERS: dict[str, Callable[..., Any]] = {
    "experiments.generation.bounds.bounds_hold": lambda *a: [
        {"returned": 8.0, "held": 7.0, "exact": 8.0, "feasible_share": number()} for _ in range(a[-1])
    ],
    "experiments.generation.bounds.help_task": numbers(
        "selected", "latency", "accuracy", "distance", "best", low=1, high=5
    ),
    "experiments.generation.declared.designed": numbers(
        *("lines", "seconds", "processor_seconds", "declare_seconds", "train_seconds", "design_seconds"),
        *("valid", "returned", "within", "exact"),
    ),
    f"{SAMPLES}shared_training": lambda share, seeds: [SHARES() for _ in range(seeds)],
    f"{SAMPLES}uniform_draws": SHARES,
    f"{SAMPLES}raw_architectures": number,
    "experiments.deploy.costs.agreeing": lambda *a: dict.fromkeys(("torch", "onnx", "onnxruntime"), 100.0),
    "experiments.deploy.deploy.deployed": numbers(
        *("bundle", "backbone", "probe", "cell", "int8", "int8_share", "onnx_differs_per_500"),
        *("latency_of_bound", "seconds"),
    ),
    "experiments.deploy.simulated_device.held": several("bounds", "predicted", "measured", count=100),
    f"{SAMPLES}conditional_likelihood": numbers("exact", "many", "eight", "free"),
    f"{SAMPLES}in_a_process_of_its_own": lambda *a: (
        several("seconds", "cpu-seconds", "calls")() | {"peak_mb": 700.0}
    ),
    f"{SAMPLES}score_sde_samples": SHARES,
    f"{SAMPLES}score_sde_speed": numbers(
        "seconds", "cpu_seconds", "calls", "valid", "unique", "mean_accuracy", "uniform_accuracy"
    ),
    "experiments.asks.own_device.bounded_designs": lambda *a: {
        "uniform": number(),
        **{
            knowledge: {"over": 1, "trained": 2, "best": [70.0, 71.0], "succeeded": 1}
            for knowledge in ("auto", "none")
        },
    },
    "experiments.asks.batches._trained": lambda *a: (["a", "b"], ["a", "b", "a"], True),
    "experiments.asks.distinct.twins": lambda *a: {"function": [0, 0], "string": [7, 13]},
    "experiments.asks.own_tasks.designed_for_own_task": lambda *a: dict.fromkeys(
        ("nasbench201", "mnasnet", "fbnet", "ofa_mobilenetv3"), True
    ),
    "experiments.generation.steering.against_ranking": STEERED,
    "experiments.generation.steering.against_rivals": RIVALS,
    "experiments.predictors.calibration.evaluated": numbers("coverage", "width", "nll", low=88, high=92),
    "experiments.predictors.encoders.evaluated": prior_of_encoder,
    "experiments.predictors.encoders.search_runs": lambda tables, runs: several(
        "latent", "latent-nodes", "one-hot", "random", count=runs
    )(),
    "experiments.predictors.encoders.agreement_of_seeds": numbers("raw", "relative"),
    "experiments.predictors.latency.few_shot": numbers("random", "spoilt", "probe"),
    "experiments.predictors.latency.left_out": devices_out,
    "experiments.predictors.precision.transfer": numbers(
        "transfer", "source", "taught", "scratch-500", "scratch-50", "coverage"
    ),
    "experiments.predictors.predictors.few_labels": BLEND,
    "experiments.predictors.predictors.ablated": number,
    "experiments.predictors.predictors.transferred": BLEND,
    "experiments.predictors.predictors.noise": number,
    "experiments.predictors.predictors.authors_split": lambda *a: {
        kind: estimate() for kind in ("auto", "gp", "plain", "r2", "above-plain")
    },
    "experiments.search.bounded.quality_of_trees": lambda *a: {"accuracy@imagenet": [0.98, 0.99]},
    "experiments.search.bounded.bounded_search": lambda *a: GENERATOR.uniform(50, 60, 3).tolist(),
    "experiments.search.measured_latency._three_times": lambda *a: {
        name: several("values", "spreads", count=50)() for name in ("first", "second", "loaded")
    },
    "experiments.search.constants.correlation": number,
    "experiments.search.constants.best_from": number,
    "experiments.search.runs.search": searched,
    "experiments.search.own_space.own_search": number,
    "experiments.search.runs.honest": number,
    "experiments.search.seconds.suggestion_seconds": lambda *a: (
        {"usual": [0.1] * 9, "refit": [0.3], "posterior": [0.1] * 9, "slowest": [0.3]}
    ),
    "experiments.search.seconds.rivals_seconds": lambda *a: {"usual": [3.1, 3.2], "slowest": [3.2]},
    "experiments.search.training.study": numbers(
        "seconds", "evaluated", "killed", "trained_again", "accuracy", "test_accuracy", "rebuilt_difference"
    ),
    "experiments.service.in_process.features_per_second": several("wall", "core"),
    "experiments.service.in_process.trees_per_second": several("wall", "core"),
    "experiments.service.in_process.networks_per_second": several("wall", "core"),
    "experiments.service.in_process.embeddings_per_second": several("wall", "core"),
    "experiments.service.of_training._minutes": number,
    "experiments.service.over_http.measure_columns": several("columns", "columns-core"),
    "experiments.service.over_http.measure": several("columns", "columns-core", "single-p95", "single-core"),
    "experiments.service.quickstart.outcome": numbers("regret", "within_bounds", "returned"),
    "experiments.service.scaling.measure": of_stack,
    "experiments.service.scaling.scaling.<locals>.<listcomp>.<lambda>": number,
    "experiments.transfer.batches.measure": numbers("first", "speed", "single", "equal", low=5, high=9),
    "experiments.transfer.cells.proposed": numbers(
        "until-optimum", "until-near", "best-of-5", "spearman", low=1, high=9
    ),
    "experiments.transfer.cells.held_out": numbers("spearman", "within"),
    "experiments.transfer.closing_circle.circle": several("proposed", "random", "seconds"),
    "experiments.transfer.graphs.searched": searched,
    "experiments.transfer.read_back.graphs": lambda *a: [
        {"key": "accuracy@cora", "labels": 9, "inside": 0.8, "outside": 0.8}
    ],
    "experiments.transfer.read_back.pairs": lambda *a: [0.75, 0.74],
    "experiments.transfer.speed.measure": several("cold", "warm", count=20),
    "experiments.transfer.speed.answers": numbers("two-classes", "300-classes", "grey-28", "noise"),
}
"""Part → an answer in its shape."""


def answer(compute: Callable[..., Any], *arguments: object) -> Any:
    """Invents a part's answer."""
    return ANSWERS[f"{compute.__module__}.{compute.__qualname__}"](*arguments)


class Inventing(Context):
    """A context that computes nothing."""

    def once(self, part: str, compute: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        return answer(compute, *arguments)

    def each(self, name: str, compute: Callable[..., Any], *arguments: Any) -> list[Any]:
        return [answer(compute, self.tables, *arguments, seed) for seed in self.seeds]

    def all(self, parts: Sequence[Part], what: str) -> dict[str, Any]:
        return {part.name: answer(part.compute, self.tables, *part.arguments) for part in parts}


@pytest.mark.parametrize("full", [False, True], ids=["short", "full"])
@pytest.mark.parametrize("name", sorted(set(comparisons()) - {"reliability"}))
def test_rows_are_made_of_what_parts_answer(
    name: str, full: bool, tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from experiments.search import graphs, search
    from experiments.transfer import graphs as other_graphs
    from experiments.transfer import transfer

    monkeypatch.setattr(transfer, "far_rows", lambda context: [])  # it embeds images
    for module in (graphs, search, other_graphs):
        monkeypatch.setattr(module, "everything", some_architectures)
    monkeypatch.setattr("experiments.framework.run.Context", Inventing)
    found = run(name, tables=tables, cache_dir=tmp_path, full=full, root=tmp_path).comparison
    assert found.to_dict() == type(found).from_dict(found.to_dict()).to_dict()
    for row, origin in zip(found.rows, found.origins, strict=True):
        if row.kind is Kind.ABSENT:
            continue
        assert row.unit and row.value is not None
        assert row.kind is Kind.EXACT or row.standard_error is not None or row.statement
        if full and row.goal is not None and not origin.refused:
            decides(row)


def decides(row: Row) -> None:
    """A goal of the full form can be told: it has a spread, a test or an equality."""
    decided = row.p is not None or (row.goal is not None and row.goal.relation == "==") or row.over == "tasks"
    assert decided, f"{row.id} can be neither met nor missed"
    assert row.verdict is not Verdict.ABSENT
