"""``/v1/studies``: search driven by whoever evaluates. Ask for architectures, observe what evaluations
brought."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from search.request.design_request import FieldError
from search.run.stopping import fidelity_of
from search.study import parse_study, read_observations
from service.children.bounded import Bounded, checkpoint
from service.dependencies import IdempotencyKey, StoreDep, TenantDep
from service.http.pagination import AfterId, Limit
from service.http.problems import Problem, documented, invalid
from service.http.strict_json import StrictJSONRoute
from service.operations.architectures import parse_architectures
from service.operations.devices import named_devices
from service.operations.own_predictors import own_predictors
from service.operations.short_ids import page_behind, whole_id
from service.operations.spaces import find_space, task_of
from service.operations.studies import Studies, lease_seconds, own_part, request_of
from service.operations.study_best import WHOLE, StudyBests
from service.operations.study_changes import changed_request
from service.operations.study_reports import reason_to_stop
from service.operations.uploads import named_task
from service.schemas.studies import (
    BestPublic,
    EnqueueCreate,
    FrontPublic,
    ObservationList,
    ObservationPublic,
    ObservationsCreate,
    ObservedPublic,
    QueuedPublic,
    ReleaseCreate,
    ReleasedPublic,
    ReportCreate,
    ReportPublic,
    StudyChange,
    StudyCreate,
    StudyList,
    StudyObservationCreate,
    StudyPublic,
    StudyShown,
    SuggestCreate,
    SuggestionPublic,
    SuggestionsPublic,
)
from store.port import Store
from store.spaces.space import DECLARATION
from store.studies.study import (
    STUDY,
    ObservedOtherwise,
    Study,
    StudyClosed,
    TooManyObservations,
    TooManyStudies,
)

router = APIRouter(prefix="/v1/studies", tags=["studies"], route_class=StrictJSONRoute)

OWN_PART = {"lease_seconds", "tracked", "stopping"}
"""Fields of a study that no design has."""
MOST = 1000
"""Studies of one tenant."""
MOST_OBSERVED = 150_000
"""Observations of one study."""


def get_study(
    store: StoreDep,
    tenant: TenantDep,
    study_id: Annotated[str, Path(description="its `id`, or as much of it as no other study has")],
) -> Study:
    """The tenant's study that the path names.

    Raises:
        Problem: 404 for what begins no id; 422 where several begin so.
        NotFound: no such study, or another tenant's.
    """
    return store.study(whole_id(store, tenant, "study", study_id), tenant_id=tenant)


async def get_studies(request: Request) -> Studies:
    """What suggests."""
    studies = request.app.state.studies
    assert isinstance(studies, Studies)
    return studies


async def get_bests(request: Request) -> StudyBests:
    """What knows the best of each study."""
    bests = request.app.state.study_bests
    assert isinstance(bests, StudyBests)
    return bests


async def get_observing(request: Request) -> Bounded:
    """Where observations are taken in."""
    observing = request.app.state.observing
    assert isinstance(observing, Bounded)
    return observing


StudyDep = Annotated[Study, Depends(get_study)]
StudiesDep = Annotated[Studies, Depends(get_studies)]
BestsDep = Annotated[StudyBests, Depends(get_bests)]
ObservingDep = Annotated[Bounded, Depends(get_observing)]


@router.post("", status_code=201, responses=documented(400, 408, 409, 413, 415, 422, 503, 507))
def create_study(
    study: StudyCreate,
    response: Response,
    store: StoreDep,
    tenant: TenantDep,
    idempotency_key: IdempotencyKey = None,
) -> StudyPublic:
    """Opens a study: what to search for, under which bounds, by which strategy."""
    found = find_space(store, tenant, study.space)
    names = [item.device for item in (*study.constraints, *study.objectives)]
    measured = named_devices(store, tenant, study.space, names)
    task = task_of(found, study.task)
    request = parse_study(
        study.model_dump(exclude={"predictors", *OWN_PART}) | {"space": found.space.name, "task": task},
        named_task(store, tenant, task),
        measured,
        lambda checked: own_predictors(store, tenant, checked, study.predictors),
    )
    try:
        made, _ = store.create_study(
            request.to_dict() | found.declaration() | {STUDY: study.model_dump(include=OWN_PART)},
            tenant_id=tenant,
            idempotency_key=idempotency_key,
            most=MOST,
        )
    except TooManyStudies:
        detail = f"there are {MOST} studies already; delete one first"
        raise Problem(409, detail, kind="too-many-studies") from None
    response.headers["Location"] = f"/v1/studies/{made.id}"
    return StudyPublic.of(made)


@router.get("", responses=documented(422, 503))
def list_studies(
    store: StoreDep,
    tenant: TenantDep,
    after: AfterId = None,
    limit: Limit = 20,
) -> StudyList:
    """A page of your studies, newest first."""
    found, has_more = page_behind(
        store,
        tenant,
        "study",
        after,
        lambda last: store.studies(tenant_id=tenant, after=last, limit=limit),
    )
    return StudyList(studies=[StudyPublic.of(study) for study in found], has_more=has_more)


@router.get("/{study_id}", responses=documented(404, 422, 503))
async def show_study(study: StudyDep, bests: BestsDep) -> StudyShown:
    """Where a study stands, and the best that was observed within its bounds, at most 20.

    Where nothing observed is within them, `nearest` says what misses them least.
    """
    return StudyShown.showing(study, await bests.of(study))


@router.get("/{study_id}/front", responses=documented(404, 422, 503))
async def show_front(study: StudyDep, bests: BestsDep) -> FrontPublic:
    """Everything observed within the bounds that no other observed architecture beats."""
    front = await bests.of(study, WHOLE)
    space = request_of(study).problem().space
    return FrontPublic(front=[BestPublic.of(each, space) for each in front.best], size=front.size)


@router.patch("/{study_id}", responses=documented(400, 404, 408, 409, 413, 415, 422, 503, 507))
async def change_study(
    change: StudyChange, study: StudyDep, store: StoreDep, observing: ObservingDep, tenant: TenantDep
) -> StudyPublic:
    """Changes bounds, fixed variables, tracked names or leases of an open study; its observations stay."""
    return await observing.run(lambda: StudyPublic.of(_change(change, study, store, tenant)))


def _change(change: StudyChange, study: Study, store: Store, tenant: str) -> Study:
    """Runs in a thread."""
    said = change.model_dump(exclude_none=True)
    request = changed_request(
        study, {name: value for name, value in said.items() if name not in OWN_PART}, store, tenant
    )
    part = {**own_part(study), **{name: value for name, value in said.items() if name in OWN_PART}}
    kept = {name: value for name, value in study.request.items() if name == DECLARATION}
    try:
        return store.change_study(study.id, request.to_dict() | kept | {STUDY: part}, tenant_id=tenant)
    except StudyClosed:
        raise Problem(409, "the study is closed; nothing of it changes", kind="study-closed") from None


@router.post("/{study_id}/enqueue", responses=documented(400, 404, 408, 409, 413, 415, 422, 503, 507))
async def enqueue_architectures(
    asked: EnqueueCreate, study: StudyDep, store: StoreDep, observing: ObservingDep, tenant: TenantDep
) -> QueuedPublic:
    """Architectures of your own choice that are suggested before anything new, in this order."""
    return await observing.run(_enqueue, asked, study, store, tenant)


def _enqueue(asked: EnqueueCreate, study: Study, store: Store, tenant: str) -> QueuedPublic:
    """Runs in a thread."""
    names = _canonical(study, asked.architectures)
    try:
        queued = store.enqueue_suggestions(study.id, names, tenant_id=tenant)
    except StudyClosed:
        raise Problem(409, "the study is closed; it suggests nothing more", kind="study-closed") from None
    return QueuedPublic(queued=[each.architecture for each in queued])


@router.post("/{study_id}/release", responses=documented(400, 404, 408, 409, 413, 415, 422, 503, 507))
async def release_architectures(
    asked: ReleaseCreate, study: StudyDep, store: StoreDep, observing: ObservingDep, tenant: TenantDep
) -> ReleasedPublic:
    """Gives suggestions back that the client will not evaluate; the next other client gets them."""
    return await observing.run(_release, asked, study, store, tenant)


def _release(asked: ReleaseCreate, study: Study, store: Store, tenant: str) -> ReleasedPublic:
    """Runs in a thread."""
    names = None if asked.architectures is None else _canonical(study, asked.architectures)
    back = store.release_suggestions(study.id, asked.client_id, names, tenant_id=tenant)
    return ReleasedPublic(released=back)


def _canonical(study: Study, architectures: list[Any]) -> list[str]:
    space = request_of(study).problem().space
    return list(space.format(parse_architectures(space, architectures, "architectures")))


@router.get("/{study_id}/observations", responses=documented(404, 422, 503))
def list_observations(
    study: StudyDep,
    store: StoreDep,
    tenant: TenantDep,
    after: Annotated[int, Query(ge=0, le=2**62, description="number of the last one of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> ObservationList:
    """A page of observations, in their order."""
    found = store.study_observations(study.id, tenant_id=tenant, after=after, limit=limit + 1)
    shown = [ObservationPublic.of(entry) for entry in found[:limit]]
    return ObservationList(observations=shown, has_more=len(found) > limit)


@router.post("/{study_id}/suggest", responses=documented(400, 404, 408, 409, 413, 415, 422, 503, 507))
async def suggest_architectures(
    asked: SuggestCreate, study: StudyDep, studies: StudiesDep
) -> SuggestionsPublic:
    """Architectures to evaluate: yours that are unfinished first, then new ones that nobody else has."""
    try:
        found, exhausted = await studies.suggest(study, asked.client_id, asked.count)
    except StudyClosed:
        raise Problem(409, "the study is closed; it suggests nothing more", kind="study-closed") from None
    space = request_of(study).problem().space
    suggestions = [SuggestionPublic.of(suggestion, space) for suggestion in found]
    return SuggestionsPublic(suggestions=suggestions, exhausted=exhausted)


@router.post("/{study_id}/observe", responses=documented(400, 404, 408, 409, 413, 415, 422, 503, 507))
async def observe_study(
    request: ObservationsCreate, study: StudyDep, store: StoreDep, observing: ObservingDep, tenant: TenantDep
) -> ObservedPublic:
    """Takes observations, of suggestions or of your own choice; all of it is taken, or none.

    The same observation again changes nothing; other values of an architecture are another measurement, and
    count by their mean. Some of the values suffice. Values may take the place of a failure.
    """
    return await observing.run(_observe, request, study, store, tenant)


def _observe(request: ObservationsCreate, study: Study, store: Store, tenant: str) -> ObservedPublic:
    """Runs in a thread."""
    problem = request_of(study).problem()
    space = problem.space
    try:
        codes = parse_architectures(
            space, [item.architecture for item in request.observations], "observations"
        )
    except Problem as wrong:
        # The list is not of architectures here, but of objects that hold one.
        raise invalid(
            [FieldError(f"{e.field}.architecture", e.message, e.hint) for e in wrong.errors]
        ) from None
    items = [
        item.model_dump() | {"architecture": architecture}
        for item, architecture in zip(request.observations, space.format(codes), strict=True)
    ]
    observations = read_observations(problem, items, own_part(study).get("tracked", ()))
    try:
        checkpoint()
        after, news = store.observe_study(
            study.id,
            observations,
            needed=[quantity.key for quantity in problem.to_measure],
            client_id=request.client_id,
            lease_seconds=lease_seconds(study),
            tenant_id=tenant,
            most=MOST_OBSERVED,
        )
    except TooManyObservations:
        detail = f"a study takes at most {MOST_OBSERVED:,} observations; open another one"
        raise Problem(409, detail, kind="too-many-observations") from None
    except ObservedOtherwise as error:
        unlike = FieldError(f"observations[{error.index}]", str(error), "name another run for a repeat")
        raise Problem(409, str(error), kind="observed-otherwise", errors=[unlike]) from None
    return ObservedPublic(news=news, study=StudyPublic.of(after))


@router.post("/{study_id}/report", responses=documented(400, 404, 408, 409, 413, 415, 422, 503, 507))
async def report_progress(
    told: ReportCreate, study: StudyDep, store: StoreDep, observing: ObservingDep, tenant: TenantDep
) -> ReportPublic:
    """Takes intermediate values of an evaluation, and says by the study's rule whether it should end now."""
    return await observing.run(_report, told, study, store, tenant)


