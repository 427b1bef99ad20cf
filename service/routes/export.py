"""``/v1/jobs/{id}/architectures/{rank}/export``: an architecture of a result, to take away."""

import base64
import json
import re
from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from networks.export import draw, program
from networks.export.document import document
from networks.plan import NoNetwork
from search.request.design_request import FieldError
from service.children.bounded import Bounded
from service.children.child_process import run_child
from service.dependencies import JobDep, Service, ServiceDep, TenantDep
from service.http.problems import documented, finite, invalid
from service.http.strict_json import StrictJSONRoute
from service.operations.designed import (
    architecture_of,
    network_config_of,
    no_weights,
    payload_of,
    read_trained,
    space_of,
    trained_weights,
)
from spaces.known import get_space
from store.jobs.job import Job

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=StrictJSONRoute)

Format = Literal["torch", "onnx", "json", "svg", "weights"]
MEDIA: Mapping[str, tuple[str, str]] = {
    "torch": ("py", "text/x-python"),
    "onnx": ("onnx", "application/octet-stream"),
    "json": ("json", "application/json"),
    "svg": ("svg", "image/svg+xml"),
    "weights": ("safetensors", "application/octet-stream"),
}
"""Format → ending of the file's name, media type."""
ONNX_SECONDS = 60.0


@router.get(
    "/{job_id}/architectures/{rank}/export",
    response_class=Response,
    responses={
        200: {"description": "The file", "content": {media: {} for _, media in MEDIA.values()}},
        **documented(404, 409, 422, 503),
    },
)
async def export_architecture(
    job: JobDep,
    rank: Annotated[int, Path(ge=1, le=1_000_000, description="of the architecture in the result")],
    request: Request,
    service: ServiceDep,
    tenant: TenantDep,
    format: Annotated[
        Format, Query(description="a Python file, ONNX, JSON, a drawing, or weights")
    ] = "torch",
) -> Response:
    """One standalone ``.py`` that needs torch alone, ONNX, JSON, a drawing, or the weights of its training.

    ONNX is made by a child process within a minute, with the weights of the training where there was one;
    everything else at once. Weights are safetensors with what they are of in their metadata; only
    architectures that the evaluator ``training`` measured have any.
    """
    exports: Bounded = request.app.state.exports if format in ("onnx", "weights") else service.science
    content = await exports.run(_make, service, tenant, job, rank, format)
    ending, media = MEDIA[format]
    space = re.sub(r"\W+", "-", str(job.payload["space"]))
    name = f"{space}-{job.id[-8:]}-{rank}.{ending}"
    shown = "inline" if format in ("json", "svg") else "attachment"
    headers = {"Content-Disposition": f'{shown}; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=media, headers=headers)


def _make(service: Service, tenant: str, job: Job, rank: int, format: Format) -> str | bytes:
    """The file; runs in a thread."""
    found = architecture_of(service.store, tenant, job, rank)
    weights = trained_weights(found)
    if format == "weights":
        if weights is None:
            raise no_weights("format", rank)
        return read_trained(service.blobs, weights, rank)
    payload = payload_of(service.blobs, job)
    space, task = space_of(payload), payload.get("task")
    network = network_config_of(service.store, tenant, job, payload, space)
    name = str(found.get("network") or found["architecture"])
    try:
        if format == "torch":
            return program(space, name, network)
        if format == "svg":
            return draw(space, name, network, task=None if task is None else str(task))
        if format == "json":
            made = document(space, name, network, predictions=found.get("metrics"))
            made["task"] = task
            return json.dumps(finite(made), ensure_ascii=False, indent=2, allow_nan=False)
        program(space, name, network)  # a space without networks is refused before a process is started
    except NoNetwork:
        problem = FieldError("format", f"{get_space(space).title} has no networks to build", "json or svg")
        raise invalid([problem]) from None
    order: dict[str, object] = {"space_name": space, "architecture": name, "network": network.to_dict()}
    if weights is not None:
        content = read_trained(service.blobs, weights, rank)
        order = {"weights": base64.b64encode(content).decode()}
    return run_child("networks.export.onnx_file", order, seconds=ONNX_SECONDS, retry_after_seconds=5)
