"""A batch over bounds and devices: what its designs evaluate in common is trained once."""

from collections.abc import Callable
from typing import Any

from experiments.framework.context import Context
from experiments.framework.row import NO_TABLE, Row

BOUNDS = (0.6, 0.9, 1.2)
EVALUATIONS = 6


def batch_rows(context: Context) -> list[Row]:
    """Trainings for each architecture that the designs of a batch evaluate."""
    trained, evaluated, named = context.once("batches", _trained)
    different, each = len(set(evaluated)), "for each architecture"
    return [
        Row.measured(
            "batches-trainings",
            len(trained) / different,
            each,
            statement=f"{len(BOUNDS)} designs, deterministic",
            goal="== 1",
            evaluated_on=NO_TABLE,
        ),
        Row.measured(
            "batches-evaluations",
            len(evaluated) / different,
            each,
            statement="what each design would train alone",
        ),
        Row.measured(
            "batches-origins-named",
            float(named),
            "of 1",
            statement="deterministic",
            goal="== 1",
            evaluated_on=NO_TABLE,
        ),
    ]


def _trained() -> tuple[list[str], list[str], bool]:
    """What was trained, what designs evaluated, and whether each finding names the job that did it."""
    from search.request.design_request import parse_request
    from search.run.suggested import suggested
    from search.shared_work import done_once
    from search.study import strategy_of
    from store.memory import MemoryStore
    from workers.shared_work import JobSharedWork

    store, trained, evaluated = MemoryStore(), list[str](), list[str]()
    named = True
    doers: dict[str, str] = {}
    for number, bound in enumerate(BOUNDS):
        order = {"space": "nasbench201", "task": "cifar10-int8-ptq", "strategy": "random"}
        request = parse_request(order | {"constraints": [{"metric": "macs_m", "max": 1000.0 * bound}]})
        job, _ = store.submit("design", {"seed": number})
        shared = JobSharedWork(store, job, 1.0)
        for architecture in suggested(strategy_of(request, None), EVALUATIONS):

            def train(_: Callable[[], bool], architecture: str = architecture) -> dict[str, Any]:
                trained.append(architecture)
                return {"accuracy": 90.0}

            identity = {"architecture": architecture, "data": "digest", "recipe": {"epochs": 2}, "seed": 0}
            found, own = done_once(shared, identity, train, lambda: False)
            doers.setdefault(architecture, job.id)
            named &= found["origin"] == doers[architecture] and own == (doers[architecture] == job.id)
            evaluated.append(architecture)
    return trained, evaluated, named
