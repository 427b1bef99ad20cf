"""Tasks that tenants upload: read by one child process, embedded by another, each content only once.

The first child is held to little memory and time and reads what a stranger made; the second loads torch and
sees nothing but pixels. This process passes files from one to the other and looks at no byte of them beyond
the first four.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, BinaryIO

from encoders.tasks.embedding import VERSION
from encoders.tasks.imagenet_classes import wordnet_ids
from networks.images.read import MEMORY_BYTES, PROCESSOR_SECONDS
from networks.images.sample import Head
from networks.images.zips import HINT, MAGIC
from search.request.design_request import FieldError
from search.request.uploaded_task import UploadedTask
from service.children.child_process import Died, Refused, pipe_child
from service.dependencies import Service
from service.http.problems import Problem, invalid
from service.operations.catalog import BUILT_IN_TASKS
from spaces.known import get_space, space_names
from spaces.names import NAME
from store.jobs.job import NotFound
from store.port import Store
from store.tasks.task import StoredTask, TaskContent, TaskExists, TooManyTasks

MAX_TASKS = 1000
"""Of one tenant."""
READ_SECONDS = 40.0
EMBED_SECONDS, EMBED_SECONDS_AN_IMAGE = 60.0, 0.25
"""For a start with torch and for each image that is looked at: four times what a core needs."""
RETRY_AFTER_SECONDS = 5
_READER = {"OPENBLAS_NUM_THREADS": "1"}  # each thread takes addresses, of which there are few


def add_images(
    service: Service, tenant: str, name: str, file: BinaryIO, key: str | None
) -> tuple[StoredTask, bool]:
    """The task of an uploaded file, and whether this call created it; runs in a thread.

    Raises:
        Problem: 422 that names the field, 409 for a name that is taken.
    """
    check_name(name)
    file.seek(0)
    if file.read(len(MAGIC[0])) not in MAGIC:
        raise invalid([FieldError("file", "it is neither a zip nor an npz", HINT)])
    file.seek(0)
    content = "images:" + _sha256(file)
    known = _known(service, tenant, name, content)
    return _put(service, tenant, name, known or _embedded(service, content, file), key)


def add_imagenet(
    service: Service, tenant: str, name: str, classes: Sequence[str], key: str | None
) -> tuple[StoredTask, bool]:
    """The task of classifying ImageNet classes; as :func:`add_images`."""
    check_name(name)
    _check_classes(classes)
    listed = json.dumps(list(classes)).encode()
    content = "imagenet:" + hashlib.sha256(listed).hexdigest()
    known = _known(service, tenant, name, content)
    if known is None:
        with service.temporary.open() as order:
            order.write(listed)
            blob = _embed(service, "imagenet", order, "imagenet_classes", images=0)
        known = TaskContent(content, VERSION, blob, "imagenet", tuple(classes), 0, 0)
    return _put(service, tenant, name, known, key)


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


def named_task(store: Store, tenant: str, name: str) -> UploadedTask | None:
    """The tenant's task of a name; asks the store only for what is not built in."""
    if name in BUILT_IN_TASKS or not NAME.fullmatch(name):
        return None
    try:
        about = store.task(name, tenant_id=tenant).about
    except NotFound:
        return _task_of_dataset(store, tenant, name)
    return UploadedTask(name, len(about.classes), about.embedding, about.version)


def _task_of_dataset(store: Store, tenant: str, name: str) -> UploadedTask | None:
    """The task that a data set is; None where there is none, it was not read yet, or no task can be made of
    it."""
    try:
        job_id = store.dataset(name, tenant_id=tenant).job_id
        found: Any = None if job_id is None else store.result(job_id, tenant_id=tenant)
    except NotFound:
        return None
    if not found or "embedding" not in found["task"]:
        return None
    task = found["task"]
    return UploadedTask(name, len(found["classes"]), task["embedding"], task["version"])


