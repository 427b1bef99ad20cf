"""The training of a tenant's predictor as a job: steps, result, version and weights."""

import numpy as np
import pytest

from predictors.kinds import KINDS
from predictors.training.observations import FOLDS, read_predictor
from spaces.known import get_space
from store.blobs.memory import MemoryBlobs
from store.jobs.job import JobState
from store.predictors.predictor import PredictorSpec
from workers.environment import WorkerEnvironment
from workers.execute import execute
from workers.timeouts import Timeouts

CELLS = get_space("nasbench201")
QUICK = Timeouts(lease_seconds=5, stall_seconds=60, drain_seconds=60, store_seconds=2)


def labels(count):
    codes = CELLS.sample(count, np.random.default_rng(0))
    values = 90 + np.log(CELLS.statistics(codes)["params_m"])
    return list(zip(CELLS.format(codes), values.tolist(), strict=True))


def spec(kind="gp", **source):
    return PredictorSpec("nasbench201", "accuracy@cifar10", "accuracy", "cifar10", None, kind, source or None)


@pytest.fixture
def run(store):
    blobs = MemoryBlobs()

    def start(job, *, draining=lambda: False):
        return execute(
            store,
            job.id,
            WorkerEnvironment(
                worker="w",
                tables=lambda: pytest.fail("training needs no tables"),
                blobs=lambda: blobs,
                timeouts=QUICK,
                draining=draining,
                leave=lambda: None,
            ),
        )

    start.blobs = blobs
    return start


def test_a_training_writes_one_result_one_version_and_its_weights(store, run):
    made, job, _ = store.create_predictor(spec(), labels(60))
    assert run(job).state is JobState.SUCCEEDED, store.job(job.id).reason
    current, result = store.predictor(made.id).current, store.result(job.id)
    assert result["model"] == f"sha256:{current.model}" and result["labels"] == 60
    assert result["cross_validation"] == current.about["cross_validation"]
    assert result["cross_validation"]["spearman"] > 0.7
    model = read_predictor("gp", run.blobs.get(current.model), CELLS)
    assert model.digest() == result["model"] and model.seed == made.seed
    steps = [event.data["progress"]["done"] for event in store.events(job.id) if event.kind == "step"]
    assert steps == list(range(FOLDS + 1))
    again = store.submit(job.kind, job.payload, retry_of=job.id)[0]
    assert run(again).state is JobState.SUCCEEDED
    assert store.predictor(made.id).current == current and list(run.blobs.names()) == [current.model]


@pytest.mark.parametrize("kind", [kind for kind in KINDS.names() if kind != "neural"])
def test_two_predictors_never_share_weights(store, run, kind):
    """Else deleting one would take the other's along."""
    what = spec(kind, task="cifar10-fp32") if kind == "precision" else spec(kind)
    made = [store.create_predictor(what, labels(5)) for _ in range(2)]
    for _, job, _ in made:
        run(job)
    first, second = (store.predictor(entry.id).current.model for entry, _, _ in made)
    assert first != second


def test_a_transfer_starts_from_what_ships_or_from_observations(store, run):
    for source in ({"task": "cifar10-fp32"}, {"task": "t", "observations": [list(x) for x in labels(25)]}):
        made, job, _ = store.create_predictor(spec("precision", **source), labels(8))
        assert run(job).state is JobState.SUCCEEDED, store.job(job.id).reason
        assert store.predictor(made.id).current is not None


def test_a_deleted_predictors_training_leaves_nothing(store, run):
    made, job, _ = store.create_predictor(spec(), labels(12))
    seen = []

    def deleting():
        if seen and len(seen) < 2:
            store.delete_predictor(made.id)
        seen.append(1)
        return False

    ended = run(job, draining=deleting)
    assert ended.state in (JobState.CANCELLED, JobState.SUCCEEDED)
    assert store.predictors() == ([], False)
    gone = store.submit("predictor", job.payload)[0]
    assert run(gone).state is JobState.FAILED and "NotFound" in store.job(gone.id).reason
