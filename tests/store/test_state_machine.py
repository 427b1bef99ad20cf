"""Random histories: the database store does what the plain store in memory does, and invariants hold."""

import itertools
import tempfile
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from spaces.metric import Observation
from store.jobs.job import ALLOWED_MOVES, MAX_ATTEMPTS, IllegalMove, JobState, StoreError
from store.jobs.replay import replay, row
from store.memory import MemoryStore
from store.sql import SqlStore

TENANTS = st.sampled_from(["default", "other"])
ENDS = st.sampled_from([state for state in JobState if state.terminal])
NAMES = st.lists(st.sampled_from("abc"), max_size=3)


class Histories(RuleBasedStateMachine):
    """Two stores are told the same; ``pairs`` are ids or leases of the same thing in both."""

    jobs = Bundle("jobs")
    leases = Bundle("leases")

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.model = MemoryStore()
        self.real = SqlStore(f"sqlite:///{Path(self.folder.name) / 'store.db'}")
        self.real.migrate()
        self.pairs = {}
        self.tenants = {}

    def teardown(self):
        self.real.close()
        self.folder.cleanup()

    def both(self, call):
        """The same call on both: what they return, or the class of the error that both raise."""
        answers = []
        for index, store in enumerate((self.model, self.real)):
            try:
                answers.append(call(index, store))
            except StoreError as error:
                answers.append(type(error))
        return answers

    def same(self, call):
        model, real = self.both(call)
        assert model == real
        return model

    @rule(target=jobs, tenant=TENANTS, key=st.sampled_from([None, "k1", "k2"]), seed=st.integers(0, 1))
    def submit(self, tenant, key, seed):
        model, real = self.both(
            lambda _, store: store.submit("x", {"seed": seed}, tenant_id=tenant, idempotency_key=key)
        )
        if isinstance(model, type):
            assert model is real
            return multiple()
        assert model[1] == real[1]
        if not model[1]:
            assert self.pairs[model[0].id] == real[0].id
            return multiple()
        self.pairs[model[0].id] = real[0].id
        self.tenants[model[0].id] = tenant
        return (model[0].id, real[0].id)

    @rule(target=leases, pair=jobs, alive=st.booleans())
    def claim(self, pair, alive):
        seconds = 3600 if alive else -1
        model, real = self.both(lambda i, store: store.claim(pair[i], worker="w", lease_seconds=seconds))
        assert (model is None) == (real is None)
        if model is None:
            return multiple()
        assert model.attempt == real.attempt
        return (model, real)

    @rule(pair=leases, alive=st.booleans())
    def renew(self, pair, alive):
        self.same(lambda i, store: store.renew(pair[i], 3600 if alive else -1))

    @rule(pair=leases, names=NAMES, done=st.none() | st.integers(0, 9), advances=st.booleans())
    def record(self, pair, names, done, advances):
        seen = [Observation(name, {"v": float(done or 0)}, "t") for name in names]
        self.same(
            lambda i, store: store.record(
                pair[i],
                kind="e",
                data={"names": names},
                done=done,
                message=str(done),
                observations=seen,
                advances=advances,
            )
        )

    @rule(pair=leases, state=ENDS, result=st.none() | st.just({"r": 1}))
    def finish(self, pair, state, result):
        model, real = self.both(lambda i, store: store.finish(pair[i], state, result=result, reason="r"))
        assert isinstance(model, type) == isinstance(real, type)

    @rule(pair=consumes(leases))
    def hand_back(self, pair):
        model, real = self.both(lambda i, store: store.hand_back(pair[i]))
        assert model is real if isinstance(model, type) else model.state is real.state

    @rule(pair=jobs, right=st.booleans())
    def cancel(self, pair, right):
        owner = self.tenants[pair[0]] if right else "stranger"
        model, real = self.both(lambda i, store: store.cancel(pair[i], tenant_id=owner))
        assert isinstance(model, type) == isinstance(real, type) == (not right)

    @rule()
    def expire(self):
        model, real = self.both(lambda _, store: sorted(store.requeue_expired()))
        assert sorted(self.pairs[job] for job in model) == real

    @rule(limit=st.integers(1, 3))
    def publish(self, limit):
        for store in (self.model, self.real):
            store.mark_published([message.id for message in store.unpublished(limit)])

    @rule()
    def republish(self):
        self.same(lambda _, store: store.republish(0))

    @invariant()
    def both_know_the_same(self):
        for model_id, real_id in self.pairs.items():
            tenant = self.tenants[model_id]
            model, real = self.model.job(model_id, tenant_id=tenant), self.real.job(real_id, tenant_id=tenant)
            plain = {"id": "", "created_at": None, "started_at": None, "finished_at": None}
            assert replace(model, **plain) == replace(real, **plain)
            assert (model.finished_at is None) == (real.finished_at is None)
            assert self.model.result(model_id, tenant_id=tenant) == self.real.result(
                real_id, tenant_id=tenant
            )
            assert self.model.observations(model_id) == self.real.observations(real_id)
            log = self.real.events(real_id, tenant_id=tenant)
            expected = self.model.events(model_id, tenant_id=tenant)
            assert [(e.id, e.kind, e.data) for e in log] == [(e.id, e.kind, e.data) for e in expected]

    @invariant()
    def both_have_the_same_messages(self):
        model = [self.pairs[message.job_id] for message in self.model.unpublished(1000)]
        assert model == [message.job_id for message in self.real.unpublished(1000)]
        assert self.model.published(0) == self.real.published(0)
        assert self.model.waiting() == self.real.waiting() == self.model.published(0) + len(model)

    @invariant()
    def states_move_only_along_allowed_edges(self):
        for job_id in self.pairs.values():
            tenant = self.tenants[next(m for m, r in self.pairs.items() if r == job_id)]
            log, job = self.real.events(job_id, tenant_id=tenant), self.real.job(job_id, tenant_id=tenant)
            answer = replay(log)
            assert answer == row(job, with_progress=answer["progress"] is not None)
            assert job.attempts_without_progress <= min(job.attempt, MAX_ATTEMPTS)
            states = [event.data["state"] for event in log if event.kind == "state"]
            states = [JobState("running" if state == "cancelling" else state) for state in states]
            for before, after in itertools.pairwise(states):
                assert before is after is JobState.RUNNING or after in ALLOWED_MOVES[before]


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.parametrize("source", JobState)
@pytest.mark.parametrize("target", JobState)
def test_every_store_refuses_every_move_that_is_not_in_the_table(tmp_path, source, target):
    """The gate that all moves pass, asked directly: the methods of the port never get this far."""
    allowed = target in ALLOWED_MOVES[source]
    expected = (
        nullcontext() if allowed else pytest.raises(IllegalMove, match=f"{source} job cannot become {target}")
    )
    model = MemoryStore()
    entry = model._entries[model.submit("x", {})[0].id]
    entry.job = replace(entry.job, state=source)
    with expected:
        model._move(entry, target, 0.0)
    real = SqlStore(f"sqlite:///{tmp_path / 'store.db'}")
    real.migrate()
    job, _ = real.submit("x", {})
    with real._write() as connection:
        connection.exec_driver_sql("DELETE FROM outbox")
        connection.exec_driver_sql(f"UPDATE jobs SET state = '{source}'")
        with expected:
            real._move(connection, real._row(connection, job.id), target, 0.0)
    real.close()
