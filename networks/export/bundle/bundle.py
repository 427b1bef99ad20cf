"""The bundle of a trained network: its files, measured, in one zip."""

import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from networks.export.bundle import predict
from networks.export.bundle.card import card_text, make_card
from networks.export.bundle.measure import FILES, measure
from networks.export.bundle.network_file import WEIGHTS, network_file
from networks.export.bundle.onnx_files import calibration_images, int8_onnx, pixels_onnx
from networks.export.bundle.origin import Origin
from networks.images.dataset import ImageSet
from networks.training.rebuild import config_of, rebuild

_DATE = (1980, 1, 1, 0, 0, 0)
"""Of the files in the zip, so that equal content is an equal zip."""
CARD, TEXT, LABELS, PREDICT = "card.json", "card.md", "labels.json", "predict.py"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle.

    Args:
        card: what ``card.json`` says.
        content: the zip.
    """

    card: dict[str, Any]
    content: bytes


def make_bundle(
    weights: bytes,
    images: ImageSet,
    origin: Origin,
    *,
    step: Callable[[str], None] = lambda what: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Bundle:
    """Writes the files of a trained network, then measures them as they lie there.

    Args:
        weights: safetensors of :func:`networks.training.checkpoint.pack_weights`.
        images: ``train`` for calibration, ``test`` for accuracy.
        origin: what else the card tells.
        step: called before each step with what is done; may raise to stop.
        should_stop: asked while the latency is measured.

    Raises:
        BadCheckpoint: the weights are none.
        WrongExport: ONNX Runtime computes something else than torch.
    """
    with tempfile.TemporaryDirectory(prefix="netwright-bundle-") as name:
        folder = Path(name)
        about = _write(folder, weights, images, step)
        measured = None
        if len(images.test):
            step("measuring the accuracy of the files")
            measured = measure(folder, images.test, lambda: step("")).to_dict()
        step("measuring the latency of the files")
        files = _described(folder)
        card = make_card(
            folder,
            about=about,
            images=images,
            origin=origin,
            accuracy=measured,
            files=files,
            should_stop=should_stop,
        )
        (folder / CARD).write_text(json.dumps(card, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
        (folder / TEXT).write_text(card_text(card), encoding="utf-8")
        return Bundle(card, _zipped(folder))


def _write(folder: Path, weights: bytes, images: ImageSet, step: Callable[[str], None]) -> dict[str, Any]:
    """Everything but the card; returns what the weights are of."""
    network, about = rebuild(weights)
    classes, side = about["classes"], images.side
    (folder / WEIGHTS).write_bytes(weights)
    (folder / LABELS).write_text(json.dumps(classes, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (folder / PREDICT).write_text(Path(predict.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    text = network_file(
        about["space"],
        about["architecture"],
        config_of(about),
        classes=classes,
        mean=about["mean"],
        std=about["std"],
    )
    (folder / FILES["torch"]).write_text(text, encoding="utf-8")
    step("writing network.onnx")
    metadata = {
        "space": about["space"],
        "architecture": about["architecture"],
        "labels": json.dumps(classes, ensure_ascii=False),
        "preprocessing": "in the graph: images are (n, height, width, 3) uint8, RGB, not normalized",
        "mean": json.dumps(about["mean"]),
        "std": json.dumps(about["std"]),
        "weights": f"sha256:{hashlib.sha256(weights).hexdigest()}",
    }
    content = pixels_onnx(network, side, tuple(about["mean"]), tuple(about["std"]), metadata)
    (folder / FILES["onnx"]).write_bytes(content)
    step("writing network.int8.onnx")
    (folder / FILES["int8"]).write_bytes(int8_onnx(content, calibration_images(images.train.x)))
    return about


def _described(folder: Path) -> dict[str, dict[str, object]]:
    """Length and digest of each file."""
    return {
        path.name: {
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in sorted(folder.iterdir())
    }


def _zipped(folder: Path) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            info = zipfile.ZipInfo(path.name, _DATE)
            info.external_attr = 0o644 << 16
            archive.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return file.getvalue()
