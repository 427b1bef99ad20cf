"""Long work shown to people: a bar on a terminal, plain lines elsewhere, both on standard error."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from netwright.cli.exit_codes import ExitCode, stop
from netwright.cli.output import err, note
from netwright.client.client import Client, JobHandle
from netwright.client.sse import TERMINAL, JobEvent
from store.database.ids import short_id

Report = Callable[[int, int, str], None]
"""Called with done, total and a message."""


@contextmanager
def progress_bar(title: str) -> Iterator[Report]:
    """A function that shows how far something is."""
    console = err()
    if not console.is_terminal:

        def line(done: int, total: int, message: str) -> None:
            console.print(f"{title} {f'{done}/{total} ' if total else ''}{message}", markup=False)

        yield line
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[message]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None, message="")

        def show(done: int, total: int, message: str) -> None:
            bar.update(task, completed=done, total=total or None, message=message[:80])

        yield show


LOOK_SECONDS = 5.0
"""Between two looks for workers."""


@contextmanager
def missing_workers_reported(client: Client, job: JobHandle, hint: str) -> Iterator[None]:
    """Says, each time it becomes so while the block runs, that the job waits since no worker is running."""
    over = Event()

    def look() -> None:
        there = True
        while True:
            found = client.workers()
            if found == 0 and there and not over.is_set():
                note(f"no worker is running: the job waits; {hint}")
            there = there if found is None else found > 0
            if over.wait(LOOK_SECONDS):
                return

    thread = Thread(target=look, name="workers", daemon=True)
    if job.state not in TERMINAL:
        thread.start()
    try:
        yield
    finally:
        over.set()
        if thread.is_alive():
            thread.join()


def follow(job: JobHandle, on_event: Callable[[JobEvent], None] | None = None) -> dict[str, Any]:
    """Shows a job's progress until it has ended; returns it as it is then.

    Raises:
        typer.Exit: 130 where someone interrupts; the job goes on wherever there are workers.
    """
    shown = None
    try:
        with progress_bar(f"job {short_id(job.id)}") as show:
            for event in job.events():
                if on_event is not None:
                    on_event(event)
                progress = event.data.get("progress")
                if event.kind != "state" and progress and progress != shown:
                    show(progress["done"], progress["total"], progress["message"])
                    shown = progress
            return job.refresh()
    except KeyboardInterrupt:
        message = (
            f"interrupted; see it with: netwright jobs watch {job.id}, or, where no server runs, go on with: "
            f"netwright jobs resume {short_id(job.id)}"
        )
        raise stop(message, ExitCode.INTERRUPTED) from None
