"""The card of a bundle: what the network is, what it learned from, and what its files measure."""

import platform
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from networks.export.bundle.measure import FILES
from networks.export.bundle.onnx_files import CALIBRATION_IMAGES
from networks.export.bundle.origin import Origin
from networks.images.dataset import ImageSet
from networks.latency.machine import about_machine
from networks.latency.measure import measure_latency
from spaces.known import get_space

FORMAT = "netwright-bundle-1"
_VERSIONS = ("netwright", "torch", "onnx", "onnxruntime", "numpy", "pillow")


def make_card(
    folder: Path,
    *,
    about: Mapping[str, Any],
    images: ImageSet,
    origin: Origin,
    accuracy: Mapping[str, object] | None,
    files: Mapping[str, Mapping[str, object]],
    should_stop: Callable[[], bool],
) -> dict[str, Any]:
    """``card.json``; the latency is measured here.

    Args:
        folder: of the files.
        about: what the weights say of themselves.
        images: what was learned from, and the test images.
        origin: how the weights came to be.
        accuracy: of the files; None without test images.
        files: length and digest of each.
        should_stop: asked while the latency is measured.
    """
    costs = _costs(about)
    return {
        "format": FORMAT,
        "space": about["space"],
        "architecture": about["architecture"],
        "network": about["options"]["network"],
        "classes": len(about["classes"]),
        "data": images.about() | {"train_digest": images.train.digest(), "test_digest": images.test.digest()},
        "training": dict(origin.training),
        "search": dict(origin.search),
        "accuracy": accuracy,
        "costs": {
            "params": round(costs["params_m"] * 1e6),
            "macs_m": round(costs["macs_m"], 6),
            "peak_memory_mb": {
                "onnx": round(costs["peak_memory_mb"], 6),
                "int8": round(costs["peak_memory_mb"] / 4, 6),
                "of": "live activations of one image, in 32 and in 8 bits",
            },
            "flash_bytes": {name: files[FILES[name]]["bytes"] for name in ("onnx", "int8")},
        },
        "latency": {
            "worker": _latency(folder, origin, should_stop),
            "predicted": dict(origin.predicted),
        },
        "int8": {
            "method": "ONNX Runtime static quantization, QDQ, weights per channel, MinMax",
            "activations": "uint8",
            "weights": "int8",
            "calibration_images": min(CALIBRATION_IMAGES, len(images.train)),
        },
        "files": dict(files),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in _VERSIONS}},
    }


def _costs(about: Mapping[str, Any]) -> dict[str, float]:
    """The exact costs of the network, as a design's result has them."""
    from networks.training.rebuild import config_of

    space = get_space(about["space"])
    costs = space.costs(space.parse(about["architecture"])[None], config_of(about))
    return {name: float(values[0]) for name, values in costs.items()}


def _latency(folder: Path, origin: Origin, should_stop: Callable[[], bool]) -> dict[str, object]:
    """Of one image on this machine, from the files."""
    latencies: dict[str, object] = {**about_machine(), "threads": origin.latency.threads, "batch": 1}
    for name in ("onnx", "int8"):
        content = (folder / FILES[name]).read_bytes()
        latency = measure_latency(content, origin.latency, should_stop=should_stop)
        latencies[name] = None if latency is None else latency.timing.to_dict()
    return latencies


def card_text(card: Mapping[str, Any]) -> str:
    """``card.md``: the same for people."""
    data, training, costs = card["data"], card["training"], card["costs"]
    lines = [
        f"# A network of {card['space']} for {data['data']}",
        "",
        f"`{card['architecture']}`",
        "",
        f"{card['classes']} classes, images of {data['side']}×{data['side']} pixels (RGB, uint8); the"
        " preprocessing is in the ONNX graph. `python predict.py IMAGE` needs onnxruntime, numpy and pillow.",
        "",
        "## Accuracy",
        "",
        *_accuracy_lines(card),
        "",
        "## Costs",
        "",
        f"{costs['params']:,} parameters, {costs['macs_m']:.2f} million multiply-accumulates.",
        "",
        "| file | bytes | live activations (MB) | latency (ms) |",
        "|---|---:|---:|---:|",
        *(
            f"| {FILES[name]} | {costs['flash_bytes'][name]:,} | {costs['peak_memory_mb'][name]:.4f} "
            f"| {_milliseconds(card['latency']['worker'][name])} |"
            for name in ("onnx", "int8")
        ),
        "",
        f"Latency of one image, {card['latency']['worker']['threads']} thread(s) of ONNX Runtime on the "
        f"machine that trained it ({card['latency']['worker']['cpu']}).",
        *(f"Predicted {key}: {value}" for key, value in card["latency"]["predicted"].items()),
        "",
        "## Training",
        "",
        f"{data['train_images']:,} images, from {training['from']}, seed {training['seed']}, "
        f"{training['epochs']} epochs, {training['seconds']:.1f} s. No choice was made by the test images.",
        "",
        "| recipe | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in training["recipe"].items()),
        "",
        "## Data",
        "",
        *(f"- {name}: {value}" for name, value in data.items()),
        "",
        "## Files and versions",
        "",
        *(
            f"- {name}: {entry['bytes']:,} bytes, sha256 {entry['sha256']}"
            for name, entry in card["files"].items()
        ),
        *(f"- {name} {number}" for name, number in card["versions"].items()),
    ]
    return "\n".join(lines) + "\n"


def _accuracy_lines(card: Mapping[str, Any]) -> list[str]:
    accuracy = card["accuracy"]
    if accuracy is None:
        return ["There are no test images, and too few others to set any apart: nothing is promised."]
    by = (
        "its makers"
        if card["data"]["test_by"] == "makers"
        else "content before the search: a fifth of each class"
    )
    return [
        f"On {accuracy['images']:,} test images, set apart by {by}; measured from these files.",
        "",
        "| file | accuracy (%) | 95 % interval (Wilson) |",
        "|---|---:|---:|",
        *(
            f"| {file} | {accuracy[name]['percent']:.2f} "
            f"| {accuracy[name]['lower']:.2f} to {accuracy[name]['upper']:.2f} |"
            for name, file in FILES.items()
        ),
        "",
        f"network.onnx answers otherwise than torch on {accuracy['onnx_differs_on']} images, "
        f"network.int8.onnx on {accuracy['int8_differs_on']}.",
    ]


def _milliseconds(timing: Mapping[str, Any] | None) -> str:
    return "not measured" if timing is None else f"{timing['value_ms']:.3f}"
