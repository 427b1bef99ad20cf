"""Trains the device models that ship, from benchmark tables: ``netwright train devices``."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from benchmarks.tables import Tables
from predictors.devices.file import to_bytes
from predictors.devices.model import DeviceModel, Labels
from spaces.space import Codes, Floats, get_space

SPACES = ("nasbench201", "fbnet")
LABELS = 900
"""At most so many architectures of each device: what HELP's protocol allows; the rest evaluates."""
_MEASURED = 10


@dataclass(frozen=True, slots=True)
class TrainedDevice:
    """How well the model without a device predicts it, from ten random measurements.

    Args:
        spearman: rank correlation over the table's other architectures.
        coverage_percent: share of them within the 90 % interval.
    """

    space: str
    device: str
    spearman: float
    coverage_percent: float


def draw_labels(tables: Tables, space: str, *, seed: int = 0) -> Labels:
    """At most 900 architectures of each device of a space and their latencies."""
    drawn: dict[str, tuple[Codes, Floats]] = {}
    for name in get_space(space).devices:
        key = f"latency_ms@{name}"
        codes = tables.architectures(space, key)
        rows = np.random.default_rng([seed, *name.encode()]).permutation(len(codes))[:LABELS]
        drawn[name] = (codes[rows], tables.values(space, key, codes[rows]))
    return drawn


def train_devices(
    tables: Tables,
    folder: Path,
    *,
    seed: int = 0,
    spaces: Sequence[str] = SPACES,
    progress: Callable[[int, int, str], None] = lambda done, total, message: None,
) -> list[TrainedDevice]:
    """Writes a model and a card for every space whose latency table can be read; returns their figures."""
    readable = [
        name for name in spaces if tables.available(name, f"latency_ms@{get_space(name).devices[0]}") is None
    ]
    folder.mkdir(parents=True, exist_ok=True)
    trained = []
    for index, name in enumerate(readable):
        labels = draw_labels(tables, name, seed=seed)
        model = DeviceModel.train(get_space(name), labels, seed=seed)
        data = to_bytes(model)
        (folder / f"{name}.safetensors").write_bytes(data)
        rows = [_evaluate(tables, model, labels, device, seed) for device in model.known.names]
        (folder / f"{name}.md").write_text(_card(name, rows, tables, data), encoding="utf-8")
        trained += rows
        progress(index + 1, len(readable), name)
    return trained


def _evaluate(tables: Tables, model: DeviceModel, labels: Labels, device: str, seed: int) -> TrainedDevice:
    space = model.space.name
    key = f"latency_ms@{device}"
    codes = tables.architectures(space, key)
    values = tables.values(space, key, codes)
    rest = {name: labels[name] for name in labels if name != device}
    unseen = model.without({device}).calibrated(rest, counts=(_MEASURED,), draws=3, seed=seed)
    order = np.random.default_rng([seed, 1]).permutation(len(codes))
    given, held_out = order[:_MEASURED], order[_MEASURED:]
    prediction = unseen.fit(codes[given], values[given]).predict(codes[held_out])
    inside = (prediction.lower <= values[held_out]) & (values[held_out] <= prediction.upper)
    return TrainedDevice(
        space,
        device,
        round(float(spearmanr(prediction.mean, values[held_out]).statistic), 4),
        round(100 * float(inside.mean()), 2),
    )


def _card(space: str, rows: list[TrainedDevice], tables: Tables, data: bytes) -> str:
    sources = {column.source for column in tables.columns(space) if column.quantity.metric == "latency_ms"}
    lines = "\n".join(f"| `{row.device}` | {row.spearman:.3f} | {row.coverage_percent:.1f} |" for row in rows)
    return f"""# Devices of `{space}`

The shared latency model (`predictors/devices/model.py`): a linear function of exact features for each device,
learned from at most {LABELS} architectures drawn at random, and the errors of devices left out.

- **Data**: {"; ".join(sorted(sources))}
- **Command**: `netwright train devices`
- **Digest**: `sha256:{hashlib.sha256(data).hexdigest()}`, {len(data):,} bytes

Each device predicted by the model without it, fitted from {_MEASURED} random measurements (one draw): rank
correlation over the table's other architectures, and the share of them inside the 90 % interval. Devices that
differ in batch size alone stay known.

| device | Spearman | coverage % |
|---|---|---|
{lines}
"""
