"""What a person takes away from 2,000 images, beside what anyone could have had in the same time.

Row ids name the share of the whole backbone's latency at 96 pixels that is the bound: ``deploy-half-…``.
"""

import io
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from experiments.deploy.served import Served
from experiments.deploy.simulated_device import DEVICE_PROTOCOL, simulated_device_rows
from experiments.framework.context import Context
from experiments.framework.registry import comparison
from experiments.framework.row import NO_TABLE, Row

DATA, SIDE = "cifar10_jpeg", 96
SPACE, CELLS = "efficientnet_lite", "nasbench201"
BOUNDS = {"whole": 1.0, "half": 0.5, "quarter": 0.25}
IMAGES = (2000, 500)
EVALUATIONS, SEARCH_EPOCHS, FINISH_EPOCHS = 6, 3, 10
PROBED, SECONDS = 10, 0.5
RIVALS = ("backbone", "probe", "cell")
GUESS = 10.0

PROTOCOL = f"""\
CIFAR-10 (JPEG, 32×32) through the real HTTP API and two workers: {IMAGES[0]:,} images for training,
balanced and drawn for each seed ({IMAGES[1]} with --full as further rows), and all test images. Bounds
are 1, 1/2 and 1/4 of the latency of the whole EfficientNet-Lite0 at {SIDE} pixels in ONNX Runtime with
one thread on this machine, which the design knows by {PROBED} measured architectures. bundle:
{EVALUATIONS} evaluations of {SEARCH_EPOCHS} epochs, the best finished with {FINISH_EPOCHS} epochs, the
accuracy of its network.onnx. backbone: the whole backbone at the largest resolution within the bound,
finished alike. probe: a linear probe on it. cell: the better of two cells of {CELLS}, from new weights
for as many epochs as fit into the time that the bundle took. Accuracies are of the test images, which
choose nothing; paired over seeds, Holm over bounds. Where no resolution of the backbone is within the
bound, it and the probe count as 10 %, a guess. {DEVICE_PROTOCOL}"""


def deployed(data: Path, fraction: float, count: int, seed: int) -> dict[str, float]:
    """One bound, one seed: test accuracies in percent, and what the files of the bundle measure."""
    from workers.stack import Stack, StackOptions

    with tempfile.TemporaryDirectory(prefix="netwright-deploy-") as name:
        folder = Path(name)
        images = drawn_images(data, folder / "images", count, seed)
        environment = {
            "NETWRIGHT_IMAGES": str(images),
            "NETWRIGHT_CACHE_DIR": str(folder / "cache"),
            "OMP_NUM_THREADS": "1",
        }
        options = StackOptions(folder / "data", workers=2, environment=environment, log_dir=folder / "logs")
        with Stack(options) as stack, closing(Served(stack.url)) as served:
            return _run(served, fraction, seed)


def drawn_images(data: Path, folder: Path, count: int, seed: int) -> Path:
    """A folder with ``photos.npz``: so many training images, of each class as many, and all test images."""
    from networks.images.dataset import load_images

    whole = load_images(data, DATA, side=32, validate=False)
    rng = np.random.default_rng(seed)
    each = count // len(whole.classes)
    chosen = np.concatenate(
        [
            rng.permutation(np.flatnonzero(whole.train.y == label))[:each]
            for label in range(len(whole.classes))
        ]
    )
    folder.mkdir(parents=True)
    np.savez(
        folder / "photos.npz",
        x=whole.train.x[chosen], y=whole.train.y[chosen], x_test=whole.test.x, y_test=whole.test.y,
    )  # fmt: skip
    return folder


def _run(served: Served, fraction: float, seed: int) -> dict[str, float]:
    from experiments.deploy.simulated_device import timed
    from spaces.known import get_space

    space: Any = get_space(SPACE)
    chosen = served.get(f"/v1/spaces/{SPACE}/probe", count=PROBED)["architectures"]
    probed = [{"architecture": each, "value": timed(each, threads=1, seconds=SECONDS)} for each in chosen]
    board = {"name": "board", "space": SPACE, "metric": "latency_ms", "measurements": probed}
    served.post("/v1/devices", board)
    bound = fraction * timed(space.whole(SIDE), threads=1, seconds=SECONDS)
    began = time.monotonic()
    job = served.post(
        "/v1/designs",
        {
            "task": "photos",
            "constraints": [{"metric": "latency_ms", "device": "board", "max": bound}],
            "evaluations": EVALUATIONS,
            "evaluator": "training",
            "evaluator_options": {"training": {"recipe": {"epochs": SEARCH_EPOCHS}}},
            "finish": 1,
            "finish_options": {"recipe": {"epochs": FINISH_EPOCHS}},
            "seed": seed,
        },
    )
    result = served.result(job["id"])
    finished = result["architectures"][0]["finished"]
    card = served.result(finished["job"])["card"]
    seconds = time.monotonic() - began
    with zipfile.ZipFile(io.BytesIO(served.bundle(finished["network"]))) as archive:
        measured = timed_file(archive.read("network.onnx"))
    compared = result["baselines"]
    plain = compared.get("finished")
    backbone = None if plain is None else served.result(plain["job"])["card"]["accuracy"]
    probe = (compared.get("linear_probe") or {}).get("test_accuracy")
    accuracy, files = card["accuracy"], card["files"]
    return {
        "bundle": accuracy["onnx"]["percent"],
        "backbone": GUESS if backbone is None else backbone["onnx"]["percent"],
        "probe": GUESS if probe is None else probe,
        "cell": _cell(served, seconds, seed),
        "int8": accuracy["int8"]["percent"],
        "int8_share": 100.0 * files["network.int8.onnx"]["bytes"] / files["network.onnx"]["bytes"],
        "onnx_differs_per_500": 500.0 * accuracy["onnx_differs_on"] / accuracy["images"],
        "latency_of_bound": measured / bound,
        "seconds": seconds,
    }


