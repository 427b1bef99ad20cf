"""Valid requests, which attacks and drills need beside the invalid ones."""

import io
import time
from typing import Any

import numpy as np

from experiments.reliability.target import Target, call
from spaces.known import get_space

SPACE, TASK = "nasbench201", "cifar10-int8-ptq"

DESIGN: dict[str, Any] = {
    "space": SPACE,
    "task": TASK,
    "constraints": [{"metric": "params_m", "max": 0.8}],
    "count": 4,
    "evaluations": 6,
    "evaluator": "table",
    "knowledge": "none",
}
"""A small design whose truth comes with a package."""


def architectures(count: int, seed: int) -> list[str]:
    """Architectures of the space, all different."""
    space = get_space(SPACE)
    drawn = space.format(space.sample(4 * count, np.random.default_rng(seed)))
    return list(dict.fromkeys(drawn))[:count]


def predictor(kind: str, count: int, seed: int) -> dict[str, Any]:
    """An order for a predictor of accuracies made up by a formula."""
    drawn = architectures(count, seed)
    labels = [{"architecture": a, "value": 60.0 + 5.0 * a.count("nor_conv_3x3")} for a in drawn]
    return {"space": SPACE, "metric": "accuracy", "task": "cifar10", "kind": kind, "observations": labels}


def declaration(name: str) -> dict[str, Any]:
    """A small space of one's own."""
    return {
        "declaration": {
            "name": name,
            "variables": {"layers": [1, 2, 3], "width": [16, 32, 64]},
            "costs": {"params_m": "layers * width * (width + 1) / 1e6"},
        }
    }


def images(seed: int) -> bytes:
    """An npz of two classes with four small images each."""
    made = io.BytesIO()
    x = np.random.default_rng(seed).integers(0, 255, (8, 16, 16, 3), dtype=np.uint8)
    np.savez(made, x=x, y=np.arange(8) % 2)
    return made.getvalue()


def form(name: str, file: bytes, mark: str = "netwright-form") -> tuple[bytes, dict[str, str]]:
    """A multipart body of ``POST /v1/tasks`` and its header."""
    head = f'--{mark}\r\nContent-Disposition: form-data; name="name"\r\n\r\n{name}\r\n--{mark}\r\n'
    head += 'Content-Disposition: form-data; name="file"; filename="f"\r\n'
    head += "Content-Type: application/octet-stream\r\n\r\n"
    body = head.encode() + file + f"\r\n--{mark}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={mark}"}


def ended(target: Target, job: str, seconds: float = 180.0) -> dict[str, Any]:
    """A job once it is in its last state, or as it is after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        status, found = call(target, "GET", f"/v1/jobs/{job}")
        done = status == 200 and found["state"] in ("succeeded", "failed", "cancelled", "infeasible")
        if done or time.monotonic() > deadline:
            return dict(found) if status == 200 else {"state": f"unknown: {status}"}
        time.sleep(0.2)
