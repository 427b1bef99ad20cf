"""What every store must do with the predictors that tenants train."""

import math
from concurrent.futures import ThreadPoolExecutor

import pytest

from store.database.ids import new_id
from store.jobs.job import (
    IdempotencyConflict,
    InvalidJson,
    JobState,
    LeaseLost,
    NotFound,
    SchemaMismatch,
)
from store.predictors.predictor import PredictorMoved, PredictorSpec, TooManyPredictors, TrainedVersion
from store.sql import SqlStore

SPEC = PredictorSpec("cells", "accuracy@x", "accuracy", "x", None, "gbdt")
FIRST, MORE = [("a", 1.5), ("b é", 2.25)], [("a", 1.75)]
BLOB, OTHER = "0" * 64, "1" * 64


def train(store, job, model=BLOB, **about):
    """Does a training job as a worker does."""
    lease = store.claim(job.id, worker="w", lease_seconds=60)
    trained = TrainedVersion(job.payload["predictor"], job.payload["version"], model, about)
    store.finish(lease, JobState.SUCCEEDED, result={"model": model}, trained=trained)
    return lease, trained


def test_an_order_is_a_row_a_job_and_its_observations(store):
    made, job, created = store.create_predictor(SPEC, FIRST)
    assert created and made == store.predictor(made.id)
    assert (made.spec, made.current) == (SPEC, None)
    assert (made.latest.number, made.latest.labels, made.latest.job_id) == (1, 2, job.id)
    assert (made.latest.job_state, made.latest.model) == (JobState.QUEUED, None)
    assert (job.kind, job.payload) == ("predictor", {"predictor": made.id, "version": 1})
    assert [row.job_id for row in store.unpublished()] == [job.id]
    assert store.labels(made.id, 1) == FIRST


def test_a_training_makes_the_version_current_in_the_same_step(store):
    made, job, _ = store.create_predictor(SPEC, FIRST)
    train(store, job, spearman=0.5)
    found = store.predictor(made.id)
    assert (found.current.model, found.current.about) == (BLOB, {"spearman": 0.5})
    assert found.latest == found.current and found.current.job_state is JobState.SUCCEEDED
    assert found.current.trained_at >= found.current.created_at


def test_a_stale_worker_changes_no_version(store):
    made, job, _ = store.create_predictor(SPEC, FIRST)
    stale = store.claim(job.id, worker="w1", lease_seconds=-1)
    store.requeue_expired()
    train(store, job)
    late = TrainedVersion(made.id, 1, OTHER, {})
    with pytest.raises(LeaseLost):
        store.finish(stale, JobState.SUCCEEDED, result={}, trained=late)
    assert store.predictor(made.id).current.model == BLOB


def test_observations_make_versions_and_the_newest_trained_answers(store):
    made, first, _ = store.create_predictor(SPEC, FIRST)
    early = store.claim(first.id, worker="w", lease_seconds=60)
    between, second = store.extend_predictor(made.id, MORE)
    assert (between.latest.number, between.latest.labels, between.current) == (2, 3, None)
    assert second.payload == {"predictor": made.id, "version": 2}
    train(store, second, OTHER)
    store.finish(early, JobState.SUCCEEDED, trained=TrainedVersion(made.id, 1, BLOB, {}))  # it ends later
    found = store.predictor(made.id)
    assert (found.current.number, found.current.model) == (2, OTHER)
    assert store.labels(made.id, 1) == FIRST and store.labels(made.id, 2) == FIRST + MORE


def test_a_version_that_was_trained_at_once_needs_no_job(store):
    made, job, _ = store.create_predictor(SPEC, FIRST)
    train(store, job)
    found, none = store.extend_predictor(made.id, MORE, trained=TrainedVersion(made.id, 2, OTHER, {}))
    assert none is None and found.current.model == OTHER and found.latest.job_id is None
    with pytest.raises(PredictorMoved):
        store.extend_predictor(made.id, MORE, trained=TrainedVersion(made.id, 2, BLOB, {}))
    assert store.predictor(made.id) == found and store.labels(made.id, 9) == FIRST + MORE


def test_a_key_makes_one_predictor_and_one_version(store):
    made, job, _ = store.create_predictor(SPEC, FIRST, idempotency_key="k")
    again, same, created = store.create_predictor(SPEC, FIRST, idempotency_key="k", most=1)
    assert (again, same, created) == (made, job, False)
    with pytest.raises(IdempotencyConflict):
        store.create_predictor(SPEC, MORE, idempotency_key="k")
    grown, second = store.extend_predictor(made.id, MORE, idempotency_key="k")
    assert store.extend_predictor(made.id, MORE, idempotency_key="k") == (grown, second)
    with pytest.raises(IdempotencyConflict):
        store.extend_predictor(made.id, FIRST, idempotency_key="k")
    assert len(store.predictors()[0]) == 1 and second.id == job.id and store.waiting() == 1


