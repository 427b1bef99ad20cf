"""Jobs that die: attempts that made progress do not count, three in a row without progress do."""

from experiments.framework.context import Context
from experiments.framework.row import NO_TABLE, Row

DEATHS = 20


def job_rows(context: Context) -> list[Row]:
    """How many deaths a job outlives."""
    return [
        Row.measured(
            f"jobs-deaths-{name}",
            float(count),
            "deaths",
            statement=f"deterministic, of {DEATHS} at most",
            goal=goal,
            evaluated_on=NO_TABLE,
        )
        for name, count, goal in (
            ("with-an-observation-each", _deaths("observation"), f"== {DEATHS}"),
            ("with-a-checkpoint-each", _deaths("checkpoint"), f"== {DEATHS}"),
            ("without-progress", _deaths("nothing"), "== 3"),
        )
    ]


def _deaths(progress: str) -> int:
    """Deaths of its worker until a job is failed, at most :data:`DEATHS`."""
    from spaces.metric import Observation
    from store.jobs.job import JobState
    from store.memory import MemoryStore

    store = MemoryStore()
    job, _ = store.submit("design", {})
    for death in range(1, DEATHS + 1):
        lease = store.claim(job.id, worker="w", lease_seconds=0)
        assert lease is not None
        seen = [Observation(f"a{death}", {"accuracy@x": 1.0}, "t")] if progress == "observation" else []
        store.record(lease, kind="step", data={}, observations=seen, advances=progress == "checkpoint")
        store.requeue_expired()
        if store.job(job.id).state is JobState.FAILED:
            return death
    return DEATHS
