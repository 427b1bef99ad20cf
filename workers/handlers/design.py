"""Designs: the search stores every step and stops when asked."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from networks.training.designed import FINISH, FINISH_OPTIONS, DesignedNetwork, designed_network
from networks.training.start import PRETRAINED
from spaces.costs.network_config import FULL
from spaces.known import get_space
from spaces.space import Space
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

    from search.baselines import backbone_beside, baselines, costs_of
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
    finish, changes = int(payload.pop(FINISH, 0)), payload.pop(FINISH_OPTIONS, {})
    data = dict(payload.get(DATASETS, {}))
    tables = context.tables()
    checkpoints = JobCheckpoints(context)
    pool = JobEvaluationPool(context)
    with images_of(payload, context) as images:
        bench = Bench(
            tables, images, context.cache_dir, context.blobs, checkpoints, context.shared, context.remote
        )
        request = DesignRequest.from_dict(payload)
        try:
            designed = run_design(
                request,
                tables=tables,
                bench=bench,
                pool=pool,
                unfinished=checkpoints.unfinished,
                stored=context.stored,
                on_event=on_event,
                should_stop=context.should_stop,
            )
            if finish and designed.state == JobState.SUCCEEDED and "baselines" not in designed.result:
                problem = request.problem(images)
                rows: Any = designed.result["architectures"]
                beside = backbone_beside(request, problem, rows)
                costs = costs_of(beside, problem.network_for(problem.task).classes)
                compared = baselines(beside, problem, rows, (), lambda _: costs, bench, context.should_stop)
                designed = replace(designed, result={**designed.result, "baselines": compared})
        except Stopped as stopped:
            if context.cancelled():
                pool.disband()
            raise JobStopped from stopped
    if finish and designed.state == JobState.SUCCEEDED:
        best: Any = designed.result["architectures"]
        _finish(context, payload, data, best[:finish], changes)
        _finish_baseline(context, payload, data, designed.result, changes)
    return Outcome(JobState(designed.state), designed.result, designed.reason)


def _finish(
    context: JobContext,
    payload: dict[str, Any],
    data: dict[str, Any],
    architectures: Any,
    changes: dict[str, Any],
) -> None:
    """Orders the training of the best on all images; each result object then names its network."""
    space = get_space(str(payload["space"]))
    for found in architectures:
        network = designed_network(space, payload, found, context.job.id, changes)
        found["finished"] = _ordered(context, payload, space, network, data, f"finish {found['rank']}")


def _finish_baseline(
    context: JobContext,
    payload: dict[str, Any],
    data: dict[str, Any],
    result: Mapping[str, Any],
    changes: dict[str, Any],
) -> None:
    """Orders the same training of the plain backbone that the result is compared with.

    It is one training for all designs with equal images, recipe and resolution.
    """
    compared: Any = result.get("baselines")
    if not compared or compared.get("architecture") is None:
        return
    for found in result["architectures"]:
        if found.get("finished") and found["architecture"] == compared["architecture"]:
            compared["finished"] = found["finished"]
            return
    space = get_space(str(compared["space"]))
    found = {"rank": 0, "architecture": compared["architecture"]}
    network = designed_network(space, payload, found, context.job.id, changes)
    order = replace(network.order, search={}, teacher=False)
    if space.name != str(payload["space"]):  # rates, side and skeleton are of other networks
        recipe = replace(order.recipe, optimizer=None, learning_rate=None)
        order = replace(order, start=PRETRAINED, recipe=recipe, resolution=None, network=FULL, task=None)
    network = replace(network, order=order)
    compared["finished"] = _ordered(context, payload, space, network, data, None)


def _ordered(
    context: JobContext,
    payload: dict[str, Any],
    space: Space,
    network: DesignedNetwork,
    data: dict[str, Any],
    key: str | None,
) -> dict[str, str]:
    """Orders a training; without a key one for all jobs of the tenant that order the same."""
    name = network.dataset
    order = network.order.to_dict() | ({DATASETS: {name: data[name]}} if name in data else {})
    order |= inherited(payload)
    spec = NetworkSpec(space.name, network.architecture, name, order)
    made, job = context.children.order_network(spec, key, network.order.steps)
    return {"network": made, "job": job}
