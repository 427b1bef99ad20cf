"""Generators of declared spaces: trained in a job of their own, or by the design that needs one."""

import pytest

from generator.masked import kept, own
from generator.masked.train import TrainingOptions
from spaces.declared.declaration import declaration_text
from spaces.declared.space import declare
from spaces.recently_used import RecentlyUsed
from store.blobs.memory import MemoryBlobs
from store.jobs.job import JobState
from store.spaces.space import DECLARATION, GENERATOR
from workers.environment import WorkerEnvironment
from workers.execute import execute
from workers.timeouts import Timeouts

QUICK = Timeouts(lease_seconds=5, stall_seconds=60, drain_seconds=60, store_seconds=2)
SPACE = declare("""
name = "mlp"
[variables]
layers = [1, 2, 3]
width = [8, 16, 32, 64]
act = { choices = ["relu", "tanh"], repeat = 3, active = "i <= layers" }
[costs]
params_m = "layers * width * (width + 1) / 1e6"
""")
ORDER = {
    "space": SPACE.name,
    "task": "own",
    "constraints": [{"metric": "params_m", "min": 0.001, "max": 0.004}],
    "objectives": [{"metric": "params_m"}],
    "count": 5,
}


@pytest.fixture
def run(store, monkeypatch):
    """Executes a job with a short training; counts the trainings."""
    blobs, trained = MemoryBlobs(), []
    monkeypatch.setattr(kept, "_kept", RecentlyUsed(kept.MAX_KEPT))
    original = own.train_own

    def train(space, **named):
        trained.append(space.name)
        return original(space, **{**named, "options": TrainingOptions(steps=50, batch=64, architectures=500)})

    monkeypatch.setattr(own, "train_own", train)

    def start(kind, payload, draining=lambda: False):
        job, _ = store.submit(kind, payload)
        return execute(
            store,
            job.id,
            WorkerEnvironment(
                worker="w",
                tables=lambda: None,
                blobs=lambda: blobs,
                timeouts=QUICK,
                draining=draining,
                leave=lambda: None,
            ),
        )

    start.blobs, start.trained = blobs, trained
    return start


def designed(store, job):
    assert job.state is JobState.SUCCEEDED, job.reason
    result = store.result(job.id)
    codes = SPACE.parse_many(row["architecture"] for row in result["architectures"])
    costs = SPACE.statistics(codes)["params_m"]
    assert len(codes) == len({row.tobytes() for row in codes}) == 5
    assert ((costs >= 0.001) & (costs <= 0.004)).all()
    assert [row["metrics"]["params_m"]["mean"] for row in result["architectures"]] == costs.tolist()
    return result


def test_a_trained_generator_is_a_blob_that_designs_use(store, run):
    text = declaration_text(SPACE.declaration)
    job = run("space", {DECLARATION: text})
    assert job.state is JobState.SUCCEEDED, job.reason
    digest = store.result(job.id)["generator"]
    assert any(event.kind == "training" for event in store.events(job.id))
    payload = ORDER | {DECLARATION: text, GENERATOR: digest.removeprefix("sha256:")}
    result = designed(store, run("design", payload))
    assert result["models"]["generator"] == digest
    assert len(run.trained) == 1


def test_a_design_without_a_generator_trains_it_and_says_so(store, run):
    text = declaration_text(SPACE.declaration)
    job = run("design", ORDER | {DECLARATION: text, GENERATOR: None})
    designed(store, job)
    said = [event.data["progress"]["message"] for event in store.events(job.id) if event.kind == "training"]
    assert said and all("training the generator" in message for message in said)
    designed(store, run("design", ORDER | {DECLARATION: text, GENERATOR: None}))
    assert len(run.trained) == 1, "this process keeps what it has trained"


def test_damaged_weights_are_trained_again(store, run):
    blob = run.blobs.put(b"no weights")
    text = declaration_text(SPACE.declaration)
    designed(store, run("design", ORDER | {DECLARATION: text, GENERATOR: blob}))
    assert len(run.trained) == 1


def test_a_training_that_is_told_to_stop_hands_its_job_back(store, run):
    asked = iter([False] + [True] * 1000)
    job = run("space", {DECLARATION: declaration_text(SPACE.declaration)}, draining=lambda: next(asked))
    assert job.state is JobState.QUEUED and job.attempt == 0
