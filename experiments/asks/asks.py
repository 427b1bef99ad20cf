"""``netwright compare asks``: every ask of a user that Netwright answers, with what it is worth."""

from collections.abc import Callable, Sequence

from experiments.asks.batches import batch_rows
from experiments.asks.distinct import distinct_rows
from experiments.asks.inputs import input_rows
from experiments.asks.jobs import job_rows
from experiments.asks.own_device import own_device_rows
from experiments.asks.own_tasks import own_task_rows
from experiments.framework.context import Context
from experiments.framework.registry import comparison
from experiments.framework.row import Row

SECTIONS: tuple[Callable[[Context], Sequence[Row]], ...] = (
    own_device_rows,
    own_task_rows,
    distinct_rows,
    batch_rows,
    job_rows,
    input_rows,
)
"""One an ask; a new one is a file beside this one and a name here."""

PROTOCOL = """Each section is what a user asks for, through the request that he would send.

own-device: a phone that no table has, measured on the ten cells of NAS-Bench-201 that the probe chooses from
300 random ones (other ones in each design), bounds what is trained. Five phones of the latency table play it,
each with the shared device model refitted and recalibrated without its column; bounds are the 25th percentile
of the phone's true latencies at confidence .9; trainings are stubbed by an evaluator that returns the table's
CIFAR-100 accuracies for images of one's own, two a design. Counted are trainings on cells whose true latency
is more than 5 % over the bound; beside it the same with knowledge none.

own-tasks: a task that someone uploaded (prototypes drawn at random) is designed for in each image space with
no evaluation; counted are spaces that return architectures, ranked and marked extrapolated.

distinct: a design without and one with evaluations, of cells with at most .1 M parameters, most of which have
twins; counted are architectures, returned or evaluated, beyond one of each network (isomorphism key and exact
costs); beside it with "distinct": "string".

batches: three designs that differ in a bound, one seed, with a stubbed training; counted are trainings for
each architecture, and whether every finding names the job that did it.

jobs: deaths of its worker that a job outlives, of 20, when each attempt stores an observation, a further
checkpoint, or nothing.

inputs: shares of 50 short ids, of quantities written as keys, and of six files of measurements (byte-order
mark, header, CRLF, semicolons with decimal commas, quotes) that are understood as what they mean."""


@comparison("asks", protocol=PROTOCOL, seeds=5, full_seeds=5, hours=0.05)
def asks(context: Context) -> list[Row]:
    """The rows of every section."""
    return [row for section in SECTIONS for row in context.section(section)]
