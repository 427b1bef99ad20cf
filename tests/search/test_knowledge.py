"""What is known is used as a prior, and never where the table that taught it evaluates."""

import numpy as np
import pytest

import search.testing.tabled_training  # noqa: F401  (registers an evaluator)
from encoders.tasks.embedding import VERSION, WIDTH, TaskEmbedding
from predictors import shipped
from search.design import run_design
from search.evaluator import Bench
from search.knowledge import knowledge_of
from search.request.answerable import check_answerable
from search.request.design_request import DesignRequest, parse_request
from search.request.uploaded_task import UploadedTask
from search.study import strategy_of
from spaces.known import get_space
from store.blobs.memory import MemoryBlobs

CELLS = get_space("nasbench201")
TABLE = {"space": "nasbench201", "task": "cifar10-int8-ptq", "evaluator": "table", "evaluations": 4}
TRAINED = TABLE | {
    "task": "my-images",
    "evaluator": "tabled-training",
    "evaluator_options": {"tabled-training": {"column": "cifar10-int8-ptq"}},
}
FPGA = {"metric": "latency_ms", "device": "fpga", "max": 4.0}


def checked(tables, body, uploaded=None) -> DesignRequest:
    return DesignRequest.from_dict(check_answerable(parse_request(body, uploaded=uploaded), tables).to_dict())


def knowledge(tables, body):
    request = checked(tables, body)
    return knowledge_of(request, request.problem(), None)


@pytest.fixture(scope="module")
def blobs():
    return MemoryBlobs()


@pytest.fixture(scope="module")
def task(blobs):
    prototypes = 0.05 * np.random.default_rng(0).normal(size=(20, WIDTH)).astype(np.float32)
    embedding = TaskEmbedding(prototypes, tuple(map(str, range(20))), 60, VERSION, "images")
    return UploadedTask("mine", 20, blobs.put(embedding.to_bytes()), VERSION)


def test_a_model_is_no_prior_of_the_table_column_that_it_was_trained_on(tables):
    found = knowledge(tables, TABLE | {"constraints": [FPGA]})
    assert "accuracy@cifar10-int8-ptq" in found.withheld["accuracy@cifar10-int8-ptq"]
    assert found.named["accuracy@cifar10-int8-ptq"] == "shipped accuracy@cifar10, of another task"
    # The model of many devices stands back for its version without the device.
    assert "without fpga" in found.withheld["latency_ms@fpga"]
    device = found.priors["latency_ms@fpga"]
    assert "fpga" not in device._model.known.names and "pixel2" in device._model.known.names


def test_a_training_of_a_named_task_starts_from_its_model(tables):
    order = TABLE | {"evaluator": "tabled-training", "task": "cifar10"}
    order |= {"evaluator_options": {"tabled-training": {"column": "cifar10-fp32"}}}
    found = knowledge(tables, order)
    assert found.named == {"accuracy@cifar10": "shipped accuracy@cifar10"} and not found.withheld
    request = checked(tables, order)
    (first,) = strategy_of(request, None).suggest(1)
    means = shipped.load("nasbench201", "accuracy@cifar10").predict(CELLS.enumerate()).mean
    assert first == CELLS.format(CELLS.enumerate()[means.argmax()][None])[0]


def test_without_knowledge_own_observations_alone_count(tables):
    assert knowledge(tables, TRAINED | {"knowledge": "none"}).priors == {}
    outcome = run_design(checked(tables, TRAINED | {"knowledge": "none"}), tables=tables)
    assert outcome.result["knowledge"] == {"asked": "none", "priors": {}, "withheld": {}}


def test_the_result_says_what_was_known(tables):
    outcome = run_design(checked(tables, TABLE | {"constraints": [FPGA]}), tables=tables)
    said = outcome.result["knowledge"]
    assert said["asked"] == "auto" and set(said["priors"]) == {"accuracy@cifar10-int8-ptq", "latency_ms@fpga"}
    assert set(said["withheld"]) == set(said["priors"])