def test_observations_that_come_while_a_training_waits_join_it(store):
    made, job, _ = store.create_predictor(SPEC, FIRST)
    with ThreadPoolExecutor(4) as pool:
        grown = list(pool.map(lambda _: store.extend_predictor(made.id, MORE), range(4)))
    assert {joined.id for _, joined in grown} == {job.id} and store.waiting() == 1
    assert store.job(job.id).payload == {"predictor": made.id, "version": 5}
    lease = store.claim(job.id, worker="w", lease_seconds=60)
    _, next_job = store.extend_predictor(made.id, MORE)
    assert next_job.id != job.id, "a training that has begun learns what it began with"
    store.finish(lease, JobState.SUCCEEDED, trained=TrainedVersion(made.id, 5, BLOB, {}))
    found = store.predictor(made.id)
    assert (found.current.number, found.latest.number, found.latest.job_id) == (5, 6, next_job.id)
    store.cancel(next_job.id)
    _, after = store.extend_predictor(made.id, MORE)
    assert after.id not in (job.id, next_job.id)
    assert len(store.labels(made.id, 7)) == len(FIRST) + 6 * len(MORE)


def test_predictors_belong_to_one_tenant(store):
    made, job, _ = store.create_predictor(SPEC, FIRST, tenant_id="one", idempotency_key="k")
    mine, _, created = store.create_predictor(SPEC, FIRST, tenant_id="two", idempotency_key="k")
    assert created and mine.id != made.id
    for action in (
        lambda: store.predictor(made.id, tenant_id="two"),
        lambda: store.labels(made.id, 1, tenant_id="two"),
        lambda: store.extend_predictor(made.id, MORE, tenant_id="two"),
        lambda: store.delete_predictor(made.id, tenant_id="two"),
        lambda: store.predictor("nothing", tenant_id="one"),
    ):
        with pytest.raises(NotFound):
            action()
    assert [found.id for found in store.predictors(tenant_id="two")[0]] == [mine.id]
    # A job of one tenant cannot train what is another's.
    other, _ = store.submit("predictor", {"predictor": made.id, "version": 1}, tenant_id="two")
    train(store, other)
    assert store.predictor(made.id, tenant_id="one").current is None
    assert store.job(job.id, tenant_id="one").state is JobState.QUEUED


def test_pages_are_newest_first_and_can_be_narrowed(store):
    spec = {"gp": PredictorSpec("cells", "accuracy@x", "accuracy", "x", None, "gp"), "gbdt": SPEC}
    made = [store.create_predictor(spec[kind], FIRST) for kind in ("gbdt", "gp", "gbdt")]
    ids = [entry.id for entry, _, _ in made][::-1]
    page, more = store.predictors(limit=2)
    assert [entry.id for entry in page] == ids[:2] and more
    page, more = store.predictors(limit=2, after=ids[1])
    assert [entry.id for entry in page] == ids[2:] and not more
    assert [entry.id for entry in store.predictors(kind="gp")[0]] == [ids[1]]
    assert store.predictors(space="chains")[0] == store.predictors(key="other")[0] == []
    train(store, made[0][1])
    assert [entry.id for entry in store.predictors(trained=True)[0]] == [ids[2]]
    with pytest.raises(NotFound):
        store.predictors(after="nothing")
    with pytest.raises(TooManyPredictors):
        store.create_predictor(SPEC, FIRST, most=3)
    assert store.waiting() == 2


def test_deleting_takes_observations_along_and_stops_the_training(store):
    made, job, _ = store.create_predictor(SPEC, FIRST)
    train(store, job)
    _, second = store.extend_predictor(made.id, MORE)
    lease = store.claim(second.id, worker="w", lease_seconds=60)
    store.delete_predictor(made.id)
    with pytest.raises(NotFound):
        store.predictor(made.id)
    assert store.renew(lease, 60)  # it hears that it should stop
    store.finish(lease, JobState.SUCCEEDED, result={}, trained=TrainedVersion(made.id, 2, OTHER, {}))
    assert store.predictors() == ([], False)
    with pytest.raises(NotFound):
        store.delete_predictor(made.id)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_not_stored(store, value):
    with pytest.raises(InvalidJson):
        store.create_predictor(SPEC, [("a", value)])
    assert store.predictors() == ([], False) and store.waiting() == 0
    with pytest.raises(NotFound):
        store.predictor(new_id(1.7e9))


def test_the_step_to_predictors_goes_down_and_up_and_keeps_jobs(database_url):
    store = SqlStore(database_url)
    store.migrate()
    _, job, _ = store.create_predictor(SPEC, FIRST)
    assert store.downgrade("0003") == "0003"
    with pytest.raises(SchemaMismatch):
        store.predictors()
    store.migrate()
    assert store.predictors() == ([], False) and store.job(job.id) == job
    store.close()
