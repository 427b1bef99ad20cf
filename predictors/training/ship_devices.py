"""Trains the device models that ship, from benchmark tables or simulations: ``netwright train devices``."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from benchmarks.tables import Tables
from predictors.devices.file import to_bytes
from predictors.devices.model import DeviceModel, FittedDevice, Labels
from predictors.training.simulated_devices import DEVICES, NOISE, Machine, latencies, simulated
from spaces.families.efficientnet_lite import LiteSpace
from spaces.known import get_space
from spaces.space import Codes, Floats, Space

MEASURED = ("nasbench201", "fbnet")
SIMULATED = ("efficientnet_lite",)
"""Spaces without any table of latencies, whose devices are simulated (:mod:`.simulated_devices`)."""
SPACES = (*MEASURED, *SIMULATED)
LABELS = 900
"""At most so many architectures of each device: what HELP's protocol allows; the rest evaluates."""
_MEASURED = 10
_HELD_OUT, _NEW = 500, 20
"""Architectures that a simulated device is evaluated on, and such devices."""


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
        name
        for name in spaces
        if name in SIMULATED or tables.available(name, f"latency_ms@{get_space(name).devices[0]}") is None
    ]
    folder.mkdir(parents=True, exist_ok=True)
    trained = []
    for index, name in enumerate(readable):
        progress(index, len(readable), name)
        if name in SIMULATED:
            trained += _simulated(name, folder, seed)
            continue
        labels = draw_labels(tables, name, seed=seed)
        model = DeviceModel.train(get_space(name), labels, seed=seed)
        data = to_bytes(model)
        (folder / f"{name}.safetensors").write_bytes(data)
        rows = [_evaluate(tables, model, labels, device, seed) for device in model.known.names]
        (folder / f"{name}.md").write_text(_card(name, rows, tables, data), encoding="utf-8")
        trained += rows
    progress(len(readable), len(readable), "written")
    return trained


def _simulated(name: str, folder: Path, seed: int) -> list[TrainedDevice]:
    """Writes the model of a space without a table, evaluated on machines that it did not learn from."""
    space = get_space(name)
    assert isinstance(space, LiteSpace)
    model = DeviceModel.train(space, simulated(space, seed=seed), seed=seed)
    data = to_bytes(model)
    (folder / f"{name}.safetensors").write_bytes(data)
    probe, held_out = model.probe(_MEASURED), space.sample(_HELD_OUT, np.random.default_rng([seed, 2]))
    rows = []
    for index in range(_NEW):
        rng = np.random.default_rng([seed, 3, index])
        machine = Machine.drawn(rng)
        noise = np.exp(NOISE * rng.standard_normal(len(probe)))
        fitted = model.fit(probe, latencies(space, probe, machine) * noise)
        rows.append(_evaluated(name, f"new{index}", fitted, held_out, latencies(space, held_out, machine)))
    (folder / f"{name}.md").write_text(_simulated_card(space, rows, data), encoding="utf-8")
    return rows


def _evaluated(space: str, device: str, fitted: FittedDevice, codes: Codes, values: Floats) -> TrainedDevice:
    """A fitted device on architectures that it was not fitted to."""
    prediction = fitted.predict(codes)
    inside = (prediction.lower <= values) & (values <= prediction.upper)
    rank = float(spearmanr(prediction.mean, values).statistic)
    return TrainedDevice(space, device, round(rank, 4), round(100 * float(inside.mean()), 2))


def _evaluate(tables: Tables, model: DeviceModel, labels: Labels, device: str, seed: int) -> TrainedDevice:
    space = model.space.name
    key = f"latency_ms@{device}"
    codes = tables.architectures(space, key)
    values = tables.values(space, key, codes)
    rest = {name: labels[name] for name in labels if name != device}
    unseen = model.without({device}).calibrated(rest, counts=(_MEASURED,), draws=3, seed=seed)
    order = np.random.default_rng([seed, 1]).permutation(len(codes))
    given, held_out = order[:_MEASURED], order[_MEASURED:]
    fitted = unseen.fit(codes[given], values[given])
    return _evaluated(space, device, fitted, codes[held_out], values[held_out])


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


def _simulated_card(space: Space, rows: list[TrainedDevice], data: bytes) -> str:
    lines = "\n".join(f"| `{row.device}` | {row.spearman:.3f} | {row.coverage_percent:.1f} |" for row in rows)
    return f"""# Devices of `{space.name}`

The shared latency model (`predictors/devices/model.py`): a linear function of exact features for each device.
No table of latencies of this space is published, so the devices are simulated.

- **Data**: {DEVICES} machines drawn at random from a roofline model
  (`predictors/training/simulated_devices.py`); nothing measured
- **Command**: `netwright train devices`
- **Digest**: `sha256:{hashlib.sha256(data).hexdigest()}`, {len(data):,} bytes

{len(rows)} machines of the same simulation that the model did not learn from, fitted from the {_MEASURED}
architectures of `netwright devices probe` with {NOISE:.0%} noise: rank correlation over {_HELD_OUT} others,
and the share of them inside the 90 % interval. A machine whose layers cost otherwise than a roofline says is
predicted worse; the intervals widen with the errors on its own measurements.

| device | Spearman | coverage % |
|---|---|---|
{lines}
"""
