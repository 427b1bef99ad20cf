"""Jobs as everyone may see them."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from store.jobs.job import Job
from store.jobs.place import told_of
from store.networks.network import KIND as NETWORK
from store.predictors.predictor import KIND as PREDICTOR


class ProgressPublic(BaseModel):
    """How far a job is; ``total`` is 0 while it is not known."""

    done: int
    total: int
    message: str


class JobUrls(BaseModel):
    """Where to ask next, as paths on this server."""

    self: str
    events: str
    result: str
    cancel: str


class JobPublic(BaseModel):
    """A job as everyone may see it."""

    id: str
    kind: str
    name: str | None = Field(None, description="what whoever ordered a design calls it")
    priority: int = 0
    label: str | None = None
    state: Literal["queued", "running", "cancelling", "succeeded", "failed", "cancelled", "infeasible"]
    attempt: int
    progress: ProgressPublic
    reason: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    retry_of: str | None
    parent: str | None
    predictor: str | None = Field(None, description="the predictor that it trains")
    network: str | None = Field(None, description="the network that it trains")
    urls: JobUrls

    @classmethod
    def of(cls, job: Job) -> "JobPublic":
        """The public face of a stored job."""
        path = f"/v1/jobs/{job.id}"
        return cls.model_validate(
            {
                "id": job.id,
                "kind": job.kind,
                "name": job.payload.get("name") if job.kind == "design" else None,
                **told_of(job.payload),
                "state": job.public_state,
                "attempt": job.attempt,
                "progress": {"done": job.done, "total": job.total, "message": job.message},
                "reason": job.reason,
                "created_at": job.created_at,
                "started_at": job.started_at,
                "finished_at": job.finished_at,
                "retry_of": job.retry_of,
                "parent": job.parent_id,
                "predictor": job.payload.get("predictor") if job.kind == PREDICTOR else None,
                "network": job.payload.get("network") if job.kind == NETWORK else None,
                "urls": {
                    "self": path,
                    "events": f"{path}/events",
                    "result": f"{path}/result",
                    "cancel": f"{path}/cancel",
                },
            }
        )


class JobList(BaseModel):
    """A page of jobs, newest first."""

    jobs: list[JobPublic]
    has_more: bool
