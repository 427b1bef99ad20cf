"""A network: an architecture that a tenant has trained, or has ordered to be; plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from store.jobs.job import JobState, StoreError

KIND = "network"
"""Of the jobs that train one."""


class TooManyNetworks(StoreError):
    """The tenant has as many as it may; delete one first."""


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """What is to be trained, and how.

    Args:
        space: whose architecture.
        architecture: canonical string.
        dataset: name of the images.
        order: all that the training needs besides, plain JSON: where it starts, recipe, seed.
    """

    space: str
    architecture: str
    dataset: str
    order: Mapping[str, object] = field(default_factory=dict)

    def to_dict(self) -> dict[str, object]:
        """The specification as plain JSON."""
        return {
            "space": self.space,
            "architecture": self.architecture,
            "dataset": self.dataset,
            "order": dict(self.order),
        }


@dataclass(frozen=True, slots=True)
class TrainedNetwork:
    """What a training gave.

    Args:
        network_id: what was trained.
        weights, bundle: names of the blobs that hold them.
        card: the bundle's card, plain JSON.
    """

    network_id: str
    weights: str
    bundle: str
    card: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class StoredNetwork:
    """One row.

    Args:
        id: sortable by time of creation.
        job_id: the job that trains it.
        job_state, reason: how that job stands.
        weights, bundle: names of blobs; None while it is not trained.
        card: as in :class:`TrainedNetwork`; empty while it is not trained.
    """

    id: str
    tenant_id: str
    spec: NetworkSpec
    job_id: str
    job_state: JobState
    reason: str | None
    weights: str | None
    bundle: str | None
    card: Mapping[str, object]
    created_at: datetime
    trained_at: datetime | None
