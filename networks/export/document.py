"""An architecture as a JSON object: what it is, its graph, its exact numbers, its layers."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np

from networks.build import codes_of
from networks.export.program import layer_text
from networks.plan import NoNetwork, plan_network
from spaces.costs.network_config import NetworkConfig
from spaces.known import get_space
from spaces.space import Codes


def document(
    space_name: str,
    architecture: str | Codes,
    network: NetworkConfig | None = None,
    *,
    predictions: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The object.

    Args:
        space_name: a registered space.
        architecture: a string of the space, or codes (v,).
        network: which one is meant; None: the space's own for its first task.
        predictions: quantity key → what a design's result says of it.

    Raises:
        InvalidArchitecture: for a string or codes that are not an architecture of the space.
    """
    space = get_space(space_name)
    codes = codes_of(space_name, architecture)
    network = network or space.network_config()
    graph = space.graph(codes[None])
    try:
        layers: list[dict[str, Any]] | None = [
            {
                "part": layer.part,
                "layer": layer_text(layer),
                "shape": list(layer.shape),
                "stride": layer.stride,
            }
            for layer in plan_network(space_name, codes, network).layers
        ]
    except NoNetwork:
        layers = None
    return {
        "netwright": version("netwright"),
        "space": space.public_name,
        "task": network.task,
        "costs_for": network.to_dict(),
        "architecture": space.format(codes[None])[0],
        "variables": space.to_variables(codes),
        "graph": {
            "operations": [space.operations[index] for index in graph.operations[0].tolist()],
            "edges": np.argwhere(graph.adjacency[0]).tolist(),
        },
        "statistics": {name: float(values[0]) for name, values in space.costs(codes[None], network).items()},
        "predictions": dict(predictions or {}),
        "layers": layers,
    }
