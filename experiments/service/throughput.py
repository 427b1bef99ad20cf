"""How many architectures a second, ``netwright compare throughput``: figure 7.

Each way of asking is a module with a function from a context to rows; :func:`throughput` lists them.
"""

from collections.abc import Callable, Sequence

from experiments.framework.context import Context
from experiments.framework.registry import comparison
from experiments.framework.row import Row
from experiments.service.in_process import PROTOCOL as IN_PROCESS
from experiments.service.in_process import in_process
from experiments.service.of_training import PROTOCOL as OF_TRAINING
from experiments.service.of_training import of_training
from experiments.service.over_http import PROTOCOL as OVER_HTTP
from experiments.service.over_http import over_http

WAYS: tuple[Callable[[Context], list[Row]], ...] = (in_process, over_http, of_training)


@comparison(
    "throughput", protocol=IN_PROCESS + OVER_HTTP + OF_TRAINING, seeds=1, full_seeds=1, alone=True, hours=0.2
)
def throughput(context: Context) -> Sequence[Row]:
    """Every way of asking."""
    return [row for way in WAYS for row in context.section(way)]
