"""What anyone has without a search: a linear probe on a pretrained backbone, and the backbone fine-tuned.

Both at the largest resolution at which the whole backbone meets the bounds. In a space of networks inside the
backbone it is an architecture itself: the search evaluates it first, within its budget, by the recipe of all
others. What a baseline takes is done once for equal images, recipe and resolution
(:mod:`search.shared_work`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from networks.export.bundle.wilson import wilson
from networks.images.dataset import load_images
from networks.training.recipe import SCRATCH, TrainingOptions
from search.evaluator import Bench, Stopped
from search.evaluators.training import TrainingEvaluator
from search.problem import Problem, relative_gap
from search.request.design_request import DesignRequest
from search.request.evaluation import evaluator_of
from search.shared_work import done_once
from spaces.costs.network_config import FULL
from spaces.families.efficientnet_lite import LITE0, RESOLUTIONS, LiteSpace
from spaces.image_space import ImageSpace
from spaces.known import get_space
from spaces.metric import Observation

if TYPE_CHECKING:
    from networks.images.catalog import Images

PROBE, FINE_TUNED, FOUND = "linear_probe", "fine_tuned", "found"
_ORDER = (FOUND, FINE_TUNED, PROBE)


@dataclass(frozen=True, slots=True)
class Backbone:
    """The whole backbone where a design's bounds admit it.

    Args:
        space: of the networks inside it.
        architecture: canonical string.
        resolution: the largest at which it meets the bounds.
        title: of the backbone, for people.
        data: name of the images.
        options: how the design trains.
    """

    space: str
    architecture: str
    resolution: int
    title: str
    data: str
    options: TrainingOptions


def backbone_of(request: DesignRequest, searched: Problem) -> "Backbone | str | None":
    """The backbone that a design is compared with.

    Args:
        request: with its sources.
        searched: its problem with predicted bounds.

    Returns:
        why there is none within the bounds, or None where a design is not compared: it trains nothing, it
        begins with new weights, recipes are searched, or it asked for no baseline
    """
    space = searched.space
    if not request.baseline or not request.evaluations or not isinstance(space, LiteSpace):
        return None
    if evaluator_of(request.evaluator, "accuracy") is not TrainingEvaluator:
        return None
    options = TrainingEvaluator.read_options(request.evaluator_options.get(TrainingEvaluator.name), "")
    if options.init == SCRATCH or options.network != FULL:
        return None
    measured = [bound.quantity.key for bound in searched.measured_constraints]
    if unknown := [key for key in measured if key != f"accuracy@{request.task}"]:
        return f"{', '.join(unknown)} is measured: at which resolution it holds, nothing says before"
    options = options.completed(space.pretrains)
    sides = [options.resolution] if options.resolution in RESOLUTIONS else list(RESOLUTIONS)
    codes = space.parse_many([space.whole(int(side)) for side in sides])
    within = np.flatnonzero(searched.gap(codes) <= 0)
    title = space.backbone.title
    if not len(within):
        return f"the whole {title} is outside the bounds at every resolution from {min(sides)} pixels on"
    side = int(sides[within[-1]])
    data = options.data or request.task
    return Backbone(space.name, space.whole(side), side, title, data, options)


def backbone_beside(
    request: DesignRequest, problem: Problem, rows: Sequence[Mapping[str, Any]]
) -> "Backbone | str | None":
    """EfficientNet-Lite0 beside what was found in another space of image networks.

    It is held to the exact bounds, and to no more multiply-accumulates than the best that was found, so that
    its training costs no more. Devices that were measured with other networks say nothing of it.

    Args:
        request: with its sources.
        problem: of the request.
        rows: the result's architectures.

    Returns:
        as :func:`backbone_of`
    """
    space, network = get_space(LITE0.name), problem.network_for(problem.task)
    assert isinstance(space, LiteSpace)
    if not request.baseline or not rows or not isinstance(problem.space.network_space, ImageSpace):
        return None
    options = TrainingEvaluator.read_options(request.evaluator_options.get(TrainingEvaluator.name), "")
    codes = space.parse_many([space.whole(side) for side in RESOLUTIONS])
    costs = space.costs(codes, space.network_config(classes=network.classes))
    most = rows[0]["metrics"].get("macs_m", {}).get("mean", 0.0)
    within = costs["macs_m"] <= max(most, costs["macs_m"][0])
    for bound in problem.constraints:
        if problem.is_exact(bound.quantity) and bound.quantity.metric in costs:
            within &= relative_gap(bound, costs[bound.quantity.metric]) <= 0
    if not within.any():
        return f"the whole {LITE0.title} is outside the bounds at every resolution"
    side = RESOLUTIONS[int(np.flatnonzero(within)[-1])]
    data = options.data or request.task
    whole = TrainingOptions(images=options.images).completed(pretrains=True)
    return Backbone(space.name, space.whole(side), side, LITE0.title, data, whole)


def costs_of(backbone: "Backbone | str | None", classes: int | None) -> dict[str, Any]:
    """Exact costs of a backbone as the values of a result."""
    if not isinstance(backbone, Backbone):
        return {}
    space = get_space(backbone.space)
    costs = space.costs(space.parse(backbone.architecture)[None], space.network_config(classes=classes))
    return {
        name: {"mean": float(costs[name][0]), "source": "exact"} for name in costs if name in space.metrics
    }


def first_of(request: DesignRequest, backbone: "Backbone | str | None") -> list[str]:
    """What is evaluated before a strategy is asked: the backbone, where the budget leaves a search."""
    return [backbone.architecture] if isinstance(backbone, Backbone) and request.evaluations > 1 else []


def baselines(
    backbone: "Backbone | str | None",
    problem: Problem,
    rows: Sequence[Mapping[str, Any]],
    observations: Sequence[Observation],
    metrics: Callable[[str], Mapping[str, Any]],
    bench: Bench,
    should_stop: Callable[[], bool],
) -> dict[str, Any] | None:
    """What a result says of its baselines, beside its own best.

    Args:
        backbone: of :func:`backbone_of`.
        problem: of the design.
        rows: the result's architectures.
        observations: of the design.
        metrics: quantity key → value of an architecture, as in the result.
        bench: images, and what others of the tenant found.
        should_stop: asked between batches.

    Raises:
        Stopped: ``should_stop`` said so.
    """
    if backbone is None:
        return None
    if isinstance(backbone, str):
        return {"backbone": None, "reason": backbone, "winner": None, "message": backbone}
    key = f"accuracy@{problem.task}"
    accuracies: dict[str, dict[str, Any]] = {PROBE: _probe(backbone, bench, should_stop)}
    for seen in observations:
        if seen.architecture == backbone.architecture and key in seen.values:
            accuracies[FINE_TUNED] = _measured(seen.values[key], seen.details)
    best = next((row for row in rows if row["metrics"].get(key, {}).get("source") == "measured"), None)
    if best is not None:
        accuracies[FOUND] = _measured(best["metrics"][key]["mean"], best.get("evaluation"))
        accuracies[FOUND]["architecture"] = best["architecture"]
    same = best is not None and best["architecture"] == backbone.architecture
    # Of equals what was found, then the backbone: what is found may be the backbone itself.
    ranked = sorted(accuracies, key=lambda name: (-accuracies[name]["accuracy"], _ORDER.index(name)))
    winner = FINE_TUNED if same and ranked[0] == FOUND else ranked[0]
    return {
        "backbone": backbone.title,
        "space": backbone.space,
        "architecture": backbone.architecture,
        "resolution": backbone.resolution,
        "metrics": {name: value for name, value in metrics(backbone.architecture).items() if name != key},
        **accuracies,
        "winner": winner,
        "message": _message(winner, backbone, accuracies),
    }


def _probe(backbone: Backbone, bench: Bench, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """The linear probe, found once for equal images and resolution."""
    from networks.pretrained.linear_probe import DECAYS, linear_probe
    from networks.training.train import TrainingStopped

    images: Images | None = bench.images
    assert images is not None  # the design has trained on them
    options = backbone.options
    loaded = load_images(
        images, backbone.data, side=backbone.resolution, images=options.images, cache_dir=bench.cache_dir
    )

    def work(stop: Callable[[], bool]) -> dict[str, Any]:
        found = asdict(linear_probe(backbone.space, loaded, stop))
        right, count = found.pop("right"), len(loaded.test)
        found["test_accuracy"] = None if right is None else round(100.0 * right / count, 4)
        if right is not None:
            found["test_lower"], found["test_upper"] = (round(end, 4) for end in wilson(right, count))
        return found | {"seconds": round(found["seconds"], 3)}

    identity: dict[str, object] = {"of": PROBE, "space": backbone.space, "decays": list(DECAYS)}
    identity |= {"digest": loaded.digest, "side": backbone.resolution, "train": len(loaded.train)}
    try:
        found, _ = done_once(bench.shared, identity, work, should_stop)
    except TrainingStopped as stopped:
        raise Stopped(str(stopped)) from stopped
    return found


def _measured(accuracy: float, details: Mapping[str, Any] | None) -> dict[str, Any]:
    training = (details or {}).get(TrainingEvaluator.name) or {}
    return {"accuracy": accuracy, "test_accuracy": training.get("test_accuracy")}


def _message(winner: str, backbone: Backbone, accuracies: Mapping[str, Mapping[str, Any]]) -> str:
    """Who wins on the validation images, for a person."""
    told = f"{backbone.title} at {backbone.resolution} pixels"
    reached = {name: f"{each['accuracy']:.2f} %" for name, each in accuracies.items()}
    if winner == FOUND:
        others = [f"{name.replace('_', ' ')} {value}" for name, value in reached.items() if name != FOUND]
        return f"ahead of {told}: {reached[FOUND]}; {', '.join(others)} of the validation images"
    what = "fine-tuned" if winner == FINE_TUNED else "with a linear probe"
    behind = f", the best other one {reached[FOUND]}" if winner != FINE_TUNED and FOUND in reached else ""
    return f"the plain backbone wins: {told}, {what}, {reached[winner]} of the validation images{behind}"
