"""The pool of a design: evaluations as jobs of their own, which any worker takes."""

from typing import Any

from spaces.metric import Observation
from store.jobs.job import JobState
from workers.handlers import JobContext

HANDED_OUT = "handed-out"
PROGRESS = "evaluating"
"""Kind of the event that says how far an evaluation that was handed out is."""


class JobEvaluationPool:
    """Hands architectures out as jobs of kind ``evaluation``.

    What was handed out stands in the design's events, so that a successor waits for the same jobs.
    """

    def __init__(self, context: JobContext) -> None:
        self._context = context
        done = {observation.architecture for observation in context.stored}
        self._jobs: dict[str, str] = {}
        self._said: dict[str, str] = {}
        self._count = 0
        for data in context.past(HANDED_OUT):
            architecture, job = data.get("architecture"), data.get("job")
            self._count += 1
            if isinstance(architecture, str) and isinstance(job, str):
                self._jobs.pop(architecture, None)
                if data.get("taken_back") is not True and architecture not in done:
                    self._jobs[architecture] = job

    def waiting(self) -> list[str]:
        """Architectures that were handed out and are not collected yet."""
        return list(self._jobs)

    def hand_out(self, architecture: str) -> None:
        """Orders an evaluation."""
        payload = {"request": self._context.job.payload, "architecture": architecture}
        # Numbered: one that was taken back, and is handed out again by a successor, is another job.
        job = self._context.children.order("evaluation", payload, f"{architecture} {self._count}")
        self._count += 1
        self._context.on_event(HANDED_OUT, data={"architecture": architecture, "job": job})
        self._jobs[architecture] = job

    def collect(self) -> list[Observation]:
        """What has ended; an evaluation that failed as a job is a failed observation."""
        seen = []
        for architecture, job_id in list(self._jobs.items()):
            job = self._context.children.look(job_id)
            if not job.state.terminal:
                if job.message and job.message != self._said.get(architecture):
                    self._said[architecture] = job.message
                    data = {"architecture": architecture, "job": job_id, "said": job.message}
                    self._context.on_event(PROGRESS, message=job.message, data=data)
                continue
            result = self._context.children.result(job_id) if job.state is JobState.SUCCEEDED else None
            if result is None:
                why = job.reason or f"its evaluation was {job.state}"
                seen.append(Observation(architecture, {}, "evaluation", failed=why))
            else:
                fields: Any = result["observation"]
                seen.append(Observation(**fields))
            del self._jobs[architecture]
        return seen

    def take_back(self) -> str | None:
        """An architecture that no worker has begun."""
        for architecture, job_id in list(self._jobs.items()):
            if self._context.children.look(job_id).state is not JobState.QUEUED:
                continue
            if self._context.children.cancel(job_id).state is JobState.CANCELLED:
                data = {"architecture": architecture, "job": job_id, "taken_back": True}
                self._context.on_event(HANDED_OUT, data=data)
                del self._jobs[architecture]
                return architecture
        return None

    def disband(self) -> None:
        """Cancels everything that was handed out."""
        for job_id in self._jobs.values():
            self._context.children.cancel(job_id)
