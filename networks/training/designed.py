"""The training of an architecture that a design found: as the design trained, on all but the test images."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from networks.options import read_options
from networks.training.order import NetworkOrder
from networks.training.recipe import TrainingOptions
from networks.training.start import usual_start
from spaces.space import Space

FINISH, FINISH_OPTIONS = "finish", "finish_options"
"""Of a design's payload: how many of its best are trained so, and what of it is not as the design trained."""


@dataclass(frozen=True, slots=True)
class DesignedNetwork:
    """What is trained.

    Args:
        architecture: canonical string.
        dataset: name of the images.
        order: how.
    """

    architecture: str
    dataset: str
    order: NetworkOrder


def dataset_of(payload: Mapping[str, Any]) -> str:
    """The data set of a design: what its trainings learn from, else its task."""
    return _options(payload).data or str(payload["task"])


def designed_network(
    space: Space,
    payload: Mapping[str, Any],
    found: Mapping[str, Any],
    job_id: str,
    changes: Mapping[str, Any] | None = None,
) -> DesignedNetwork:
    """The training of one architecture of a design's result, from pretrained weights where there are some.

    Args:
        space: of the design.
        payload: what the design was ordered with.
        found: the result's object of the architecture.
        job_id: of the design.
        changes: what is not as the design trained: ``recipe``, a part of one, ``from``
            and ``teacher``.
    """
    changes = changes or {}
    options, task = _options(payload), str(payload["task"])
    metrics: Mapping[str, Any] = found.get("metrics") or {}
    order = NetworkOrder(
        start=changes.get("from") or options.init or usual_start(space.name, options.network),
        recipe=replace(options.recipe, **{**(found.get("recipe") or {}), **(changes.get("recipe") or {})}),
        resolution=options.resolution or payload.get("resolution"),
        network=options.network,
        task=task if task in space.tasks else None,
        search={"job": job_id, "rank": found["rank"], "metrics": metrics},
        predicted={key: value for key, value in metrics.items() if value.get("source") == "predicted"},
        teacher=bool(changes.get("teacher")),
    )
    return DesignedNetwork(str(found.get("network") or found["architecture"]), dataset_of(payload), order)


def _options(payload: Mapping[str, Any]) -> TrainingOptions:
    options = (payload.get("evaluator_options") or {}).get("training") or {}
    return read_options(TrainingOptions, options, "evaluator_options.training")
