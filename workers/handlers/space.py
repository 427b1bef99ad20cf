"""Training the generator of a declared space on uniform draws from it; its weights become a blob."""

from store.jobs.job import JobState
from store.spaces.space import DECLARATION
from workers.handlers import JobContext, JobStopped, Outcome, handles
from workers.spaces import train_space


@handles("space")
def space(context: JobContext) -> Outcome:
    """Trains the generator of the payload's declaration.

    A killed worker's successor begins again: nothing of a training is kept before its end, and the same
    declaration gives the same weights.
    """
    # Imported here: a worker is ready before the science is loaded.
    import torch

    # Workers share the cores; sums in a fixed order give a seed the same weights on all of them.
    torch.set_num_threads(1)
    weights, card = train_space(context, str(context.job.payload[DECLARATION]))
    if context.should_stop():
        raise JobStopped
    blob = context.blobs().put(weights)
    return Outcome(JobState.SUCCEEDED, {"generator": f"sha256:{blob}", **card})
