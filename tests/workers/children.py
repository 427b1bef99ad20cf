"""``python -m tests.workers.children relay|worker|api``: real processes with handlers for tests alone."""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

from netwright import roles
from netwright.logs import set_up_logs
from netwright.settings import Settings
from predictors.predictor import NotEnoughLabels
from spaces.metric import Observation
from store.jobs.job import JobState
from workers.handlers import JobContext, JobStopped, Outcome, handles


@handles("wait")
def wait(context: JobContext) -> Outcome:
    """Evaluates ``count`` things of ``seconds`` each; every evaluation is a line in the file ``journal``.

    With ``until`` it begins once that file is there.
    """
    payload = context.job.payload
    while "until" in payload and not Path(payload["until"]).exists():
        if context.should_stop():
            raise JobStopped
        time.sleep(0.05)
    known = {observation.architecture for observation in context.stored}
    for number in range(payload["count"]):
        name = f"a{number}"
        if name in known:
            continue
        if context.should_stop():
            raise JobStopped
        time.sleep(payload["seconds"])
        with Path(payload["journal"]).open("a") as journal:
            journal.write(f"{context.job.id} {name} {context.job.attempt}\n")
        context.on_event(
            "evaluation",
            done=number + 1,
            total=payload["count"],
            observations=[
                Observation(name, {"accuracy@x": float(number)}, "test", seconds=payload["seconds"])
            ],
        )
    return Outcome(JobState.SUCCEEDED, {"evaluated": payload["count"]})


@handles("poison")
def poison(context: JobContext) -> Outcome:
    """Ends or blocks its own process in the way that the payload names."""
    how = context.job.payload["how"]
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "segfault":
        ctypes.string_at(0)
    elif how == "stuck":
        while True:
            pass
    elif how == "raise":
        raise NotEnoughLabels("a reason for people")
    elif how == "nan":
        return Outcome(JobState.SUCCEEDED, {"x": float("nan")})
    elif how == "long step":
        context.should_stop()
        time.sleep(60)
    raise AssertionError(how)


def main() -> int:
    """Runs one role with the settings of the environment."""
    settings = Settings()
    set_up_logs(settings.log_level, settings.log_format)
    if sys.argv[1] == "api":
        from netwright.api import api

        return api(settings)
    return {"relay": roles.relay, "worker": roles.worker}[sys.argv[1]](settings)


if __name__ == "__main__":
    sys.exit(main())
