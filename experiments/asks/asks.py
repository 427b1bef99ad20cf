"""``netwright compare asks``: every ask of a user that Netwright answers, with what it is worth."""

from collections.abc import Callable, Sequence

from experiments.asks.own_device import own_device_rows
from experiments.asks.own_tasks import own_task_rows
from experiments.framework.context import Context
from experiments.framework.registry import comparison
from experiments.framework.row import Row

SECTIONS: tuple[Callable[[Context], Sequence[Row]], ...] = (own_device_rows, own_task_rows)
"""One an ask; a new one is a file beside this one and a name here."""

PROTOCOL = """Each section is what a user asks for, through the request that he would send.

own-device: a phone that no table has, measured on the ten cells of NAS-Bench-201 that the probe chooses from
300 random ones (other ones in each design), bounds what is trained. Five phones of the latency table play it,
each with the shared device model refitted and recalibrated without its column; bounds are the 25th percentile
of the phone's true latencies at confidence .9; trainings are stubbed by an evaluator that returns the table's
CIFAR-100 accuracies for images of one's own, two a design. Counted are trainings on cells whose true latency
is more than 5 % over the bound; beside it the same with knowledge none.

own-tasks: a task that someone uploaded (prototypes drawn at random) is designed for in each image space with
no evaluation; counted are spaces that return architectures, ranked and marked extrapolated."""


@comparison("asks", protocol=PROTOCOL, seeds=5, full_seeds=20, hours=0.2)
def asks(context: Context) -> list[Row]:
    """The rows of every section."""
    return [row for section in SECTIONS for row in context.section(section)]