def _report(told: ReportCreate, study: Study, store: Store, tenant: str) -> ReportPublic:
    """Runs in a thread."""
    item = StudyObservationCreate(
        architecture=told.architecture,
        values=told.values,
        fidelity=fidelity_of(told.step),
        run=f"step-{told.step}",
    )
    _observe(ObservationsCreate(observations=[item], client_id=told.client_id), study, store, tenant)
    reason = reason_to_stop(study, _canonical(study, [told.architecture])[0], told.step, store)
    return ReportPublic(should_stop=reason is not None, reason=reason)


@router.post("/{study_id}/close", responses=documented(404, 409, 422, 503, 507))
def close_study(study: StudyDep, store: StoreDep, tenant: TenantDep) -> StudyPublic:
    """Ends suggesting; evaluations under way can still be observed."""
    return StudyPublic.of(store.close_study(study.id, tenant_id=tenant))


@router.delete("/{study_id}", status_code=204, responses=documented(404, 422, 503, 507))
async def delete_study(
    study: StudyDep,
    store: StoreDep,
    tenant: TenantDep,
    studies: StudiesDep,
    bests: BestsDep,
    observing: ObservingDep,
) -> None:
    """Removes a study with its suggestions and observations."""
    await observing.run(partial(store.delete_study, study.id, tenant_id=tenant))
    studies.forget(study.id)
    bests.forget(study.id)
