"""Orders for designs, checked against all that a tenant has, and what their jobs are given."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from networks.images.catalog import ImageCatalog
from networks.images.names import names
from networks.training.designed import FINISH, FINISH_OPTIONS, dataset_of
from predictors.devices.measured import MeasuredDevice
from search.request.answerable import check_answerable
from search.request.design_request import IMAGES_SPACE, DesignRequest, FieldError, parse_request
from search.request.uploaded_task import UploadedTask
from service.dependencies import Service
from service.http.problems import invalid
from service.operations.catalog import BUILT_IN_TASKS
from service.operations.datasets import ReadyDataset, ready_dataset
from service.operations.devices import named_devices
from service.operations.networks import check_finishing, check_networks, data_of
from service.operations.own_predictors import own_predictors
from service.operations.spaces import FoundSpace, find_space
from service.operations.uploads import named_task
from service.schemas import DesignCreate
from spaces.known import space_names
from spaces.space import Space
from store.blobs.shared_payload import Sharing
from store.datasets.dataset import DATASETS
from store.jobs.place import placed


@dataclass(frozen=True, slots=True)
class Order:
    """A design that can be answered.

    Args:
        request: checked.
        payload: what the job's handler receives; :func:`store.blobs.shared_payload.whole` brings its large
        parts.
    """

    request: DesignRequest
    payload: dict[str, object]


class Orders:
    """Checks the designs of one call; what several of them name is looked up once.

    Args:
        service: the parts of the app.
        tenant: who asks.
    """

    def __init__(self, service: Service, tenant: str) -> None:
        self._service, self._tenant = service, tenant
        self._sharing = Sharing(service.blobs)
        self._spaces: dict[str, tuple[FoundSpace, dict[str, object]]] = {}
        self._tasks: dict[str, UploadedTask | None] = {}
        self._datasets: dict[str, ReadyDataset | None] = {}
        self._devices: dict[tuple[str, frozenset[str | None]], list[MeasuredDevice]] = {}

    def check(self, design: DesignCreate) -> Order:
        """The order for a design.

        Raises:
            InvalidRequest, Problem: 422 with every field that is wrong.
        """
        service = self._service
        space = self._named_space(design)
        devices = [item.device for item in (*design.constraints, *design.objectives)]
        measured = self._named_devices(space, devices)
        found, extra = self._space(space)
        uploaded = self._uploaded(design.task)
        apart = {"predictors", "priority", "label", FINISH, FINISH_OPTIONS}
        body = design.model_dump(exclude=apart) | {"space": found.space.name}
        request = parse_request(body, measured, uploaded)
        own = own_predictors(service.store, self._tenant, request, design.predictors)
        request = replace(request, predictors=own)
        datasets = self._datasets_of(request)
        images = ImageCatalog(service.config.images, {name: each.size for name, each in datasets.items()})
        request = check_answerable(request, service.tables, images)
        if datasets:
            extra = extra | {DATASETS: {name: each.payload for name, each in datasets.items()}}
        if design.finish or design.finish_options.model_fields_set:
            extra = extra | self._finish(design, found.space, request, extra)
        extra = extra | placed(design.priority, design.label)
        return Order(request, self._sharing.without_large(request.to_dict() | extra))

    def _finish(
        self, design: DesignCreate, space: Space, request: DesignRequest, extra: dict[str, object]
    ) -> dict[str, object]:
        """What the job needs to have its best trained on all images."""
        if not design.finish:
            error = FieldError(FINISH_OPTIONS, "the design finishes nothing", "let finish be 1 or more")
            raise invalid([error])
        check_networks(space, FINISH)
        options = design.finish_options
        changes = {"recipe": options.recipe, "from": options.start, "teacher": options.teacher}
        check_finishing(space, request.to_dict(), changes)
        name = dataset_of(request.to_dict())
        data = data_of(self._service, self._tenant, name, FINISH)
        known: dict[str, object] = dict(extra.get(DATASETS) or {})  # type: ignore[call-overload]
        found: dict[str, object] = dict(data.get(DATASETS) or {})  # type: ignore[call-overload]
        merged: dict[str, object] = {FINISH: design.finish, FINISH_OPTIONS: changes}
        return merged | ({DATASETS: known | found} if known or found else {})

    def _datasets_of(self, request: DesignRequest) -> dict[str, ReadyDataset]:
        """The tenant's data sets among those that a design trains on."""
        if not (request.evaluations and request.evaluator):
            return {}
        named = [
            str(options["data"]) for options in request.evaluator_options.values() if options.get("data")
        ]
        named += [request.task, *(each.task for each in request.problem().quantities if each.task)]
        found = {}
        for name in dict.fromkeys(named):
            if name not in self._datasets:
                self._datasets[name] = ready_dataset(self._service.store, self._tenant, name)
            if (ready := self._datasets[name]) is not None:
                found[name] = ready
        return found

    def _named_space(self, design: DesignCreate) -> str:
        """The space of a design; where none is named and the task is of someone's own images, that of images.

        Raises:
            Problem: 422 where none is named and the task is built in or unknown.
        """
        if design.space is not None:
            return design.space
        name = design.task
        images = self._service.config.images
        if name not in BUILT_IN_TASKS and (
            self._uploaded(name) is not None
            or ready_dataset(self._service.store, self._tenant, name) is not None
            or (images is not None and name in names(images))
        ):
            return IMAGES_SPACE
        known = ", ".join(space_names())
        hint = f"one of {known}; only where the task is of your own images it may be left out"
        raise invalid([FieldError("space", "is missing", hint)])

    def _space(self, name: str) -> tuple[FoundSpace, dict[str, object]]:
        if name not in self._spaces:
            found = find_space(self._service.store, self._tenant, name)
            self._spaces[name] = found, found.payload(self._service.store)
        return self._spaces[name]

    def _uploaded(self, name: str) -> UploadedTask | None:
        if name not in self._tasks:
            self._tasks[name] = named_task(self._service.store, self._tenant, name)
        return self._tasks[name]

    def _named_devices(self, space: str, names: Iterable[str | None]) -> list[MeasuredDevice]:
        key = (space, frozenset(names))
        if key not in self._devices:
            self._devices[key] = named_devices(self._service.store, self._tenant, *key)
        return self._devices[key]
