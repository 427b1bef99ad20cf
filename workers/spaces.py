"""Declared spaces in a worker: built from a job's payload; their generators are read or trained."""

import structlog

from store.blobs.blobs import BlobDamaged, BlobNotFound
from store.blobs.shared_payload import whole
from store.spaces.space import DECLARATION, GENERATOR
from workers.handlers import JobContext, JobStopped

log = structlog.get_logger(__name__)


def ready_space(context: JobContext) -> dict[str, object]:
    """The job's payload without what it says of a declared space, which this process then knows.

    Where its generator was not trained yet, or its weights are gone, it is trained here: the design takes a
    minute or so longer, and says why.
    """
    payload = whole(context.job.payload, context.blobs())
    declaration, blob = payload.pop(DECLARATION, None), payload.pop(GENERATOR, None)
    if declaration is None:
        return payload
    from generator.masked.kept import kept_generator
    from generator.masked.own import read_own
    from generator.masked.weights import DamagedWeights
    from spaces.declared.source import read_source
    from spaces.declared.space import declare

    space = declare(read_source(str(declaration)))
    kept = kept_generator(space.name)
    if kept is not None and blob is None:
        return payload
    if blob is not None:
        try:
            read_own(context.blobs().get(str(blob)), space)
            return payload
        except (BlobNotFound, BlobDamaged, DamagedWeights) as error:
            log.warning("the generator is trained again", blob=blob, error=str(error))
    weights, _ = train_space(context, str(declaration))
    read_own(weights, space)
    return payload


def train_space(context: JobContext, declaration: str) -> tuple[bytes, dict[str, object]]:
    """Weights of a declared space's generator and its card; events say how far it is.

    Raises:
        JobStopped: when the job is to stop.
    """
    from generator.masked.own import train_own
    from spaces.declared.source import read_source
    from spaces.declared.space import declare

    space = declare(read_source(declaration))

    def progress(done: int, total: int, message: str) -> None:
        if context.should_stop():
            raise JobStopped
        context.on_event("training", message=f"training the generator, step {done} of {total}: {message}")

    return train_own(space, progress=progress)
