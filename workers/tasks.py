"""The one Celery task: "job X is ready"."""

from collections.abc import Callable

from celery import Celery

from workers.queue import TASK


def register(app: Celery, execute: Callable[[str], object]) -> None:
    """Registers the task; it does nothing but call a plain function with the job's id."""

    @app.task(name=TASK)  # type: ignore[untyped-decorator]
    def run(job_id: str) -> None:
        execute(job_id)
