"""``/v1/spaces``: the families of architectures that can be designed in, and those that a tenant declares."""

from fastapi import APIRouter, Response

from search.declared_models import observed_keys
from service.dependencies import Service, ServiceDep, StoreDep, TenantDep
from service.http.pagination import After, Limit, page
from service.http.problems import Problem, documented
from service.http.strict_json import StrictJSONRoute
from service.operations.spaces import add_space, find_space, remove_space, summaries, training_job
from service.schemas import (
    DeclaredSpacePublic,
    JobPublic,
    MetricPublic,
    SpaceCreate,
    SpaceList,
    SpacePublic,
    SpaceSummary,
    VariablePublic,
)
from spaces.declared.space import DeclaredSpace
from spaces.known import get_space, space_names
from spaces.space import Space
from store.port import Store
from store.spaces.space import SpaceSummary as StoredSummary
from store.spaces.space import StoredSpace

router = APIRouter(prefix="/v1/spaces", tags=["spaces"], route_class=StrictJSONRoute)


@router.get("", responses=documented(422, 503))
def list_spaces(store: StoreDep, tenant: TenantDep, after: After = None, limit: Limit = 20) -> SpaceList:
    """All spaces, your own among them, by name."""
    own = summaries(store, tenant)
    names, has_more = page(sorted({*space_names(), *own}), str, after, limit)
    return SpaceList(
        spaces=[_own_summary(own[name]) if name in own else _summary(get_space(name)) for name in names],
        has_more=has_more,
    )


@router.post(
    "",
    status_code=201,
    responses={
        200: {"model": DeclaredSpacePublic, "description": "It was declared before"},
        **documented(400, 408, 409, 413, 415, 422, 503, 507),
    },
)
async def create_space(
    request: SpaceCreate, response: Response, service: ServiceDep, tenant: TenantDep
) -> DeclaredSpacePublic:
    """Declares a space of your own; a job trains its generator, and designs in it may be ordered at once.

    The same declaration again answers 200. docs/spaces.md says how one is written.
    """
    public, created = await service.building.run(_declare, request, service, tenant)
    response.status_code = 201 if created else 200
    response.headers["Location"] = f"/v1/spaces/{public.name}"
    return public


def _declare(request: SpaceCreate, service: Service, tenant: str) -> tuple[DeclaredSpacePublic, bool]:
    """Runs in a thread."""
    space, stored, created = add_space(service.store, tenant, request)
    if created:
        service.metrics.submitted.labels("space").inc()
    return _declared(space, stored, service.store), created


@router.get("/{space}", responses=documented(404, 422, 503))
def show_space(space: str, store: StoreDep, tenant: TenantDep) -> DeclaredSpacePublic | SpacePublic:
    """A space's variables, metrics, tasks and devices, and an example."""
    try:
        found = find_space(store, tenant, space)
    except Problem:
        raise Problem(404, f"there is no space {space!r}; known are {', '.join(space_names())}") from None
    if isinstance(found.space, DeclaredSpace) and found.stored is not None:
        return _declared(found.space, found.stored, store)
    return _public(found.space)


@router.delete("/{space}", status_code=204, responses=documented(404, 409, 422, 503))
def delete_space(space: str, service: ServiceDep, tenant: TenantDep) -> Response:
    """Removes a space of your own with its generator; jobs that were ordered in it have their own copy."""
    if space in space_names():
        raise Problem(409, f"{space!r} is no space of yours", kind="built-in")
    remove_space(service.store, tenant, space)
    return Response(status_code=204)


def _declared(space: DeclaredSpace, stored: StoredSpace, store: Store) -> DeclaredSpacePublic:
    job = training_job(store, stored)
    return DeclaredSpacePublic(
        **_public(space).model_dump(),
        digest=space.digest,
        counted=space.counted,
        predictable=list(observed_keys(space)),
        generator=None if job is None else JobPublic.of(job),
    )


def _public(space: Space) -> SpacePublic:
    return SpacePublic(
        **_summary(space).model_dump(),
        description=space.description,
        variables=[VariablePublic(name=v.name, choices=list(v.choices)) for v in space.variables],
        metrics=[_metric(space, name) for name in space.metrics],
        statistics=list(space.statistics_names),
        tasks=list(space.tasks),
        devices=list(space.devices),
        example=space.example,
        example_variables=space.to_variables(space.parse(space.example)),
    )


def _metric(space: Space, name: str) -> MetricPublic:
    metric = space.metric(name)
    unit, description = metric.unit, metric.description
    if isinstance(space, DeclaredSpace):
        for cost in space.declaration.costs:
            if cost.name == name:
                unit, description = cost.unit, cost.description if cost.description != name else description
    return MetricPublic(
        name=metric.name, unit=unit, direction=metric.direction.value, description=description
    )


def _own_summary(summary: StoredSummary) -> SpaceSummary:
    return SpaceSummary(
        name=summary.name, title=summary.title or summary.name, size=summary.size or 0, declared=True
    )


def _summary(space: Space) -> SpaceSummary:
    declared = isinstance(space, DeclaredSpace)
    name = space.public_name if isinstance(space, DeclaredSpace) else space.name
    return SpaceSummary(name=name, title=space.title, size=space.size, declared=declared)
