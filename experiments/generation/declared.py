"""A user space from its file to generated, constrained architectures, timed; its parameters against torch's.

Row ids begin with 6.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.tables import Tables
from experiments.framework.context import Context
from experiments.framework.machine import checkout
from experiments.framework.registry import comparison
from experiments.framework.row import NO_TABLE, Row

FILE = "examples/transformer_encoder.toml"
COUNT = 50
BOUNDS: dict[str, dict[str, float]] = {"params_m": {"min": 2.0, "max": 4.0}, "macs_m": {"max": 1500.0}}

PROTOCOL = f"""\
{FILE}: read, checked and counted, its generator trained on uniform draws, {COUNT} architectures designed with
params_m from 2 to 4 and macs_m at most 1500, smallest peak memory first. One process, one thread of torch.
Seconds are those of a clock on the wall, from the file to the result; nothing was trained before. Parameters
are compared with those of torch.nn.TransformerEncoder."""


def designed(tables: Tables, seed: int) -> dict[str, Any]:
    """One run: what each step took, and what came of it."""
    import torch

    from generator.masked.own import read_own, train_own
    from search.design import run_design
    from search.request.design_request import parse_request
    from spaces.declared.space import declare

    torch.set_num_threads(1)
    began, processor = time.perf_counter(), time.process_time()
    text = ((checkout() or Path()) / FILE).read_text(encoding="utf-8")
    space = declare(text)
    declared = time.perf_counter()
    weights, card = train_own(space, seed=seed)
    read_own(weights, space)
    trained = time.perf_counter()
    order = {
        "space": space.name,
        "task": space.tasks[0],
        "constraints": [{"metric": metric, **bound} for metric, bound in BOUNDS.items()],
        "objectives": [{"metric": "peak_memory_mb"}],
        "count": COUNT,
        "seed": seed,
    }
    rows = run_design(parse_request(order), tables=tables).result["architectures"]
    ended = time.perf_counter()
    assert isinstance(rows, list)
    strings = [row["architecture"] for row in rows]
    objects = [space.to_variables(codes) for codes in space.parse_many(strings)]
    exact = [
        round(1e6 * row["metrics"]["params_m"]["mean"]) == parameters(values)
        for row, values in zip(rows, objects, strict=True)
    ]
    within = [
        all(
            bound.get("min", 0.0) <= row["metrics"][metric]["mean"] <= bound["max"]
            for metric, bound in BOUNDS.items()
        )
        for row in rows
    ]
    return {
        "lines": sum(bool(line.strip()) for line in text.splitlines()),
        "seconds": ended - began,
        "processor_seconds": time.process_time() - processor,
        "declare_seconds": declared - began,
        "train_seconds": trained - declared,
        "design_seconds": ended - trained,
        "valid": card["valid_percent"],
        "returned": len(set(strings)),
        "within": 100.0 * sum(within) / max(len(within), 1),
        "exact": 100.0 * sum(exact) / max(len(exact), 1),
    }


def parameters(values: Mapping[str, Any]) -> int:
    """Parameters of the encoder as torch builds it; the kinds of attention have the same projections."""
    from torch import nn

    layer = nn.TransformerEncoderLayer(
        values["width"], values["heads"], values["ratio"] * values["width"], batch_first=True
    )
    encoder = nn.TransformerEncoder(layer, values["layers"], enable_nested_tensor=False)
    return sum(parameter.numel() for parameter in encoder.parameters())


@comparison("declared", protocol=PROTOCOL, seeds=1, full_seeds=3, alone=True)
def declared(context: Context) -> Sequence[Row]:
    """Every seed from the file on."""
    runs = [context.once(f"seed {seed}", designed, context.tables, seed) for seed in context.seeds]

    def row(name: str, key: str, unit: str, goal: str | None = None) -> Row:
        values = [run[key] for run in runs]
        return Row.measured(f"6-{name}", values, unit, goal=goal, evaluated_on=NO_TABLE)

    return [
        row("seconds", "seconds", "s", "<= 180"),
        row("processor-seconds", "processor_seconds", "s"),
        row("declare-seconds", "declare_seconds", "s"),
        row("train-seconds", "train_seconds", "s"),
        row("design-seconds", "design_seconds", "s"),
        row("returned", "returned", "architectures", f"== {COUNT}"),
        # Its costs are exact: what is returned holds the bounds by construction.
        row("within-bounds", "within", "%"),
        row("exact-parameters", "exact", "%", "== 100"),
        row("raw-validity", "valid", "%"),
        Row.exact("6-lines", runs[0]["lines"], "lines", source=FILE),
    ]
