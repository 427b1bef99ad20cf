"""A device known from ten measurements: do the bounds that it predicts hold where they are measured?

The device is this machine's ONNX Runtime with another number of threads than the one that costs are reported
with; nothing of it is published, and no model was trained on it.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tables import Tables
from experiments.framework.context import Context
from experiments.framework.row import NO_TABLE, Row

SPACE, TASK, CLASSES = "efficientnet_lite", "mine", 5
THREADS = 2
PROBED, RETURNED = 10, 100
QUANTILES = (0.75, 0.5)
"""Of the probe's latencies: the bounds, half of the architectures each."""
SECONDS = 0.3
LEAST = 85

DEVICE_PROTOCOL = f"""\
A device is this machine's ONNX Runtime with {THREADS} threads. The {PROBED} architectures of the probe of
{SPACE} are exported and timed; a design for a task of someone's own ({CLASSES} classes, an embedding
without images) then asks for {RETURNED // 2} architectures under each of two bounds, the {QUANTILES}
quantiles of these latencies, at 90 % confidence and without evaluations. Each is exported and timed
alike. How many of {RETURNED} hold their bound (of {RETURNED // 5} without --full); the ratio of measured
to predicted latency."""


def held(tables: Tables, returned: int, seed: int) -> dict[str, list[float]]:
    """Bound, predicted and measured latency of each architecture."""
    import torch

    from encoders.tasks.embedding import VERSION, WIDTH, TaskEmbedding
    from predictors.devices.measured import MeasuredDevice
    from predictors.devices.shipped import load
    from search.design import run_design
    from search.evaluator import Bench
    from search.request.design_request import parse_request
    from search.request.uploaded_task import UploadedTask
    from spaces.known import get_space
    from store.blobs.memory import MemoryBlobs

    torch.set_num_threads(1)
    space, blobs, rng = get_space(SPACE), MemoryBlobs(), np.random.default_rng(seed)
    probed = space.format(load(SPACE).probe(PROBED))
    latencies = [timed(architecture) for architecture in probed]
    device = MeasuredDevice(SPACE, "board", "latency_ms", tuple(zip(probed, latencies, strict=True)))
    prototypes = 0.05 * rng.normal(size=(CLASSES, WIDTH)).astype(np.float32)
    embedding = TaskEmbedding(prototypes, tuple("abcde"), 60, VERSION, "images")
    task = UploadedTask(TASK, CLASSES, blobs.put(embedding.to_bytes()), VERSION)
    found: dict[str, list[float]] = {"bounds": [], "predicted": [], "measured": []}
    for quantile in QUANTILES:
        bound = float(np.quantile(latencies, quantile))
        order = {
            "space": SPACE,
            "task": TASK,
            "constraints": [{"metric": "latency_ms", "device": "board", "max": bound}],
            "count": returned // len(QUANTILES),
            "confidence": 0.9,
            "seed": seed,
        }
        request = parse_request(order, [device], task)
        rows: Any = run_design(request, tables=tables, bench=Bench(tables, blobs=lambda: blobs)).result
        for row in rows["architectures"]:
            found["bounds"].append(bound)
            found["predicted"].append(row["metrics"]["latency_ms@board"]["mean"])
            found["measured"].append(timed(row["architecture"]))
    return found


def timed(architecture: str, threads: int = THREADS, seconds: float = SECONDS) -> float:
    """Milliseconds of one image, by the script that people carry to their device."""
    from networks.latency.onnx_file import onnx_bytes
    from networks.latency.probe.measure import latency_ms
    from spaces.known import get_space

    network = get_space(SPACE).network_config(classes=CLASSES)
    with tempfile.TemporaryDirectory(prefix="netwright-deploy-") as name:
        file = Path(name) / "network.onnx"
        file.write_bytes(onnx_bytes(SPACE, architecture, network, cache_dir=None))
        return float(latency_ms(file, threads, seconds))


def simulated_device_rows(context: Context) -> list[Row]:
    """The share that holds, and how far predictions are from what is measured."""
    returned = RETURNED if context.full else RETURNED // 5
    seed = context.seeds[0]
    seen = context.once(f"device {returned} {seed}", held, context.tables, returned, seed)
    bounds, predicted, measured = (np.array(seen[name]) for name in ("bounds", "predicted", "measured"))
    right = int((measured <= bounds).sum())
    return [
        Row.share(
            "device-of-ten-bounds-that-hold", right, len(bounds), over="architectures",
            goal=f">= {LEAST}", evaluated_on=NO_TABLE,
        ),
        Row.quantile(
            "device-of-ten-measured-by-predicted", measured / predicted, 0.5, "times", over="architectures"
        ),
    ]  # fmt: skip