def check_name(name: str) -> None:
    """Refuses the names of the tasks that are there for everyone.

    Raises:
        Problem: 422 that names the field.
    """
    taken = {*BUILT_IN_TASKS, *(task for space in space_names() for task in get_space(space).tasks)}
    if name in taken:
        message = f"{name!r} is a task that is built in"
        raise invalid([FieldError("name", message, "choose another name")])


def _check_classes(classes: Sequence[str]) -> None:
    """Refuses what is no ImageNet class, or is named twice.

    Raises:
        Problem: 422 that names each of them.
    """
    known = set(wordnet_ids())
    errors = []
    for index, identity in enumerate(classes):
        field = f"imagenet_classes[{index}]"
        if identity not in known:
            hint = "for example n02123045, the tabby cat"
            errors.append(FieldError(field, f"{identity!r} is none of the 1,000 ImageNet classes", hint))
        elif identity in classes[:index]:
            errors.append(FieldError(field, f"{identity!r} is there twice", "name each class once"))
    if errors:
        raise invalid(errors)


def _known(service: Service, tenant: str, name: str, content: str) -> TaskContent | None:
    """What the content was found to be before; refuses a name that another task has before any work.

    Raises:
        Problem: 409.
    """
    try:
        if service.store.task(name, tenant_id=tenant).about.content != content:
            raise _exists(name)
    except NotFound:
        pass
    known = service.store.embedded(content, VERSION, tenant_id=tenant)
    return known if known is not None and service.blobs.exists(known.embedding) else None


def _embedded(service: Service, content: str, file: BinaryIO) -> TaskContent:
    with service.temporary.open() as sample:
        try:
            pipe_child(
                "networks.images.read",
                (),
                file,
                sample,
                seconds=READ_SECONDS,
                retry_after_seconds=RETRY_AFTER_SECONDS,
                environment=_READER,
            )
        except Refused as refused:
            raise invalid([FieldError("file", refused.message, refused.hint)]) from None
        except Died:
            limits = f"{MEMORY_BYTES >> 20} MB and {PROCESSOR_SECONDS} s"
            message = f"it cannot be read within {limits}"
            raise invalid([FieldError("file", message, "a few small images of each class suffice")]) from None
        head = Head.read(sample)
        blob = _embed(service, "images", sample, "file", images=head.sampled)
    left_out = tuple(sorted(head.left_out.items()))
    return TaskContent(content, VERSION, blob, "images", head.classes, head.images, head.sampled, left_out)


def _embed(service: Service, kind: str, order: BinaryIO, field: str, *, images: int) -> str:
    """The blob with the embedding of a sample of so many images, or of a list of classes.

    Raises:
        Problem: 422 where nothing can be made of it.
    """
    with service.temporary.open() as target:
        try:
            pipe_child(
                "encoders.tasks.embed_upload",
                (kind,),
                order,
                target,
                seconds=EMBED_SECONDS + EMBED_SECONDS_AN_IMAGE * images,
                retry_after_seconds=RETRY_AFTER_SECONDS,
            )
        except Refused as refused:
            raise invalid([FieldError(field, refused.message, refused.hint)]) from None
        except Died as died:
            raise Problem(503, f"the embedding was cut off: {died}", kind="busy") from None
        return service.blobs.put(target)


def _put(
    service: Service, tenant: str, name: str, about: TaskContent, key: str | None
) -> tuple[StoredTask, bool]:
    try:
        return service.store.put_task(name, about, tenant_id=tenant, idempotency_key=key, most=MAX_TASKS)
    except TaskExists:
        raise _exists(name) from None
    except TooManyTasks:
        detail = f"there are {MAX_TASKS:,} tasks already; delete one first"
        raise Problem(409, detail, kind="too-many-tasks") from None


def _exists(name: str) -> Problem:
    detail = f"there is another task {name!r}; delete it first, or choose another name"
    return Problem(409, detail, kind="task-exists")
