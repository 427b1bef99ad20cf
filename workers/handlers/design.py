"""Designs: the search stores every step and stops when asked."""

from typing import TYPE_CHECKING, Any

from networks.training.designed import FINISH, dataset_of, designed_network
from networks.training.order import BUNDLE_STEPS
from spaces.known import get_space
from store.datasets.dataset import DATASETS
from store.jobs.job import JobState
from store.jobs.place import inherited
from store.networks.network import NetworkSpec
from workers.checkpoints import JobCheckpoints
from workers.datasets import images_of
from workers.evaluation_pool import JobEvaluationPool
from workers.handlers import JobContext, JobStopped, Outcome, handles
from workers.spaces import ready_space

if TYPE_CHECKING:
    from search.run.loop import Event


@handles("design")
def design(context: JobContext) -> Outcome:
    """Runs ``search.design.run_design`` on the job's payload, resuming from stored observations."""
    # Imported here: the science loads torch, and a worker is ready before that.
    import torch

    from search.design import Stopped, run_design
    from search.evaluator import Bench
    from search.request.design_request import DesignRequest

    # Workers share the machine's cores, and sums in a fixed order give a seed the same answer on all of them.
    torch.set_num_threads(1)

    def on_event(event: "Event") -> None:
        context.on_event(
            event.kind,
            done=event.done,
            total=event.total,
            message=event.message,
            data=event.data,
            observations=event.observations,
        )

    payload: dict[str, Any] = ready_space(context)
    finish, data = int(payload.pop(FINISH, 0)), dict(payload.get(DATASETS, {}))
    tables = context.tables()
    checkpoints = JobCheckpoints(context)
    pool = JobEvaluationPool(context)
    with images_of(payload, context) as images:
        bench = Bench(
            tables, images, context.cache_dir, context.blobs, checkpoints, context.shared, context.remote
        )
        try:
            designed = run_design(
                DesignRequest.from_dict(payload),
                tables=tables,
                bench=bench,
                pool=pool,
                unfinished=checkpoints.unfinished,
                stored=context.stored,
                on_event=on_event,
                should_stop=context.should_stop,
            )
        except Stopped as stopped:
            if context.cancelled():
                pool.disband()
            raise JobStopped from stopped
    if finish and designed.state == JobState.SUCCEEDED:
        _finish(context, payload, data, designed.result["architectures"], finish)
    return Outcome(JobState(designed.state), designed.result, designed.reason)


def _finish(
    context: JobContext, payload: dict[str, Any], data: dict[str, Any], architectures: Any, count: int
) -> None:
    """Orders the training of the best on all images; each result object then names its network."""
    space, name = get_space(str(payload["space"])), dataset_of(payload)
    for found in architectures[:count]:
        network = designed_network(space, payload, found, context.job.id)
        order = (
            network.order.to_dict()
            | ({DATASETS: {name: data[name]}} if name in data else {})
            | inherited(payload)
        )
        spec = NetworkSpec(space.name, network.architecture, network.dataset, order)
        total = network.order.recipe.epochs + BUNDLE_STEPS
        made, job = context.children.order_network(spec, f"finish {found['rank']}", total)
        found["finished"] = {"network": made, "job": job}
