"""``/v1/tasks``: the data sets that networks can be designed for, and those that tenants upload."""

import re
from typing import Any, BinaryIO

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from search.request.design_request import FieldError
from search.request.uploaded_task import CONDITIONED
from service.children.bounded import Bounded
from service.dependencies import IdempotencyKey, ServiceDep, StoreDep, TenantDep
from service.http.multipart import read_form
from service.http.pagination import After, Limit, page
from service.http.problems import Problem, documented, invalid
from service.http.strict_json import StrictJSONRoute
from service.operations.catalog import BUILT_IN_TASKS, spaces_of_tasks
from service.operations.uploads import add_imagenet, add_images
from service.schemas.tasks import (
    NAME,
    EmbeddingPublic,
    TaskCreate,
    TaskList,
    TaskPublic,
    TaskShown,
    UploadedTaskPublic,
)
from store.jobs.job import NotFound
from store.port import Store
from store.tasks.task import StoredTask

router = APIRouter(prefix="/v1/tasks", tags=["tasks"], route_class=StrictJSONRoute)

MULTIPART = "multipart/form-data"
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": TaskCreate.model_json_schema()},
            MULTIPART: {
                "schema": {
                    "type": "object",
                    "required": ["name", "file"],
                    "additionalProperties": False,
                    "properties": {
                        "name": {"type": "string", "pattern": NAME},
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "a zip of class folders, or an npz with `x` and `y`",
                        },
                    },
                }
            },
        },
    }
}


@router.get("", responses=documented(422, 503))
def list_tasks(store: StoreDep, tenant: TenantDep, after: After = None, limit: Limit = 20) -> TaskList:
    """The built-in tasks and those that you uploaded, by name, each with the spaces that know it."""
    tasks = [*_built_in(), *(_own(task) for task in store.tasks(tenant_id=tenant))]
    chosen, has_more = page(tasks, lambda task: task.name, after, limit)
    return TaskList(tasks=chosen, has_more=has_more)


@router.post(
    "",
    status_code=201,
    openapi_extra=_BODY,
    responses={
        200: {"model": UploadedTaskPublic, "description": "It was added before"},
        **documented(400, 408, 409, 413, 415, 422, 503, 507),
    },
)
async def create_task(
    request: Request,
    response: Response,
    service: ServiceDep,
    tenant: TenantDep,
    idempotency_key: IdempotencyKey = None,
) -> UploadedTaskPublic:
    """Adds a task by a few images of each class, or by the names of ImageNet classes.

    The same content under the same name again answers 200; what was embedded once is not embedded again.
    """
    uploads: Bounded = request.app.state.uploads
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == MULTIPART:
        form = await read_form(request, service.temporary)
        try:
            name, file = _parts(list(form.multi_items()))
            task, created = await uploads.run(add_images, service, tenant, name, file, idempotency_key)
        finally:
            await form.close()
    elif kind == "application/json":
        asked = _read(await request.json())
        task, created = await uploads.run(
            add_imagenet, service, tenant, asked.name, asked.imagenet_classes, idempotency_key
        )
    else:
        accepted = f"{MULTIPART}, application/json"
        detail = f"the body must be {MULTIPART} or JSON, not {kind or 'of no stated type'}"
        raise Problem(415, detail, headers={"Accept": accepted})
    response.status_code = 201 if created else 200
    response.headers["Location"] = f"/v1/tasks/{task.name}"
    return UploadedTaskPublic.of(task)


@router.get("/{task}", responses=documented(404, 422, 503))
def show_task(task: str, store: StoreDep, tenant: TenantDep) -> TaskShown:
    """A task; of one that you uploaded also the names of its classes."""
    for known in _built_in():
        if known.name == task:
            return TaskShown(**known.model_dump(), class_names=[])
    stored = _stored(store, tenant, task)
    return TaskShown(**_own(stored).model_dump(), class_names=list(stored.about.classes))


@router.delete("/{task}", status_code=204, responses=documented(404, 409, 422, 503))
def delete_task(task: str, store: StoreDep, tenant: TenantDep) -> Response:
    """Removes a task that you uploaded; designs and studies that were ordered for it go on."""
    if task in BUILT_IN_TASKS:
        raise Problem(409, f"{task!r} is no task of yours", kind="built-in")
    store.delete_task(_stored(store, tenant, task).name, tenant_id=tenant)
    return Response(status_code=204)


def _stored(store: Store, tenant: str, name: str) -> StoredTask:
    if not re.fullmatch(NAME, name):
        raise NotFound(f"no task {name[:64]!r}")
    return store.task(name, tenant_id=tenant)


def _parts(items: list[tuple[str, str | UploadFile]]) -> tuple[str, BinaryIO]:
    """Name and file of a form.

    Raises:
        Problem: 422 naming the part that is wrong.
    """
    errors, found = [], dict(items)
    for part in found:
        if part not in ("name", "file"):
            errors.append(FieldError(part[:100], "unknown part", "the parts are name and file"))
    if len(items) > len(found):
        errors.append(FieldError("body", "a part is there twice", "send name and file once each"))
    name, file = found.get("name"), found.get("file")
    if not isinstance(name, str) or not re.fullmatch(NAME, name):
        hint = "letters, digits and any of _.-, at most 100, with a letter or a digit first"
        errors.append(FieldError("name", "it is missing" if name is None else "it is no name", hint))
    if not isinstance(file, UploadFile):
        hint = "a file part: a zip of class folders, or an npz with x and y"
        errors.append(FieldError("file", "it is missing" if file is None else "it is no file", hint))
    if errors:
        raise invalid(errors)
    assert isinstance(name, str) and isinstance(file, UploadFile)
    return name, file.file


def _read(body: object) -> TaskCreate:
    try:
        return TaskCreate.model_validate(body)
    except ValidationError as error:
        placed = [{**each, "loc": ("body", *each["loc"])} for each in error.errors(include_url=False)]
        raise RequestValidationError(placed, body=body) from None


def _built_in() -> list[TaskPublic]:
    return [
        TaskPublic(name=task.name, description=task.description, classes=task.classes, spaces=spaces)
        for task, spaces in spaces_of_tasks().items()
    ]


def _own(task: StoredTask) -> TaskPublic:
    about = task.about
    content = f"{about.images:,} images" if about.source == "images" else "ImageNet classes"
    return TaskPublic(
        name=task.name,
        description=f"uploaded: {content}",
        classes=len(about.classes),
        spaces=list(CONDITIONED),
        images=about.images,
        embedding=EmbeddingPublic.of(task),
    )
