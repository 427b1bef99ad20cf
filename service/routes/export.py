"""``/v1/jobs/{id}/architectures/{rank}/export``: an architecture of a result, to take away."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from networks.export import draw, program
from networks.export.document import document
from networks.plan import NoNetwork
from search.request.design_request import FieldError
from service.children.bounded import Bounded
from service.children.child_process import run_child
from service.dependencies import JobDep, Service, ServiceDep, TenantDep
from service.http.problems import Problem, documented, finite, invalid
from service.http.strict_json import StrictJSONRoute
from spaces.costs.network_config import NetworkConfig
from spaces.declared.space import declare
from spaces.image_space import ImageSpace
from spaces.space import get_space
from store.blobs.blobs import BlobDamaged, BlobNotFound, Blobs
from store.blobs.shared_payload import whole
from store.jobs.job import Job, JobState
from store.port import Store
from store.spaces.space import DECLARATION
from store.tasks.task import TASK

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

    ONNX is made by a child process within a minute; everything else at once. Weights are safetensors with
    what they are of in their metadata; only architectures that the evaluator ``training`` measured have any.
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
    found = _architecture(service.store, tenant, job, rank)
    if format == "weights":
        return _weights(service.blobs, found, rank)
    payload = _payload(service.blobs, job)
    space, task = _space(payload), payload.get("task")
    network = _network(service.store, tenant, job, payload, space)
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
    return run_child(
        "networks.export.onnx_file",
        {"space_name": space, "architecture": name, "network": network.to_dict()},
        seconds=ONNX_SECONDS,
        retry_after_seconds=5,
    )


def _weights(blobs: Blobs, found: Mapping[str, Any], rank: int) -> bytes:
    """What the architecture's best training learned."""
    training = (found.get("evaluation") or {}).get("training") or {}
    if (name := training.get("weights")) is None:
        hint = "architectures that the evaluator training measured have weights"
        raise invalid([FieldError("format", f"rank {rank} was not trained", hint)])
    try:
        return blobs.get(str(name))
    except (BlobNotFound, BlobDamaged):
        raise Problem(404, f"the weights of rank {rank} are no longer kept", kind="no-weights") from None


def _payload(blobs: Blobs, job: Job) -> Mapping[str, object]:
    """What the job was given, all its parts."""
    try:
        return whole(job.payload, blobs)
    except (BlobNotFound, BlobDamaged):
        detail = "what this design was ordered with is no longer kept"
        raise Problem(404, detail, kind="no-order") from None


def _network(store: Store, tenant: str, job: Job, payload: Mapping[str, object], space: str) -> NetworkConfig:
    """The network that the result's costs are of; in results that do not say, that of the task."""
    result = store.result(job.id, tenant_id=tenant) or {}
    if isinstance(found := result.get("costs_for"), Mapping):
        return NetworkConfig.from_dict(found)
    task, uploaded, known = payload.get("task"), payload.get(TASK), get_space(space)
    own = isinstance(uploaded, Mapping) and isinstance(known, ImageSpace)
    classes = int(uploaded["classes"]) if own and isinstance(uploaded, Mapping) else None
    return known.network_config(None if task is None else str(task), classes=classes)


def _space(payload: Mapping[str, object]) -> str:
    """The name of the job's space, which this process then knows, a declared one too."""
    declaration = payload.get(DECLARATION)
    return str(payload["space"]) if declaration is None else declare(str(declaration)).name


def _architecture(store: Store, tenant: str, job: Job, rank: int) -> Mapping[str, Any]:
    """The result's object of a rank."""
    if job.kind != "design":
        raise Problem(409, f"a {job.kind} job has no architectures", kind="no-result")
    result = store.result(job.id, tenant_id=tenant)
    if result is None or "architectures" not in result:
        why = "it has no architectures" + ("" if job.state.terminal else " yet")
        raise Problem(409, f"the job is {job.public_state}; {why}", kind="no-result")
    architectures: Any = result["architectures"]
    if not architectures and job.state is JobState.INFEASIBLE:
        raise Problem(409, "the design is infeasible: it has no architectures", kind="no-result")
    for found in architectures:
        if found.get("rank") == rank:
            chosen: Mapping[str, Any] = found
            return chosen
    raise Problem(404, f"the result has no rank {rank}; its ranks are 1 to {len(architectures)}")
