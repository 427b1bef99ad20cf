"""``/v1/datasets``: whole data sets to train on, uploaded so that a break costs little
(:mod:`service.http.tus`)."""

import asyncio
from functools import partial
from typing import TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect

from service.dependencies import Service, ServiceDep, StoreDep, TenantDep
from service.http import tus
from service.http.arriving import Arriving
from service.http.pagination import After, Limit, page
from service.http.problems import Problem, documented
from service.operations.datasets import PIECE_BYTES, all_shown, begin, keep, shown
from service.schemas.datasets import DatasetList, DatasetPublic
from store.datasets.dataset import StoredDataset

router = APIRouter(prefix="/v1/datasets", tags=["datasets"])

T = TypeVar("T")
AT_ONCE = 8
"""Uploads that one process takes at the same time; each holds a piece in memory."""
THREADS = 2
SETTLE_SECONDS = 2.0
"""How long an answer waits for an upload whose connection may have broken."""
RETRY_AFTER_SECONDS = 5


@router.options("", status_code=204)
def describe_uploads(service: ServiceDep) -> Response:
    """What this server knows of the tus protocol."""
    most = str(service.config.max_dataset_bytes)
    named = {"tus_version": tus.VERSION, "tus_extension": tus.EXTENSIONS, "tus_max_size": most}
    return Response(status_code=204, headers=tus.headers(**named))


@router.get("", responses=documented(422, 503))
def list_datasets(store: StoreDep, tenant: TenantDep, after: After = None, limit: Limit = 20) -> DatasetList:
    """Your data sets, by name."""
    chosen, has_more = page(store.datasets(tenant_id=tenant), lambda each: each.name, after, limit)
    return DatasetList(datasets=all_shown(store, tenant, chosen), has_more=has_more)


@router.post(
    "",
    status_code=201,
    responses={
        200: {"model": DatasetPublic, "description": "It was begun before: go on from `received`"},
        **documented(409, 412, 413, 422, 503),
    },
)
def create_dataset(
    request: Request, response: Response, service: ServiceDep, tenant: TenantDep
) -> DatasetPublic:
    """Begins the upload of a data set, or finds the one that was begun, by the tus protocol.

    The header `Upload-Length` says how many bytes there are; `Upload-Metadata` holds `filename` (its ending
    says of which kind it is), `name` and perhaps `sha256`, each in base64. The content then goes to the
    `Location`.
    """
    tus.check_version(request.headers)
    length = tus.number(request.headers, "Upload-Length")
    stored, created = begin(service, tenant, tus.metadata(request.headers), length)
    response.status_code = 201 if created else 200
    response.headers.update(tus.headers(upload_offset=str(stored.received)))
    response.headers["Location"] = f"/v1/datasets/{stored.name}/content"
    return shown(service.store, tenant, stored)


@router.get("/{name}", responses=documented(404, 422, 503))
def show_dataset(name: str, store: StoreDep, tenant: TenantDep) -> DatasetPublic:
    """A data set: how much has arrived, and what is in it."""
    return shown(store, tenant, store.dataset(name, tenant_id=tenant))


@router.delete("/{name}", status_code=204, responses=documented(404, 422, 503))
def delete_dataset(name: str, store: StoreDep, tenant: TenantDep) -> Response:
    """Removes a data set, whether it has arrived or not; jobs that were ordered for it go on."""
    store.delete_dataset(name, tenant_id=tenant)
    return Response(status_code=204, headers=tus.headers())


@router.head("/{name}/content", responses=documented(404, 412, 422, 503))
async def find_offset(name: str, request: Request, store: StoreDep, tenant: TenantDep) -> Response:
    """How many bytes have arrived, in `Upload-Offset`; waits a moment for those that just do."""
    tus.check_version(request.headers)
    await _arriving(request).settled((tenant, name), SETTLE_SECONDS)
    stored = await _threaded(request, partial(store.dataset, name, tenant_id=tenant))
    lengths = {"upload_offset": str(stored.received), "upload_length": str(stored.length)}
    return Response(status_code=200, headers=tus.headers(**lengths))


@router.delete("/{name}/content", status_code=204, responses=documented(404, 422, 503))
def terminate_upload(name: str, store: StoreDep, tenant: TenantDep) -> Response:
    """The same as deleting the data set, as tus clients ask for it."""
    return delete_dataset(name, store, tenant)


@router.patch(
    "/{name}/content",
    status_code=204,
    responses=documented(404, 408, 409, 412, 413, 415, 422, 503, 507),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {tus.CONTENT_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def upload_content(name: str, request: Request, service: ServiceDep, tenant: TenantDep) -> Response:
    """Takes bytes from `Upload-Offset` on; when the last has arrived a job begins to read the data set.

    What has arrived when the connection breaks is kept.
    """
    tus.check_version(request.headers)
    offset = tus.number(request.headers, "Upload-Offset")
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != tus.CONTENT_TYPE:
        raise Problem(415, f"the content type must be {tus.CONTENT_TYPE}")
    room: asyncio.Semaphore = request.app.state.dataset_uploads
    if room.locked():
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS), "Connection": "close"}
        raise Problem(503, f"{AT_ONCE} uploads arrive already", kind="busy", headers=headers)
    async with room:
        stored = await _threaded(request, partial(service.store.dataset, name, tenant_id=tenant))
        _check_offset(stored, offset)
        with _arriving(request).upload((tenant, name)):
            offset = await _take(request, service, tenant, stored, offset)
    return Response(status_code=204, headers=tus.headers(upload_offset=str(offset)))


def _check_offset(stored: StoredDataset, offset: int) -> None:
    if offset != stored.received:
        detail = f"the content goes on at byte {stored.received}; ask with HEAD and send from there"
        raise Problem(409, detail, kind="wrong-offset", headers={"Connection": "close"})


async def _take(request: Request, service: Service, tenant: str, stored: StoredDataset, offset: int) -> int:
    """Keeps what arrives, piece by piece; returns where it ended."""
    held = bytearray()

    async def flush(size: int) -> None:
        nonlocal offset
        content = bytes(held[:size])
        del held[:size]
        offset = await _threaded(request, partial(keep, service, tenant, stored.name, offset, content))

    left = stored.length - offset
    try:
        async for part in request.stream():
            if len(part) > left:
                detail = f"these are more than the {stored.length:,} bytes that were announced"
                raise Problem(413, detail, headers={"Connection": "close"})
            left -= len(part)
            held += part
            while len(held) >= PIECE_BYTES:
                await flush(PIECE_BYTES)
    except (ClientDisconnect, TimeoutError):
        pass  # what came is kept: the client goes on behind it
    except Problem as problem:
        if problem.status_code != 408:  # too slow is a break like any other
            raise
    if held:
        await flush(len(held))
    return offset


def _arriving(request: Request) -> Arriving:
    found: Arriving = request.app.state.dataset_arriving
    return found


async def _threaded(request: Request, work: "partial[T]") -> T:
    limiter: CapacityLimiter = request.app.state.dataset_threads
    return await run_sync(work, limiter=limiter)
