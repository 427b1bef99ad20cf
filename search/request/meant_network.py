"""Which network a request means, found once: the one that costs, trainings and exports are of.

1. What is trained, where the evaluator ``training`` measures something: the data set's classes, the
   resolution and skeleton of its options; without a resolution, that of the images.
2. Otherwise the task's classes (an uploaded one has its own), the request's ``resolution``, and the options
   of the evaluator ``latency`` where it measures something.
3. What nothing says is as in the space's own network for the task.
"""

from collections.abc import Mapping
from typing import Any

from networks.images.catalog import Images
from networks.images.dataset import size_of
from networks.images.limits import BadImages
from search.request.quantities import FieldError, InvalidRequest
from spaces.costs.network_config import FULL, RESOLUTIONS, NetworkConfig
from spaces.image_space import ImageSpace
from spaces.space import Space

TRAINING, LATENCY = "training", "latency"
"""The evaluators whose options say which network is run."""


def meant_network(
    space: Space,
    task: str,
    *,
    classes: int | None = None,
    resolution: int | None = None,
    used: Mapping[str, Any] | None = None,
    images: Images | None = None,
) -> NetworkConfig:
    """The network that a checked request means.

    Args:
        space: of the architectures alone.
        task: of the request.
        classes: of an uploaded task.
        resolution: that the request asks for.
        used: evaluator → its options, of those that measure something.
        images: image data sets: a folder, or a catalog; without it, a trained network has the task's number
        of classes.

    Raises:
        InvalidRequest: the data set to train on cannot be read.
    """
    if not isinstance(space, ImageSpace):
        return space.network_config(task)
    training = (used or {}).get(TRAINING)
    options = training or (used or {}).get(LATENCY)
    skeleton = FULL
    if options is not None:
        resolution, skeleton = resolution or options.resolution, options.network or FULL
    if training is not None and images is not None:
        classes, side = _trained_on(training.data or task, images)
        if space.usual_size(None, skeleton)[1] is not None:
            resolution = resolution or side
    return space.network_config(task, classes=classes, resolution=resolution, skeleton=skeleton)


def give_resolution(resolution: int, options: Mapping[str, dict[str, object]]) -> list[FieldError]:
    """Gives the resolution of a request to the options of evaluators; errors of those that say another.

    Args:
        resolution: of the request.
        options: of each evaluator that is named and runs networks; changed.
    """
    errors = []
    for name, given in options.items():
        other = given.get("resolution")
        if other not in (None, resolution):
            message = f"{other} is not the request's resolution, {resolution}"
            errors.append(FieldError(f"evaluator_options.{name}.resolution", message, "say it in one place"))
        given["resolution"] = resolution
    return errors


def resolution_fault(space: Space) -> tuple[str, str] | None:
    """Why nobody can ask a resolution of a space's networks, and a hint; None where it can be asked."""
    if not isinstance(space, ImageSpace):
        return f"{space.public_name} has no networks for images", "leave it out"
    if space.usual_size(None, FULL)[1] is None:
        return f"is a variable of {space.public_name}", "leave it out: each architecture says its own"
    return None


def asked_network(
    space: Space,
    task: str | None,
    classes: int | None = None,
    resolution: int | None = None,
    skeleton: str = FULL,
) -> NetworkConfig:
    """The network of a space that somebody names by its size.

    Raises:
        InvalidRequest: naming what cannot be chosen, or has no such value.
    """
    errors = []
    if resolution is not None and (fault := resolution_fault(space)) is not None:
        errors.append(FieldError("resolution", *fault))
    elif resolution is not None and not RESOLUTIONS[0] <= resolution <= RESOLUTIONS[1]:
        message = f"{resolution} lies outside {RESOLUTIONS[0]} to {RESOLUTIONS[1]}"
        errors.append(FieldError("resolution", message))
    for name, said in (("classes", classes is not None), ("skeleton", skeleton != FULL)):
        if said and not isinstance(space, ImageSpace):
            errors.append(FieldError(name, f"{space.public_name} has no networks for images", "leave it out"))
    if errors:
        raise InvalidRequest(errors)
    return space.network_config(task, classes=classes, resolution=resolution, skeleton=skeleton)


def _trained_on(data: str, images: Images) -> tuple[int, int]:
    """Classes and side of a data set."""
    try:
        return size_of(images, data)
    except BadImages as error:
        field = "evaluator_options.training.data"
        hint = error.hint or "name another data set, or mend this one"
        raise InvalidRequest([FieldError(field, error.message, hint)]) from None
