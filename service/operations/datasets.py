"""Data sets as they arrive: pieces become blobs, and count once their rows are committed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from networks.images.catalog import Uploaded
from search.request.design_request import FieldError
from service.dependencies import Service
from service.http.problems import Problem, invalid
from service.operations.catalog import BUILT_IN_TASKS
from service.schemas.datasets import DatasetPublic
from service.schemas.tasks import NAME
from store.datasets.dataset import DatasetExists, NoRoomForDataset, Piece, StoredDataset, WrongOffset
from store.jobs.job import NotFound
from store.port import Store

MAX_DATASETS = 100
"""Of one tenant."""
ENDINGS = (".zip", ".npz", ".tar", ".tar.gz", ".tgz", ".tar.xz")
PIECE_BYTES = 8 << 20
"""A piece is held in memory until it is kept."""
HINT = "a zip or tar of class folders, or an npz with x and y"


def begin(service: Service, tenant: str, given: dict[str, str], length: int) -> tuple[StoredDataset, bool]:
    """The upload that a client wants to begin or to go on with, and whether this call created it.

    Raises:
        Problem: 422 that names what is wrong, 409 for a name that is taken or too many bytes, 413.
    """
    name, ending = _named(given)
    sha256 = given.get("sha256")
    errors = []
    if not re.fullmatch(NAME, name):
        hint = "letters, digits and any of _.-, at most 100, with a letter or a digit first"
        errors.append(FieldError("name", f"{name[:40]!r} is no name" if name else "it is missing", hint))
    elif name in BUILT_IN_TASKS:
        errors.append(FieldError("name", f"{name!r} is a task that is built in", "choose another name"))
    if ending is None:
        message = f"{given.get('filename', '')[-40:]!r} is no file of a data set"
        errors.append(FieldError("filename", message, f"{HINT}; its name ends with {', '.join(ENDINGS)}"))
    if sha256 is not None and not re.fullmatch("[0-9a-f]{64}", sha256):
        errors.append(FieldError("sha256", "it is no SHA-256", "64 hexadecimal digits, or leave it out"))
    if length < 1:
        errors.append(FieldError("Upload-Length", "the content is empty", HINT))
    if errors:
        raise invalid(errors)
    if length > service.config.max_dataset_bytes:
        raise Problem(413, f"a data set has at most {service.config.max_dataset_bytes:,} bytes")
    assert ending is not None
    try:
        return service.store.begin_dataset(
            name,
            ending,
            length,
            sha256=sha256,
            tenant_id=tenant,
            most=MAX_DATASETS,
            most_bytes=service.config.max_datasets_bytes,
        )
    except DatasetExists:
        detail = f"there is another data set {name!r}; delete it first, or choose another name"
        raise Problem(409, detail, kind="dataset-exists") from None
    except NoRoomForDataset as error:
        raise Problem(409, f"{error}; delete one first", kind="too-many-datasets") from None


def _named(given: dict[str, str]) -> tuple[str, str | None]:
    """Name and ending of a data set; the name is the file's where none is given."""
    filename = given.get("filename", "").lower()
    ending = max((each for each in ENDINGS if filename.endswith(each)), key=len, default=None)
    name = given.get("name") or given.get("filename", "")[: len(filename) - len(ending or "")]
    return name, ending


def keep(service: Service, tenant: str, name: str, offset: int, content: bytes) -> int:
    """Keeps a piece; returns how many bytes there are once it is there for good.

    Raises:
        Problem: 409 where the content does not end at the offset.
    """
    blob = service.blobs.put(content)
    try:
        return service.store.add_piece(name, offset, Piece(blob, len(content)), tenant_id=tenant).received
    except WrongOffset as error:
        detail = f"{error}; ask with HEAD and send from there"
        raise Problem(409, detail, kind="wrong-offset") from None


@dataclass(frozen=True, slots=True)
class ReadyDataset:
    """A data set that can be trained on.

    Args:
        size: classes and side.
        payload: what a job is given of it.
    """

    size: Uploaded
    payload: dict[str, object]


def ready_dataset(store: Store, tenant: str, name: str) -> ReadyDataset | None:
    """The tenant's data set of a name; None where there is none.

    Raises:
        Problem: 409 where it has not arrived yet, was not read yet, or cannot be used.
    """
    if not re.fullmatch(NAME, name) or name in BUILT_IN_TASKS:
        return None
    try:
        public = shown(store, tenant, stored := store.dataset(name, tenant_id=tenant))
    except NotFound:
        return None
    if public.state != "ready" or stored.job_id is None:
        why = {"failed": f"cannot be used: {public.reason}", "uploading": "has not arrived yet"}
        detail = f"the data set {name!r} {why.get(public.state, 'is still being read')}"
        raise Problem(409, detail, kind="dataset-not-ready", headers={"Retry-After": "5"})
    found = store.result(stored.job_id, tenant_id=tenant) or {}
    size = Uploaded(len(public.classes or ()), int(str(found["side"])))
    return ReadyDataset(size, stored.payload() | {"classes": size.classes, "side": size.side})


def shown(store: Store, tenant: str, stored: StoredDataset) -> DatasetPublic:
    """A data set with what its job found."""
    return all_shown(store, tenant, [stored])[0]


def all_shown(store: Store, tenant: str, stored: Sequence[StoredDataset]) -> list[DatasetPublic]:
    """Data sets with what their jobs found, asked for at once."""
    ids = [each.job_id for each in stored if each.job_id is not None]
    readings = store.readings(ids, tenant_id=tenant) if ids else {}
    return [DatasetPublic.of(each, *readings.get(each.job_id or "", (None, None))) for each in stored]
