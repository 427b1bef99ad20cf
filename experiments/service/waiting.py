"""The work of ``netwright compare scaling``: evaluations that wait, and processes that know how to.

Waiting stands for what an evaluation of an hour does to the stack: the worker is busy, the processor is not.
No service offers this kind of job; only processes started with :data:`COMMAND` know it.
"""

import sys
import time

from spaces.metric import Observation
from store.jobs.job import JobState
from workers.handlers import JobContext, JobStopped, Outcome, handles

KIND = "scaling-wait"

COMMAND = (sys.executable, "-c", f"import {__name__}\nfrom netwright.cli import main\nmain()")
"""``netwright`` with the handler of this module; a role is still to be appended."""


@handles(KIND)
def wait(context: JobContext) -> Outcome:
    """Makes ``count`` evaluations of ``seconds`` each; every one is stored, as a design's is."""
    count, seconds = int(str(context.job.payload["count"])), float(str(context.job.payload["seconds"]))
    known = {observation.architecture for observation in context.stored}
    for number in range(count):
        name = f"a{number}"
        if name in known:
            continue
        if context.should_stop():
            raise JobStopped
        if seconds > 0:
            time.sleep(seconds)
        observation = Observation(name, {"accuracy@waiting": float(number)}, "waiting", seconds=seconds)
        context.on_event("evaluation", done=number + 1, total=count, observations=[observation])
    return Outcome(JobState.SUCCEEDED, {"evaluated": count})
