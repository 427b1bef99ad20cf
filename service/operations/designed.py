"""Architectures of a design's result, and what the design was ordered with."""

from collections.abc import Mapping
from typing import Any

from search.request.design_request import FieldError
from service.http.problems import Problem, invalid
from spaces.costs.network_config import NetworkConfig
from spaces.declared.space import declare
from spaces.image_space import ImageSpace
from spaces.known import get_space
from store.blobs.blobs import BlobDamaged, BlobNotFound, Blobs
from store.blobs.shared_payload import whole
from store.jobs.job import Job, JobState
from store.port import Store
from store.spaces.space import DECLARATION
from store.tasks.task import TASK


def architecture_of(store: Store, tenant: str, job: Job, rank: int) -> Mapping[str, Any]:
    """The result's object of a rank.

    Raises:
        Problem: 409 while there is none, 404 for a rank that is none.
    """
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


def payload_of(blobs: Blobs, job: Job) -> Mapping[str, Any]:
    """What the job was given, all its parts.

    Raises:
        Problem: 404 where a part is no longer kept.
    """
    try:
        return whole(job.payload, blobs)
    except (BlobNotFound, BlobDamaged):
        detail = "what this design was ordered with is no longer kept"
        raise Problem(404, detail, kind="no-order") from None


def network_config_of(
    store: Store, tenant: str, job: Job, payload: Mapping[str, object], space: str
) -> NetworkConfig:
    """The network that the result's costs are of; in results that do not say, that of the task."""
    result = store.result(job.id, tenant_id=tenant) or {}
    if isinstance(found := result.get("costs_for"), Mapping):
        return NetworkConfig.from_dict(found)
    task, uploaded, known = payload.get("task"), payload.get(TASK), get_space(space)
    own = isinstance(uploaded, Mapping) and isinstance(known, ImageSpace)
    classes = int(uploaded["classes"]) if own and isinstance(uploaded, Mapping) else None
    return known.network_config(None if task is None else str(task), classes=classes)


def space_of(payload: Mapping[str, object]) -> str:
    """The name of the job's space, which this process then knows, a declared one too."""
    declaration = payload.get(DECLARATION)
    return str(payload["space"]) if declaration is None else declare(str(declaration)).name


def trained_weights(found: Mapping[str, Any]) -> str | None:
    """The name of the blob with what an architecture's best training in the search learned, if any."""
    training = (found.get("evaluation") or {}).get("training") or {}
    name = training.get("weights")
    return None if name is None else str(name)


def read_trained(blobs: Blobs, name: str, rank: int) -> bytes:
    """The content of such a blob.

    Raises:
        Problem: 404 where it is no longer kept.
    """
    try:
        return blobs.get(name)
    except (BlobNotFound, BlobDamaged):
        raise Problem(404, f"the weights of rank {rank} are no longer kept", kind="no-weights") from None


def no_weights(field: str, rank: int) -> Problem:
    """What is answered where weights are asked for and there are none."""
    hint = "architectures that the evaluator training measured have weights"
    return invalid([FieldError(field, f"rank {rank} was not trained", hint)])
