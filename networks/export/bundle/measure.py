"""The accuracies of a bundle, measured from its files and from nothing else."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from networks.export.bundle.network_file import WEIGHTS
from networks.export.bundle.wilson import wilson
from networks.images.dataset import Part
from networks.images.decode import Pixels

FILES = {"torch": "network.py", "onnx": "network.onnx", "int8": "network.int8.onnx"}
"""What is measured → the file that computes it."""
BATCH = 64
CONFIDENCE = 0.95

Scores = Callable[[Pixels], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Measured:
    """What the files of a bundle answered.

    Args:
        answers: file → class of each image (n,).
        labels: the right ones (n,).
    """

    answers: dict[str, NDArray[np.int64]]
    labels: NDArray[np.int64]

    def to_dict(self) -> dict[str, object]:
        """Accuracy of each file in percent with its Wilson interval, and on how many images ONNX differs."""
        count = len(self.labels)
        figures: dict[str, object] = {"images": count, "interval": "Wilson", "confidence": CONFIDENCE}
        for name, answers in self.answers.items():
            right = int((answers == self.labels).sum())
            lower, upper = wilson(right, count)
            figures[name] = {
                "percent": round(100 * right / count, 4),
                "right": right,
                "lower": round(lower, 4),
                "upper": round(upper, 4),
            }
        torch = self.answers["torch"]
        figures["onnx_differs_on"] = int((self.answers["onnx"] != torch).sum())
        figures["int8_differs_on"] = int((self.answers["int8"] != torch).sum())
        return figures


def measure(folder: Path, part: Part, check: Callable[[], None] = lambda: None) -> Measured:
    """Answers of the torch, ONNX and int8 files on images.

    Args:
        folder: of the bundle's files.
        part: the images; at least one.
        check: called between batches; may raise to stop.
    """
    answers = {}
    for name, scores in scorers(folder).items():
        found = []
        for start in range(0, len(part), BATCH):
            check()
            found.append(scores(np.ascontiguousarray(part.x[start : start + BATCH])).argmax(axis=1))
        answers[name] = np.concatenate(found)
    return Measured(answers, np.asarray(part.y))


def scorers(folder: Path) -> dict[str, Scores]:
    """What turns images (b, side, side, 3) uint8 into scores (b, classes), for each file."""
    return {
        "torch": _torch(folder),
        "onnx": _onnx(folder / FILES["onnx"]),
        "int8": _onnx(folder / FILES["int8"]),
    }


def _torch(folder: Path) -> Scores:
    """``network.py`` with its weights, as somebody else would load it."""
    import torch

    spec = importlib.util.spec_from_file_location("network", folder / FILES["torch"])
    assert spec is not None and spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = module.load(folder / WEIGHTS)

    def scores(images: Pixels) -> NDArray[np.float32]:
        with torch.inference_mode():
            found: NDArray[np.float32] = network(module.normalized(torch.from_numpy(images))).numpy()
        return found

    return scores


def _onnx(path: Path) -> Scores:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    taken = [given.name for given in session.get_inputs()]  # none where the image is not looked at

    def scores(images: Pixels) -> NDArray[np.float32]:
        found: NDArray[np.float32]
        (found,) = session.run(["scores"], dict.fromkeys(taken, images))
        return found

    return scores
