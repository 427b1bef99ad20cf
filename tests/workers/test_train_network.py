"""The training of a network as a job: epochs, events, bundle; interrupted, it ends with the same weights."""

import io
import itertools
import json
import math
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.tables import Tables
from networks.images.dataset import load_images
from networks.training.order import NetworkOrder
from networks.training.rebuild import rebuild
from networks.training.recipe import Recipe
from networks.training.train import accuracy
from store.blobs.memory import MemoryBlobs
from store.jobs.job import JobState
from store.memory import MemoryStore
from store.networks.network import NetworkSpec
from tests.networks.training import data
from workers.environment import WorkerEnvironment
from workers.execute import execute
from workers.timeouts import Timeouts

CELL = "|nor_conv_1x1~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|nor_conv_1x1~1|skip_connect~2|"
ORDER = NetworkOrder(recipe=Recipe(epochs=3, batch_size=12, learning_rate=0.05), network="small", seed=4)
QUICK = Timeouts(lease_seconds=20, stall_seconds=300, drain_seconds=60, store_seconds=2)


def spec(**change):
    return NetworkSpec("nasbench201", CELL, "tiny", replace(ORDER, **change).to_dict())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return data.npz(tmp_path_factory.mktemp("images"), count=120, test=30, side=8)


@pytest.fixture(params=["memory", "sqlite"])
def place(request):
    """Both stores."""
    if request.param == "memory":
        return MemoryStore()
    return request.getfixturevalue("store")


@pytest.fixture
def run(place, folder):
    blobs = MemoryBlobs()

    def start(job, *, draining=lambda: False):
        return execute(
            place,
            job.id,
            WorkerEnvironment(
                worker="w",
                tables=lambda: Tables(Path("unread")),
                blobs=lambda: blobs,
                timeouts=QUICK,
                draining=draining,
                leave=lambda: None,
                images=folder,
            ),
        )

    start.blobs = blobs
    return start


def test_a_training_gives_weights_and_a_bundle_and_tells_how_far_it_is(place, run, folder):
    made, job, _ = place.create_network(spec(), total=4)
    ended = run(job)
    assert ended.state is JobState.SUCCEEDED, ended.reason
    found, result = place.network(made.id), place.result(job.id)
    assert (result["weights"], result["bundle"]) == (f"sha256:{found.weights}", f"sha256:{found.bundle}")
    assert result["card"] == found.card and (ended.done, ended.total) == (4, 4)
    assert place.named_blobs({found.weights, found.bundle}) == {found.weights, found.bundle}
    epochs = [event.data for event in place.events(job.id) if event.kind == "checkpoint"]
    assert [epoch["progress"]["done"] for epoch in epochs] == [1, 2, 3]
    assert all(epoch["loss"] > 0 and epoch["seconds"] > 0 and epoch["train_accuracy"] > 0 for epoch in epochs)
    assert "% of 30 test images" in ended.message and not list(run.blobs.slots())
    with zipfile.ZipFile(io.BytesIO(run.blobs.get(found.bundle))) as archive:
        assert archive.read("weights.safetensors") == run.blobs.get(found.weights)
        assert json.loads(archive.read("card.json")) == found.card
    network, _ = rebuild(run.blobs.get(found.weights))
    images = load_images(folder, "tiny", validate=False)
    assert found.card["data"]["train_images"] == 120 == found.card["training"]["images"]
    assert accuracy(network, images, images.test) == pytest.approx(found.card["accuracy"]["torch"]["percent"])


def test_an_interrupted_training_ends_with_the_same_weights(place, run):
    whole = place.create_network(spec())[0]
    run(place.job(whole.job_id))
    for stop_at in (3, 12, 24):  # while training, and later still
        made, job, _ = place.create_network(spec())
        asked = itertools.count()
        stopped = run(job, draining=lambda: next(asked) > stop_at)  # noqa: B023
        assert stopped.state is JobState.QUEUED, stopped.state
        assert run(job).state is JobState.SUCCEEDED
        found = place.network(made.id)
        assert found.weights == place.network(whole.id).weights
        assert found.card["accuracy"] == place.network(whole.id).card["accuracy"]


