"""``/v1/architectures``: what is made of any architecture, by its string."""

from fastapi import APIRouter, Request, Response

from search.request.design_request import FieldError
from search.request.meant_network import asked_network
from service.children.bounded import Bounded
from service.dependencies import Service, ServiceDep, TenantDep
from service.http.problems import documented, invalid
from service.http.strict_json import StrictJSONRoute
from service.operations.architectures import parse_architecture
from service.operations.exported import MEDIA, file_response, written
from service.operations.spaces import find_space
from service.operations.uploads import named_task
from service.schemas.architectures import ArchitectureExport
from spaces.image_space import ImageSpace

router = APIRouter(prefix="/v1/architectures", tags=["architectures"], route_class=StrictJSONRoute)


@router.post(
    "/export",
    response_class=Response,
    responses={
        200: {
            "description": "The file",
            "content": {media: {} for format, (_, media) in MEDIA.items() if format != "weights"},
        },
        **documented(400, 408, 413, 415, 422, 503),
    },
)
async def export_any_architecture(
    asked: ArchitectureExport, request: Request, service: ServiceDep, tenant: TenantDep
) -> Response:
    """A network to take away: one ``.py`` that needs torch alone, ONNX, JSON with exact costs, or a drawing.

    Of the classes and the resolution that are asked for; without them, of the task's (one of your own has its
    own number of classes), or of the space's. Weights are random: `/v1/networks` trains them.
    """
    exports: Bounded = request.app.state.exports if asked.format == "onnx" else service.science
    content = await exports.run(_make, asked, service, tenant)
    return file_response(content, asked.format, asked.space, "architecture")


def _make(asked: ArchitectureExport, service: Service, tenant: str) -> str | bytes:
    """The file; runs in a thread."""
    space = find_space(service.store, tenant, asked.space).space
    codes = parse_architecture(space, asked.architecture)
    classes = asked.classes
    if asked.task is not None and asked.task not in space.tasks:
        own = named_task(service.store, tenant, asked.task) if isinstance(space, ImageSpace) else None
        if own is None:
            known = f"its tasks are {', '.join(space.tasks)}" + (
                ", and those that you upload" if isinstance(space, ImageSpace) else ""
            )
            raise invalid([FieldError("task", f"{asked.task!r} is no task of {space.public_name}", known)])
        classes = classes or own.classes
    network = asked_network(space, asked.task, classes, asked.resolution, asked.skeleton)
    (name,) = space.format(codes[None])
    return written(space.name, name, network, asked.format, task=asked.task)