def timed_file(content: bytes) -> float:
    """Milliseconds of one image by a bundle's file, whose preprocessing is in it."""
    from networks.latency.measure import measure_latency
    from networks.latency.options import LatencyOptions

    found = measure_latency(content, LatencyOptions(threads=1, seconds=SECONDS))
    assert found is not None
    return float(found.timing.value)


def _cell(served: Served, seconds: float, seed: int) -> float:
    """Test accuracy of the better of two cells from new weights, trained for about so many seconds."""
    options = {"training": {"recipe": {"epochs": 2}}}
    order = {"space": CELLS, "task": "photos", "evaluations": 2, "evaluator": "training", "count": 1}
    job = served.post("/v1/designs", order | {"evaluator_options": options, "seed": seed})
    best = served.result(job["id"])["architectures"][0]
    an_epoch = best["evaluation"]["training"]["trainings"][0]["seconds"] / 2
    epochs = int(min(max(seconds / an_epoch, 1), 1000))
    body = {"job": job["id"], "rank": 1, "recipe": {"epochs": epochs}, "seed": seed}
    finished = served.post("/v1/networks", body)
    return float(served.result(finished["id"])["card"]["accuracy"]["onnx"]["percent"])


def _rows(context: Context) -> list[Row]:
    """Accuracies, differences, and whether the bundle is ahead where the bound is tightest."""
    data = context.tables.data_dir
    if data is None or not (data / f"{DATA}.tar.xz").is_file():
        reason = f"{DATA}.tar.xz is not in NETWRIGHT_DATA"
        return [
            Row.absent(name, reason, unit, goal=goal, evaluated_on=NO_TABLE)
            for name, (unit, goal) in _GOALS.items()
        ]
    runs = {
        (bound, count): [
            context.once(f"{bound} {count} seed {seed}", deployed, data, fraction, count, seed)
            for seed in context.seeds
        ]
        for bound, fraction in BOUNDS.items()
        for count in (IMAGES if context.full else IMAGES[:1])
    }
    rows = []
    for (bound, count), each in runs.items():
        prefix = f"deploy-{bound}" if count == IMAGES[0] else f"deploy-{bound}-of-{count}"
        rows += _figures(prefix, each, goals=count == IMAGES[0])
    tightest = list(BOUNDS)[-1]
    tasks = {
        bound: (_of(runs[bound, IMAGES[0]], "bundle"), _rivals(runs[bound, IMAGES[0]])) for bound in BOUNDS
    }
    rows.append(Row.tasks_ahead("deploy-bounds-ahead", tasks, evaluated_on=NO_TABLE))
    rows.append(
        Row.tasks_ahead(
            "deploy-tightest-ahead", {tightest: tasks[tightest]}, goal="== 1", evaluated_on=NO_TABLE
        )
    )
    return rows


def _figures(prefix: str, runs: Sequence[Mapping[str, float]], *, goals: bool) -> list[Row]:
    units = {
        **{name: ("%", None) for name in ("bundle", *RIVALS)},
        "int8-behind": ("points", "<= 1"),
        "int8-share": ("%", "<= 30"),
        "onnx-differs": ("images of 500", "<= 1"),
        "latency-of-bound": ("times", None),
        "minutes": ("min", None),
        **{f"behind-{rival}": ("points", "<= 1") for rival in RIVALS},
    }
    values = {name: _of(runs, name) for name in ("bundle", *RIVALS)}
    values["int8-behind"] = [run["bundle"] - run["int8"] for run in runs]
    values["int8-share"] = _of(runs, "int8_share")
    values["onnx-differs"] = _of(runs, "onnx_differs_per_500")
    values["latency-of-bound"] = _of(runs, "latency_of_bound")
    values["minutes"] = [run["seconds"] / 60 for run in runs]
    values |= {f"behind-{rival}": [run[rival] - run["bundle"] for run in runs] for rival in RIVALS}
    return [
        Row.measured(
            f"{prefix}-{name}", values[name], unit,
            goal=goal if goals else None, evaluated_on=NO_TABLE, source="CIFAR-10",
        )
        for name, (unit, goal) in units.items()
    ]  # fmt: skip


def _of(runs: Sequence[Mapping[str, float]], name: str) -> list[float]:
    return [run[name] for run in runs]


def _rivals(runs: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    return {rival: _of(runs, rival) for rival in RIVALS}


_GOALS: dict[str, tuple[str, str | None]] = {
    "deploy-tightest-ahead": ("tasks of 1", "== 1"),
    **{
        f"deploy-{bound}-{name}": (unit, goal)
        for bound in BOUNDS
        for name, unit, goal in (
            *((f"behind-{rival}", "points", "<= 1") for rival in RIVALS),
            ("int8-behind", "points", "<= 1"),
            ("int8-share", "%", "<= 30"),
            ("onnx-differs", "images of 500", "<= 1"),
        )
    },
}


@comparison("deploy", protocol=PROTOCOL, seeds=1, full_seeds=5, trains=True, alone=True, hours=12.0)
def deploy(context: Context) -> Sequence[Row]:
    """Bundles beside what anyone could have had, then a device of ten measurements."""
    return [*context.section(_rows), *context.section(simulated_device_rows)]
