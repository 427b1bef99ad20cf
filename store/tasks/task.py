"""A task that a tenant has uploaded, and what an image backbone made of it: plain data."""

from dataclasses import dataclass
from datetime import datetime

from store.database import strict_json


class TaskExists(ValueError):
    """The tenant has another task of this name; not worth a retry: delete it, or choose a name."""


class TooManyTasks(ValueError):
    """The tenant has as many tasks as one may; worth a retry once one is deleted."""


@dataclass(frozen=True, slots=True)
class TaskContent:
    """What a task consists of, however it is called.

    Args:
        content: SHA-256 of what was uploaded; with ``version`` it names the embedding that was made of it.
        version: of the encoder.
        embedding: name of the blob that holds the embedding.
        source: ``images`` or ``imagenet``.
        classes: their names.
        images: how many there were.
        embedded: how many of them were looked at.
        left_out: why files were not taken, and how many.
    """

    content: str
    version: str
    embedding: str
    source: str
    classes: tuple[str, ...]
    images: int
    embedded: int
    left_out: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class StoredTask:
    """A task; unique for each tenant and name.

    Args:
        tenant_id: whose it is.
        name: as it was given.
        about: what it consists of.
        created_at: by the store's clock.
    """

    tenant_id: str
    name: str
    about: TaskContent
    created_at: datetime


TASK = "uploaded"
"""What a job's payload and a study's request say of an uploaded task."""


def task_digest(name: str, about: TaskContent) -> str:
    """Says whether two uploads are the same order: the name and what was sent under it."""
    return strict_json.digest({"name": name, "content": about.content})


def key_digest(idempotency_key: str) -> str:
    """What is kept of a client's key."""
    return strict_json.digest({"key": idempotency_key})
