"""How many architectures a second, ``netwright compare throughput``: figure 7.

Each way of asking is a module with a function from a context to rows; :func:`throughput` lists them.
"""

from collections.abc import Callable, Sequence

from experiments.frame import SCIENCE, Context, comparison
from experiments.row import Row
from experiments.speed_in_process import PROTOCOL as IN_PROCESS
from experiments.speed_in_process import in_process
from experiments.speed_of_training import PROTOCOL as OF_TRAINING
from experiments.speed_of_training import of_training
from experiments.speed_over_http import PROTOCOL as OVER_HTTP
from experiments.speed_over_http import over_http

WAYS: tuple[Callable[[Context], list[Row]], ...] = (in_process, over_http, of_training)

PACKAGES = (*SCIENCE, "store", "service", "netwright")


@comparison(
    "throughput", protocol=IN_PROCESS + OVER_HTTP + OF_TRAINING, seeds=1, full_seeds=1, packages=PACKAGES
)
def throughput(context: Context) -> Sequence[Row]:
    """Every way of asking."""
    return [row for way in WAYS for row in way(context)]
