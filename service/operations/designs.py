"""Orders for designs, checked against all that a tenant has, and what their jobs are given."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from networks.images.catalog import ImageCatalog
from networks.training.designed import FINISH, dataset_of
from predictors.devices.measured import MeasuredDevice
from search.request.answerable import check_answerable
from search.request.design_request import DesignRequest, parse_request
from search.request.uploaded_task import UploadedTask
from service.dependencies import Service
from service.operations.datasets import ReadyDataset, ready_dataset
from service.operations.devices import named_devices
from service.operations.networks import check_networks, data_of
from service.operations.own_predictors import own_predictors
from service.operations.spaces import FoundSpace, find_space
from service.operations.uploads import named_task
from service.schemas import DesignCreate
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
        names = [item.device for item in (*design.constraints, *design.objectives)]
        measured = self._named_devices(design.space, names)
        found, extra = self._space(design.space)
        uploaded = self._uploaded(design.task)
        body = design.model_dump(exclude={"predictors", "priority", "label", FINISH}) | {
            "space": found.space.name
        }
        request = parse_request(body, measured, uploaded)
        own = own_predictors(service.store, self._tenant, request, design.predictors)
        request = replace(request, predictors=own)
        datasets = self._datasets_of(request)
        images = ImageCatalog(service.config.images, {name: each.size for name, each in datasets.items()})
        request = check_answerable(request, service.tables, images)
        if datasets:
            extra = extra | {DATASETS: {name: each.payload for name, each in datasets.items()}}
        if design.finish:
            extra = extra | self._finish(design, found.space, request, extra)
        extra = extra | placed(design.priority, design.label)
        return Order(request, self._sharing.without_large(request.to_dict() | extra))

    def _finish(
        self, design: DesignCreate, space: Space, request: DesignRequest, extra: dict[str, object]
    ) -> dict[str, object]:
        """What the job needs to have its best trained on all images."""
        check_networks(space, FINISH)
        name = dataset_of(request.to_dict())
        data = data_of(self._service, self._tenant, name, FINISH)
        known: dict[str, object] = dict(extra.get(DATASETS) or {})  # type: ignore[call-overload]
        found: dict[str, object] = dict(data.get(DATASETS) or {})  # type: ignore[call-overload]
        merged: dict[str, object] = {FINISH: design.finish}
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
