"""Checks what a network is to be trained from: architecture, images, first weights and recipe."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from networks.images.catalog import ImageCatalog
from networks.images.limits import BadImages
from networks.images.names import find, names
from networks.options import InvalidOptions, read_options
from networks.plan import planned_spaces
from networks.training.designed import designed_network
from networks.training.order import NetworkOrder
from networks.training.recipe import Recipe, TrainingOptions
from networks.training.start import PRETRAINED, SCRATCH, SEARCH, starts_of, usual_start
from search.request.design_request import FieldError
from search.request.recipe import FIELD
from service.dependencies import Service
from service.http.problems import invalid
from service.operations.architectures import parse_architecture
from service.operations.datasets import ready_dataset
from service.operations.designed import architecture_of, no_weights, payload_of, space_of, trained_weights
from service.operations.short_ids import whole_id
from service.operations.spaces import find_space
from service.schemas.networks import NetworkCreate
from spaces.costs.network_config import FULL
from spaces.known import get_space
from spaces.space import Space
from store.datasets.dataset import DATASETS
from store.jobs.place import inherited, placed
from store.networks.network import NetworkSpec


def check_network(request: NetworkCreate, service: Service, tenant: str) -> NetworkSpec:
    """What is to be trained.

    Raises:
        Problem: 422 with every field that is wrong; 404 and 409 as for a design's exports.
    """
    if request.task is not None and request.dataset is not None and request.task != request.dataset:
        raise invalid([FieldError("task", "contradicts dataset: they mean the same", "give one of them")])
    if request.job is not None:
        return _of_design(request, service, tenant)
    missing = [name for name in ("space", "architecture") if getattr(request, name) is None]
    if _asked_images(request) is None:
        missing.append("dataset")
    if missing:
        hint = "or name a job, a design whose result has the architecture"
        raise invalid([FieldError(name, "is missing", hint) for name in missing])
    if request.start == SEARCH:
        raise invalid([FieldError("from", "search needs a job, the design that trained it", "name it")])
    assert request.space is not None and request.architecture is not None
    space = find_space(service.store, tenant, request.space).space
    check_networks(space)
    codes = parse_architecture(space, request.architecture)
    dataset = str(_asked_images(request))
    data = data_of(service, tenant, dataset)
    start = usual_start(space.name, request.network or FULL)
    order = _order(request, NetworkOrder(start=start))
    order = replace(order, task=dataset if dataset in space.tasks else None)
    data = placed(request.priority, request.label) | data
    return _spec(space, space.format(codes[None])[0], dataset, order, data)


def _of_design(request: NetworkCreate, service: Service, tenant: str) -> NetworkSpec:
    """An architecture of a design's result; the design's own recipe is the default."""
    errors = [
        FieldError(name, "is the design's, whose job is given", "leave it out")
        for name in ("space", "architecture")
        if getattr(request, name) is not None
    ]
    if errors:
        raise invalid(errors)
    job = service.store.job(whole_id(service.store, tenant, "job", str(request.job), "job"), tenant_id=tenant)
    rank = request.rank or 1
    found = architecture_of(service.store, tenant, job, rank)
    payload = payload_of(service.blobs, job)
    space = get_space(space_of(payload))
    check_networks(space)
    designed = designed_network(space, payload, found, job.id)
    dataset = _asked_images(request) or designed.dataset
    data = data_of(service, tenant, dataset)
    order = _order(request, designed.order)
    if request.start == SEARCH:
        # Weights of the search go on as they began: its rates are not those of new weights.
        recipe = order.recipe.completed(designed.order.start)
        order = replace(order, weights=trained_weights(found), recipe=recipe)
        if order.weights is None:
            raise no_weights("from", rank)
    data = data | (placed(request.priority, request.label) or inherited(payload))
    return _spec(space, designed.architecture, dataset, order, data)


def _asked_images(request: NetworkCreate) -> str | None:
    return request.dataset or request.task


def data_of(service: Service, tenant: str, name: str, field: str = "dataset") -> dict[str, object]:
    """The part of a data set that a training job needs: for an uploaded one, its pieces.

    Raises:
        Problem: 422 where there is none of the name, 409 where it has not arrived yet.
    """
    ready = ready_dataset(service.store, tenant, name)
    images = ImageCatalog(service.config.images, {} if ready is None else {name: ready.size})
    if not images:
        hint = "upload a data set (netwright datasets add), or set NETWRIGHT_IMAGES to a folder of them"
        raise invalid([FieldError(field, "there are no images to train on", hint)])
    try:
        find(images, name)
    except BadImages as error:
        known = ", ".join(names(images)) or "none"
        raise invalid([FieldError(field, str(error), f"there are {known}")]) from None
    return {} if ready is None else {DATASETS: {name: ready.payload}}


def check_finishing(space: Space, payload: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """Refuses what cannot be changed of a design's training for what is taken away.

    Raises:
        Problem: 422 that names the field.
    """
    recipe = changes.get("recipe") or {}
    try:
        read_options(Recipe, recipe, "finish_options.recipe")
    except InvalidOptions as error:
        raise invalid([FieldError(each.field, each.message, each.hint) for each in error.errors]) from None
    searched: Mapping[str, Any] = payload.get(FIELD) or {}
    if both := sorted(set(recipe) & set(searched)):
        message = f"{', '.join(both)} is searched: each architecture brings its own"
        raise invalid([FieldError("finish_options.recipe", message, "leave it out")])
    options = read_options(
        TrainingOptions, (payload.get("evaluator_options") or {}).get("training") or {}, "training"
    )
    start = changes.get("from") or SCRATCH
    if start not in starts_of(space.name) or (start == PRETRAINED and options.network != FULL):
        what = space.public_name if options.network == FULL else f"the {options.network} skeleton"
        message = f"{what} has no {start} weights"
        raise invalid([FieldError("finish_options.from", message, "leave it out")])


def check_networks(space: Space, field: str = "space") -> None:
    """Refuses a space that has no networks to train."""
    if space.name not in planned_spaces():
        known = ", ".join(planned_spaces())
        raise invalid(
            [FieldError(field, f"{space.public_name} has no networks to train", f"there are {known}")]
        )


def _order(request: NetworkCreate, usual: NetworkOrder) -> NetworkOrder:
    """How it is trained: the request's values, else the defaults."""
    try:
        asked = read_options(Recipe, request.recipe or {}, "recipe")
    except InvalidOptions as error:
        raise invalid([FieldError(each.field, each.message, each.hint) for each in error.errors]) from None
    network = request.network or usual.network
    start = usual.start if network == FULL else SCRATCH
    return replace(
        usual,
        start=request.start or start,
        recipe=replace(usual.recipe, **{name: getattr(asked, name) for name in request.recipe or {}}),
        resolution=request.resolution or usual.resolution,
        network=network,
        seed=request.seed,
        teacher=request.teacher,
    )


def _spec(
    space: Space, architecture: str, dataset: str, order: NetworkOrder, data: dict[str, object]
) -> NetworkSpec:
    if order.start not in (known := starts_of(space.name)):
        message = f"{space.public_name} has no {order.start} weights"
        raise invalid([FieldError("from", message, f"it starts from {', '.join(known)}")])
    if order.start == PRETRAINED and order.network != FULL:
        message = f"the {order.network} skeleton has no pretrained weights"
        raise invalid([FieldError("from", message, "leave it out, or let it be scratch")])
    return NetworkSpec(space.name, architecture, dataset, order.to_dict() | data)
