"""Data sets that tenants upload whole, to train on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from store.datasets.dataset import StoredDataset
from store.jobs.job import Job, JobState

State = Literal["uploading", "reading", "ready", "failed"]
_STATES: Mapping[JobState, State] = {
    JobState.SUCCEEDED: "ready",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "failed",
    JobState.INFEASIBLE: "failed",
}


class DatasetPublic(BaseModel):
    """A data set: how much of it has arrived, and once it was read, what is in it.

    ``images`` counts by split and class; ``left_out`` says why files were not taken, and how many;
    ``duplicates`` counts images that are in two splits; ``task`` is the embedding by which designs know the
    data set as a task, or the reason why there is none; ``smallest`` and ``largest`` are width and height.
    """

    dataset: str
    state: State
    length: int
    received: int
    reason: str | None = None
    job: str | None = None
    digest: str | None = None
    classes: list[str] | None = None
    images: dict[str, dict[str, int]] | None = None
    smallest: list[int] | None = None
    largest: list[int] | None = None
    left_out: dict[str, int] | None = None
    duplicates: dict[str, int] | None = None
    task: dict[str, str | int] | None = None
    created_at: datetime
    urls: dict[str, str]

    @classmethod
    def of(cls, stored: StoredDataset, job: Job | None, result: Mapping[str, Any] | None) -> "DatasetPublic":
        """The public face of a data set, its job and what the job found."""
        state: State = "uploading" if job is None else _STATES.get(job.state, "reading")
        found = {name: result[name] for name in cls.model_fields if name in result} if result else {}
        path = f"/v1/datasets/{stored.name}"
        return cls(
            **found
            | {
                "dataset": stored.name,
                "state": state,
                "length": stored.length,
                "received": stored.received,
                "reason": None if job is None else job.reason,
                "job": stored.job_id,
                "created_at": stored.created_at,
                "urls": {"self": path, "content": f"{path}/content"},
            }
        )


class DatasetList(BaseModel):
    """A page of data sets."""

    datasets: list[DatasetPublic]
    has_more: bool
