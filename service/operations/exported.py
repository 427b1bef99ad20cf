"""Files of one architecture's network: what a route gives away."""

import json
import re
from collections.abc import Mapping
from typing import Literal

from fastapi import Response

from networks.build import codes_of
from networks.export import draw, program
from networks.export.document import document
from networks.export.graph_program import GRAPHS
from networks.plan import NoNetwork, plan_network
from search.request.design_request import FieldError
from service.children.child_process import run_child
from service.http.problems import finite, invalid
from spaces.costs.network_config import NetworkConfig
from spaces.known import get_space

Written = Literal["torch", "onnx", "json", "svg"]
MEDIA: Mapping[str, tuple[str, str]] = {
    "torch": ("py", "text/x-python"),
    "onnx": ("onnx", "application/octet-stream"),
    "json": ("json", "application/json"),
    "svg": ("svg", "image/svg+xml"),
    "weights": ("safetensors", "application/octet-stream"),
}
"""Format → ending of the file's name, media type."""
ONNX_SECONDS = 60.0


def written(
    space: str,
    architecture: str,
    network: NetworkConfig,
    format: Written,
    *,
    task: str | None,
    predictions: Mapping[str, object] | None = None,
) -> str | bytes:
    """A file of a network; ONNX is made by a child process, with random weights.

    Args:
        space: its name, declared or built in.
        architecture: canonical string.
        network: which network of the architecture.
        format: of the file.
        task: that the file names.
        predictions: that a JSON file holds too.

    Raises:
        Problem: 422 where the space has no networks; 503 where ONNX takes too long.
    """
    try:
        if format == "torch":
            return program(space, architecture, network)
        if format == "svg":
            return draw(space, architecture, network, task=task)
        if format == "json":
            made = document(space, architecture, network, predictions=predictions)
            made["task"] = task
            return json.dumps(finite(made), ensure_ascii=False, indent=2, allow_nan=False)
        # A space without such networks starts no process.
        plan_network(space, codes_of(space, architecture), network)
    except NoNetwork:
        others = "torch, json or svg" if space == GRAPHS else "json or svg"
        message = f"{get_space(space).title} has no networks to build as {format}"
        problem = FieldError("format", message, others)
        raise invalid([problem]) from None
    return onnx_by_child({"space_name": space, "architecture": architecture, "network": network.to_dict()})


def onnx_by_child(order: Mapping[str, object]) -> bytes:
    """An ONNX file, by a process of its own; see ``networks.export.onnx_file`` for the order."""
    return run_child("networks.export.onnx_file", order, seconds=ONNX_SECONDS, retry_after_seconds=5)


def file_response(content: str | bytes, format: str, space: str, name: str) -> Response:
    """The answer that holds a file, named by its space and a name."""
    ending, media = MEDIA[format]
    shown = "inline" if format in ("json", "svg") else "attachment"
    file = re.sub(r"\W+", "-", space) + f"-{name}.{ending}"
    headers = {
        "Content-Disposition": f'{shown}; filename="{file}"',
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=media, headers=headers)
