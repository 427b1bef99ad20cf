"""One evaluation for a design that evaluates on several workers."""

from dataclasses import asdict
from typing import Any

from store.blobs.shared_payload import whole
from store.jobs.job import JobState
from workers.checkpoints import JobCheckpoints
from workers.datasets import images_of
from workers.handlers import JobContext, JobStopped, Outcome, handles


@handles("evaluation")
def evaluation(context: JobContext) -> Outcome:
    """Evaluates the payload's ``architecture`` as the design ``request`` in it says."""
    import torch

    from search.evaluator import Bench, Stopped
    from search.request.design_request import DesignRequest
    from search.run.composite import make_evaluator
    from search.run.measured import measured

    torch.set_num_threads(1)
    payload: dict[str, Any] = dict(context.job.payload)
    ordered = whole(payload["request"], context.blobs())
    with images_of(ordered, context) as images:
        request = DesignRequest.from_dict(ordered)
        checkpoints = JobCheckpoints(context)
        tables = context.tables()
        bench = Bench(
            tables, images, context.cache_dir, context.blobs, checkpoints, context.shared, context.remote
        )
        assert request.evaluator is not None
        problem = request.problem(images)
        evaluator = make_evaluator(problem, request.evaluator, request.evaluator_options, bench, request.seed)
        try:
            seen = measured(evaluator, payload["architecture"], context.should_stop, problem.quantities)
        except Stopped as stopped:
            raise JobStopped from stopped
    return Outcome(JobState.SUCCEEDED, {"observation": asdict(seen)})