def test_few_trainings_with_what_is_known_beat_as_many_without(tables):
    def best(asked: str, seed: int) -> float:
        order = TRAINED | {"evaluations": 3, "count": 1, "knowledge": asked, "seed": seed}
        row = run_design(checked(tables, order), tables=tables).result["architectures"][0]
        return row["metrics"]["accuracy@my-images"]["mean"]

    assert np.mean([best("auto", seed) for seed in range(3)]) > np.mean(
        [best("none", seed) for seed in range(3)]
    )


@pytest.mark.parametrize(
    "more",
    [
        {
            "constraints": [
                {"metric": "params_m", "max": 0.5},
                {"metric": "latency_ms", "device": "fpga", "max": 3},
            ]
        },
        {"objectives": [{"metric": "accuracy"}, {"metric": "latency_ms", "device": "fpga"}]},
        {"objectives": [{"metric": "accuracy"}, {"metric": "params_m"}, {"metric": "macs_m"}]},
    ],
)
def test_an_uploaded_task_starts_from_its_prior_with_bounds_and_with_several_objectives(
    tables, blobs, task, more
):
    order = TRAINED | {"task": "mine", "evaluations": 3, "count": 3} | more
    request = checked(tables, order, task)
    strategy = strategy_of(request, lambda: blobs)
    assert strategy.prior is not None
    events = []
    outcome = run_design(
        request, tables=tables, bench=Bench(tables, blobs=lambda: blobs), on_event=events.append
    )
    assert outcome.state == "succeeded"
    assert outcome.result["knowledge"]["priors"] == {"accuracy@mine": "task mine"}
    seen = [event.data for event in events if event.kind == "observed"]
    assert len(seen) == 3 and all(each["predicted"]["accuracy@mine"]["std"] > 0 for each in seen)


@pytest.mark.parametrize(
    ("space", "model"),
    [
        ("mnasnet", "related accuracy@imagenet"),
        ("fbnet", "costs parameters and multiply-accumulates"),
        ("ofa_mobilenetv3", "costs parameters and multiply-accumulates"),
        ("efficientnet_lite", "costs parameters and multiply-accumulates"),
    ],
)
def test_own_tasks_are_ranked_in_every_image_space_and_marked_extrapolated(tables, blobs, task, space, model):
    order = {"space": space, "task": "mine", "count": 3}
    order |= {"constraints": [{"metric": "macs_m", "max": 300.0}]}
    request = checked(tables, order, task)
    outcome = run_design(request, tables=tables, bench=Bench(tables, blobs=lambda: blobs))
    rows = outcome.result["architectures"]
    assert outcome.state == "succeeded" and len(rows) == 3
    assert outcome.result["sources"]["accuracy@mine"] == {"source": "model", "model": model}
    for row in rows:
        value = row["metrics"]["accuracy@mine"]
        assert value["extrapolated"] is True and value["source"] == "predicted"
        assert value["lower"] is None and value["upper"] is None
        assert row["metrics"]["macs_m"]["mean"] <= 300.0
    means = [row["metrics"]["accuracy@mine"]["mean"] for row in rows]
    assert means == sorted(means, reverse=True)


def test_a_training_in_mnasnet_starts_from_the_imagenet_models(blobs, task, tmp_path):
    np.savez(tmp_path / "mine.npz", x=np.zeros((8, 8, 8, 3), dtype=np.uint8), y=np.arange(8) % 2)
    order = {"space": "mnasnet", "task": "mine", "evaluations": 2, "evaluator": "training"}
    order |= {"constraints": [{"metric": "macs_m", "max": 300.0}]}
    request = check_answerable(parse_request(order, uploaded=task), None, tmp_path)
    found = knowledge_of(request, request.problem(), lambda: blobs)
    assert found.named == {"accuracy@mine": "shipped accuracy@imagenet, of another task"}
    strategy = strategy_of(request, lambda: blobs)
    (first,) = strategy.suggest(1)
    space = get_space("mnasnet")
    model = shipped.load("mnasnet", "accuracy@imagenet")
    drawn = space.sample(2000, np.random.default_rng(0))
    drawn = drawn[space.statistics(drawn)["macs_m"] <= 300.0]
    assert model.predict(space.parse(first)[None]).mean[0] >= model.predict(drawn).mean.max() - 0.5
