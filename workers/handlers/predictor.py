"""Training a tenant's predictor: labels from the store, weights into a blob, both fenced by the lease."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from store.jobs.job import JobState
from store.predictors.predictor import StoredPredictor, TrainedVersion
from workers.handlers import JobContext, JobStopped, Outcome, handles

if TYPE_CHECKING:
    from predictors.predictor import Predictor


@handles("predictor")
def predictor(context: JobContext) -> Outcome:
    """Cross-validates and fits the version that the payload names.

    A killed worker's successor begins again: nothing of a training is kept before its end. What it then
    writes is one blob, by its content, and one transaction with the result and the version.
    """
    # Imported here: a worker is ready before the science is loaded.
    import numpy as np

    from predictors.training.observations import train
    from spaces.declared.kept import space_named

    payload = context.job.payload
    found, labels = context.training(str(payload["predictor"]), int(str(payload["version"])))
    spec = found.spec
    space = space_named(spec.space, spec.source)

    def on_step(done: int, total: int, message: str) -> None:
        if context.should_stop():
            raise JobStopped
        context.on_event("step", done=done, total=total, message=message)

    trained = train(
        space,
        spec.kind,
        space.parse_many(architecture for architecture, _ in labels),
        np.array([value for _, value in labels]),
        task=spec.task,
        seed=found.seed,
        source=_source(found),
        on_step=on_step,
    )
    if context.should_stop():
        raise JobStopped
    model = context.blobs().put(trained.predictor.to_bytes())
    figures = asdict(trained.figures)
    version = TrainedVersion(
        found.id,
        int(str(payload["version"])),
        model,
        {"cross_validation": figures, "support": trained.support.to_dict()},
    )
    result = {
        "predictor": found.id,
        "version": version.version,
        "quantity": spec.key,
        "kind": spec.kind,
        "labels": len(labels),
        "cross_validation": figures,
        "model": f"sha256:{model}",
    }
    return Outcome(JobState.SUCCEEDED, result, trained=version)


def _source(found: StoredPredictor) -> "Predictor | None":
    """What a transfer starts from: the shipped model of a task, or one fitted to that task's observations."""
    source = found.spec.source
    if source is None or "task" not in source:  # a declared space's declaration alone
        return None
    import numpy as np

    from predictors import shipped
    from predictors.training.observations import new_predictor
    from spaces.known import get_space
    from spaces.metric import Quantity

    space, task, labels = get_space(found.spec.space), str(source["task"]), source.get("observations")
    if not isinstance(labels, list):
        return shipped.load(space.name, Quantity(found.spec.metric, task=task).key)
    codes = space.parse_many(architecture for architecture, _ in labels)
    values = np.array([float(value) for _, value in labels])
    return new_predictor(space, "gp", task=task, seed=found.seed).fit(codes, values)