def test_a_training_goes_on_from_the_weights_of_a_search(place, run):
    first = place.create_network(spec())[0]
    run(place.job(first.job_id))
    weights = place.network(first.id).weights
    slow = Recipe(epochs=1, batch_size=12, learning_rate=1e-6, augmentation="none")
    started = place.create_network(spec(start="search", weights=weights, recipe=slow))[0]
    assert run(place.job(started.job_id)).state is JobState.SUCCEEDED, place.network(started.id).reason
    answer = place.network(started.id).card
    assert answer["training"]["from"] == "search"
    # New weights would begin at log 3, and at this learning rate stay there.
    assert answer["training"]["last_epoch"]["loss"] < 0.1 * math.log(3)
    other = replace(spec(start="search", weights=weights), architecture=CELL.replace("none", "avg_pool_3x3"))
    wrong = place.create_network(other)[0]
    run(place.job(wrong.job_id))
    assert "its architecture differs" in place.network(wrong.id).reason


def test_what_cannot_be_trained_says_why(place, run, folder):
    gone = place.create_network(replace(spec(), dataset="gone"))[0]
    run(place.job(gone.job_id))
    assert "no data set 'gone'; there are tiny" in place.network(gone.id).reason
    place.delete_network(gone.id)
    wild = place.create_network(spec(recipe=Recipe(epochs=3, batch_size=12, learning_rate=10.0)))[0]
    ended = run(place.job(wild.job_id))
    assert ended.state is JobState.SUCCEEDED or "diverged" in ended.reason


def test_a_design_has_its_best_trained_on_all_images(place, run):
    order = {
        "space": "nasbench201",
        "task": "tiny",
        "constraints": [],
        "objectives": [{"metric": "accuracy", "task": "tiny"}],
        "evaluations": 2,
        "evaluator": "training",
        "evaluator_options": {"training": {"network": "small", "recipe": {"epochs": 1, "batch_size": 12}}},
        "strategy": "random",
        "count": 2,
        "finish": 1,
    }
    job, _ = place.submit("design", order)
    ended = run(job)
    assert ended.state is JobState.SUCCEEDED, ended.reason
    first, second = place.result(job.id)["architectures"]
    assert "finished" not in second
    made = place.network(first["finished"]["network"])
    assert (made.spec.architecture, made.spec.dataset) == (first["architecture"], "tiny")
    assert (made.spec.order["network"], made.spec.order["recipe"]["batch_size"]) == ("small", 12)
    assert made.spec.order["search"]["job"] == job.id and len(place.networks()[0]) == 2
    told = place.result(job.id)["baselines"]
    plain = place.network(told["finished"]["network"]).spec
    assert plain.space == "efficientnet_lite" and plain.architecture == told["architecture"]
    ordered = {name: plain.order[name] for name in ("from", "network", "resolution")}
    assert ordered == {"from": "pretrained", "network": "full", "resolution": None}
    assert plain.order["recipe"]["batch_size"] == 12 and plain.order["recipe"]["optimizer"] == "adamw"
    assert told["linear_probe"]["accuracy"] > 60 and "fine_tuned" not in told
    assert run(place.job(first["finished"]["job"])).state is JobState.SUCCEEDED
    assert place.network(made.id).card["data"]["train_images"] == 120


def test_a_training_goes_on_from_a_backbones_weights_at_the_architectures_own_side(run, place):
    from networks.training.rebuild import rebuild

    smallest = "r64|k3_e2|skip|k3_e2|skip|k3_e2|skip|skip|k3_e2|skip|skip|k3_e2|skip|skip|skip|k3_e2"
    order = NetworkOrder(start="pretrained", recipe=Recipe(epochs=1, batch_size=32))
    made, job, _ = place.create_network(
        NetworkSpec("efficientnet_lite", smallest, "tiny", order.to_dict()), total=2
    )
    ended = run(job)
    assert ended.state is JobState.SUCCEEDED, ended.reason
    _, about = rebuild(run.blobs.get(place.network(made.id).weights))
    assert about["from"] == "pretrained" and about["images"]["side"] == 64
    assert about["mean"] == [127.0] * 3 and about["options"]["recipe"]["optimizer"] == "adamw"
