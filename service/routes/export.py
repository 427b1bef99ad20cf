"""``/v1/jobs/{id}/architectures/{rank}/export``: an architecture of a result, to take away."""

import base64
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from service.children.bounded import Bounded
from service.dependencies import JobDep, Service, ServiceDep, TenantDep
from service.http.problems import documented
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
from service.operations.exported import MEDIA, file_response, onnx_by_child, written
from store.jobs.job import Job

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=StrictJSONRoute)

Format = Literal["torch", "onnx", "json", "svg", "weights"]


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
    return file_response(content, format, str(job.payload["space"]), f"{job.id[-8:]}-{rank}")


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
    if format == "onnx" and weights is not None:
        content = read_trained(service.blobs, weights, rank)
        return onnx_by_child({"weights": base64.b64encode(content).decode()})
    named = None if task is None else str(task)
    return written(space, name, network, format, task=named, predictions=found.get("metrics"))
