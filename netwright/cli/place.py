"""Options of orders: which worker takes a job, and how soon."""

from typing import Annotated

import typer

from store.jobs.place import LEAST_PRIORITY, MOST_PRIORITY

PriorityOption = Annotated[
    int,
    typer.Option(
        min=LEAST_PRIORITY, max=MOST_PRIORITY, help="Among your jobs that wait, the highest goes first."
    ),
]
LabelOption = Annotated[
    str | None, typer.Option(help="Only workers take it whose NETWRIGHT_QUEUES names this label.")
]
