"""A space that a tenant has declared: plain data."""

from dataclasses import dataclass
from datetime import datetime

KIND = "space"
"""Of jobs that train the generator of a declared space."""


class SpaceExists(ValueError):
    """The tenant has another declaration of this name; not worth a retry: delete it, or choose a name."""


class TooManySpaces(ValueError):
    """The tenant has as many spaces as one may; worth a retry once one is deleted."""


@dataclass(frozen=True, slots=True)
class StoredSpace:
    """A declaration; unique for each tenant and name.

    Args:
        tenant_id: whose it is.
        name: as it was declared.
        digest: SHA-256 of the declaration.
        declaration: JSON text.
        job_id: the job that trains its generator; None before one was ordered.
        created_at: by the store's clock.
    """

    tenant_id: str
    name: str
    digest: str
    declaration: str
    job_id: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SpaceSummary:
    """What a list says of a declared space; None where it was stored by a version that did not say it.

    Args:
        name: as it was declared.
        title: for people.
        size: number of architectures.
    """

    name: str
    title: str | None
    size: int | None


DECLARATION, GENERATOR = "declaration", "generator"
"""What a job's payload says of a declared space: the declaration, and the blob of its generator's weights."""
