"""Every evaluator keeps the promises of the abstract one; a new one joins with one class."""

import itertools
import math

import pytest
import torch

from generator import shipped as generators
from networks.images.dataset import load_images
from networks.plan import planned_spaces
from networks.training.rebuild import rebuild
from networks.training.train import accuracy
from search.evaluator import Bench, MemoryCheckpoints, Stopped
from search.evaluators import EVALUATORS
from search.evaluators.latency import LatencyEvaluator
from search.evaluators.table import TableEvaluator
from search.request.answerable import check_answerable
from search.request.design_request import InvalidRequest, parse_request
from search.run.composite import CompositeEvaluator, make_evaluator
from search.testing.evaluators import EvaluatorSuite
from spaces.known import get_space
from store.blobs.memory import MemoryBlobs
from tests.networks.training import data

TINY = {
    "network": "small",
    "recipe": {"epochs": 2, "batch_size": 16, "learning_rate": 0.05},
}
QUICK = {"network": "small", "resolution": 16, "seconds": 0.05, "blocks": 3}
ORDER = {
    "space": "nasbench201",
    "task": "tiny",
    "constraints": [{"metric": "params_m", "max": 2.0}],
    "evaluations": 2,
    "evaluator": "training",
    "evaluator_options": {"training": TINY},
}
BOTH = ORDER | {
    "objectives": [{"metric": "accuracy"}, {"metric": "latency_ms", "device": "worker"}],
    "evaluator": {"accuracy": "training", "latency_ms": "latency"},
    "evaluator_options": {"training": TINY, "latency": QUICK},
}
LARGE = ("learning_rate", "weight_decay", "label_smoothing")
MACS = {"metric": "training_macs_m"}
OTHERS = set(generators.spaces()) - {"nasbench201"}
EXAMPLE = get_space("nasbench201").example


def bench(tables, tmp_path, **changes):
    parts = {"images": data.npz(tmp_path / "images"), "cache_dir": tmp_path / "cache", **changes}
    return Bench(tables, **parts)


def evaluator_of(body, the_bench):
    """An evaluator, the space of its networks, and the keys that it must bring."""
    request = parse_request(body)
    check_answerable(request, the_bench.tables, the_bench.images)
    made = make_evaluator(
        request.problem(), request.evaluator, request.evaluator_options, the_bench, request.seed
    )
    return made, get_space(request.space), {quantity.key for quantity in request.problem().quantities}


class WithTables(EvaluatorSuite):
    @pytest.fixture(autouse=True)
    def _tables(self, tables):
        self.tables = tables


class TestTable(WithTables):
    def made(self, tmp_path):
        problem = parse_request(ORDER | {"task": "cifar10-fp32", "evaluator": "table"} | NONE).problem()
        return TableEvaluator(problem, self.tables), problem.space, {"accuracy@cifar10-fp32", "params_m"}


class TestTraining(WithTables):
    def made(self, tmp_path):
        return evaluator_of(ORDER, bench(self.tables, tmp_path))


class TestLatency(WithTables):
    def made(self, tmp_path):
        objective = {"metric": "latency_ms", "device": "worker"}
        body = ORDER | {"task": "cifar10", "objectives": [objective], "evaluator": "latency"}
        return evaluator_of(body | {"evaluator_options": {"latency": QUICK}}, bench(self.tables, tmp_path))


class TestComposite(WithTables):
    def made(self, tmp_path):
        return evaluator_of(BOTH, bench(self.tables, tmp_path))


NONE = {"evaluator_options": {}}
FIDELITY = {"evaluator_options": {"table": {"fidelity": "12ep"}}}


def test_a_table_is_read_at_a_lower_fidelity_and_tells_what_that_cost(tables):
    keys = ("accuracy@cifar10-valid-12ep", "train_seconds@cifar10-valid-12ep")
    if (reason := tables.available("nasbench201", keys[0])) is not None:
        pytest.skip(reason)
    body = ORDER | {"task": "cifar10", "evaluator": "table"} | FIDELITY
    evaluator, space, _ = evaluator_of(body, Bench(tables))
    seen = evaluator.evaluate(EXAMPLE, lambda: False)
    codes = space.parse(EXAMPLE)[None]
    accuracy_after, seconds = (float(tables.values("nasbench201", key, codes)[0]) for key in keys)
    assert seen.values["accuracy@cifar10"] == accuracy_after and seen.seconds == seconds > 10
    assert seen.source.endswith(":12ep") and seen.details["table"]["fidelity"] == "12ep"
    for change in ({"task": "cifar100"}, {"evaluator_options": {"table": {"fidelity": "3ep"}}}):
        with pytest.raises(InvalidRequest, match="no table holds"):
            check_answerable(parse_request(body | change), tables)


def test_every_evaluator_is_known_by_its_modules_name():
    built_in = sorted(EVALUATORS.built_in())  # tests in this process may have added more
    assert built_in == ["external", "latency", "table", "training"]
    assert [EVALUATORS.get(name).name for name in built_in] == built_in
    with pytest.raises(KeyError, match="external, latency, table"):
        EVALUATORS.get("oracle")


def test_a_trained_network_comes_back_from_its_string_and_weights(tables, tmp_path):
    blobs = MemoryBlobs()
    the_bench = bench(tables, tmp_path, blobs=lambda: blobs)
    evaluator, _, _ = evaluator_of(ORDER, the_bench)
    seen = evaluator.evaluate(EXAMPLE, lambda: False)
    details = seen.details["training"]
    network, about = rebuild(blobs.get(details["weights"]))
    images = load_images(the_bench.images, "tiny")
    assert about["architecture"] == EXAMPLE and about["images"]["digest"] == images.digest
    assert accuracy(network, images, images.validation) == pytest.approx(
        seen.values["accuracy@tiny"], abs=1e-4
    )
    assert accuracy(network, images, images.test) == details["test_accuracy"]
    assert details["recipe"]["optimizer"] == "sgd" and details["recipe"]["epochs"] == 2
    assert len(details["trainings"][0]["history"]) == 2 and details["fidelity"] == "2ep-small"


@pytest.mark.parametrize("space", [name for name in planned_spaces() if name in OTHERS])
def test_networks_of_other_spaces_are_trained_too(tables, tmp_path, space):
    options = {"training": TINY | {"images": 20, "recipe": {"epochs": 1, "batch_size": 16}}}
    body = ORDER | {"space": space, "constraints": [], "evaluator_options": options}
    evaluator, family, keys = evaluator_of(body, bench(tables, tmp_path))
    seen = evaluator.evaluate(family.example, lambda: False)
    assert seen.failed is None and keys <= seen.values.keys()


SMALLEST = "r64|k3_e2|skip|k3_e2|skip|k3_e2|skip|skip|k3_e2|skip|skip|k3_e2|skip|skip|skip|k3_e2"
INHERITED = ORDER | {"space": "efficientnet_lite", "constraints": []}


@pytest.mark.parametrize(
    ("options", "init", "mean"),
    [
        ({}, "pretrained", 127.0),
        ({"init": "scratch"}, "scratch", None),
        ({"network": "small"}, "scratch", None),
    ],
)
def test_trainings_begin_with_a_backbones_weights_where_there_is_one(tables, tmp_path, options, init, mean):
    blobs = MemoryBlobs()
    options = {"training": options | {"recipe": {"epochs": 1, "batch_size": 32}}}
    body = INHERITED | {"evaluator_options": options}
    evaluator, _, _ = evaluator_of(body, bench(tables, tmp_path, blobs=lambda: blobs))
    details = evaluator.evaluate(SMALLEST, lambda: False).details["training"]
    assert details["init"] == init and details["recipe"]["learning_rate"] == {"scratch": 0.1}.get(init, 0.001)
    assert details["images"]["side"] == (64 if "network" not in options["training"] else 8)
    _, about = rebuild(blobs.get(details["weights"]))
    assert (about["mean"][0] == 127.0) == (mean is not None)
    assert ("pretrained" in evaluator.source) == (init == "pretrained")


@pytest.mark.parametrize("change", [{"space": "nasbench201"}, {"network": "small"}])
def test_weights_that_are_not_there_are_refused(tables, tmp_path, change):
    options = {"init": "pretrained"} | {key: value for key, value in change.items() if key == "network"}
    body = INHERITED | {key: value for key, value in change.items() if key == "space"}
    with pytest.raises(InvalidRequest, match="no pretrained weights"):
        evaluator_of(body | {"evaluator_options": {"training": options}}, bench(tables, tmp_path))


def test_several_seeds_give_a_mean_and_its_spread(tables, tmp_path):
    options = TINY | {"seeds": 3, "recipe": TINY["recipe"] | {"epochs": 1}}
    evaluator, _, _ = evaluator_of(
        ORDER | {"evaluator_options": {"training": options}}, bench(tables, tmp_path)
    )
    seen = evaluator.evaluate(EXAMPLE, lambda: False)
    single = [run["accuracy"] for run in seen.details["training"]["trainings"]]
    assert len(single) == 3 and seen.values["accuracy@tiny"] == pytest.approx(sum(single) / 3, abs=1e-3)
    assert seen.details["training"]["accuracy_std"] == pytest.approx(
        torch.tensor(single).std().item(), rel=1e-4
    )


def test_a_stopped_training_goes_on_from_its_checkpoint_in_another_evaluator(tables, tmp_path):
    kept = MemoryCheckpoints()
    whole, _, _ = evaluator_of(ORDER, bench(tables, tmp_path))
    expected = whole.evaluate(EXAMPLE, lambda: False)
    first, _, _ = evaluator_of(ORDER, bench(tables, tmp_path, checkpoints=kept))
    asked = itertools.count()
    with pytest.raises(Stopped):
        first.evaluate(EXAMPLE, lambda: next(asked) >= 5)
    assert len(kept.contents) == 1
    seen_progress = []
    kept_save = kept.save
    kept.save = lambda key, content, progress, message: (
        seen_progress.append({**progress, "message": message}),
        kept_save(key, content, progress, message),
    )
    second, _, _ = evaluator_of(ORDER, bench(tables, tmp_path, checkpoints=kept))
    seen = second.evaluate(EXAMPLE, lambda: False)
    assert seen.values == expected.values and not kept.contents
    assert [progress["epoch"] for progress in seen_progress] == [2]
    (observed,) = seen_progress
    assert observed["seconds"] >= 0 and observed["seconds_left"] == 0.0
    assert observed["message"].startswith("epoch 2 of 2: loss ") and observed["message"].endswith(
        " s, 0 s left"
    )
    assert f"accuracy {observed['accuracy']:.4g} %" in observed["message"]


SEARCHED = {"optimizer": ["adamw", "sgd"], "learning_rate": [0.05, 0.001], "epochs": [1, 2]}
RECIPES = ORDER | {
    "recipe": SEARCHED,
    "constraints": [{"metric": "training_macs_m", "max": 900}],
    "objectives": [{"metric": "accuracy"}, {"metric": "train_seconds"}],
    "evaluator_options": {"training": {"network": "small", "recipe": {"batch_size": 16}}},
}


class TestTrainingWithRecipe(WithTables):
    def made(self, tmp_path):
        made, _, keys = evaluator_of(RECIPES, bench(self.tables, tmp_path))
        return made, parse_request(RECIPES).problem().space, keys


def test_an_architecture_is_trained_by_the_recipe_that_it_carries(tables, tmp_path):
    blobs = MemoryBlobs()
    the_bench = bench(tables, tmp_path, blobs=lambda: blobs)
    evaluator, _, _ = evaluator_of(RECIPES, the_bench)
    chosen = {"optimizer": "adamw", "learning_rate": 0.001, "epochs": 2}
    seen = evaluator.evaluate(f"{EXAMPLE}#optimizer=adamw,learning_rate=0.001,epochs=2", lambda: False)
    details = seen.details["training"]
    assert details["recipe"].items() >= {**chosen, "batch_size": 16}.items()
    assert details["trainings"][0]["epochs"] == 2 and details["fidelity"] == "2ep-small"
    assert seen.source == "training:tiny:recipe-small" and seen.values["train_seconds"] > 0
    options = {"network": "small", "recipe": chosen | {"batch_size": 16}}
    alone, _, _ = evaluator_of(ORDER | {"evaluator_options": {"training": options}}, the_bench)
    same = alone.evaluate(EXAMPLE, lambda: False)
    assert same.values["accuracy@tiny"] == seen.values["accuracy@tiny"]
    # The weights are of the network alone, under whichever name it was searched.
    assert same.details["training"]["weights"] == details["weights"]


def test_trainings_on_several_data_sets_bring_an_accuracy_each(tables, tmp_path):
    the_bench = bench(tables, tmp_path, images=data.npz(data.npz(tmp_path / "images"), "other", classes=2))
    body = ORDER | {"objectives": [{"metric": "accuracy"}, {"metric": "accuracy", "task": "other"}]}
    evaluator, _, keys = evaluator_of(body, the_bench)
    assert keys == {"accuracy@tiny", "accuracy@other", "params_m"}
    seen = evaluator.evaluate(EXAMPLE, lambda: False)
    assert keys <= seen.values.keys() and seen.source == "training:tiny+other:2ep-small"
    assert len(seen.details["training"]["images"]) == len(seen.details["training@other"]["images"])
    assert seen.details["training@other"]["data"] == "other"
    alone, _, _ = evaluator_of(ORDER | {"task": "other"}, the_bench)
    expected = alone.evaluate(EXAMPLE, lambda: False)
    assert seen.values["accuracy@other"] == expected.values["accuracy@other"]


def test_what_cannot_be_trained_fails_with_a_reason(tables, tmp_path):
    the_bench = bench(tables, tmp_path)
    evaluator, _, _ = evaluator_of(ORDER, the_bench)
    (the_bench.images / "tiny.npz").write_bytes(b"damaged in the meantime")
    seen = evaluator.evaluate(EXAMPLE, lambda: False)
    assert seen.values == {} and "no zip" in seen.failed


def test_a_latency_says_on_what_it_was_measured(tables, tmp_path):
    evaluator, _, _ = evaluator_of(BOTH, bench(tables, tmp_path))
    assert isinstance(evaluator, CompositeEvaluator)
    (latency,) = [part for part in evaluator.parts if isinstance(part, LatencyEvaluator)]
    seen = latency.evaluate(EXAMPLE, lambda: False)
    about = seen.details["latency"]
    assert about["threads"] == 1 and about["cpu"] and about["onnxruntime"] and about["side"] == 16
    low, middle, high = about["quartiles_ms"]
    assert 0 < low <= middle <= high and about["spread"] >= 0 and about["runs"] >= 15
    assert math.isclose(seen.values["latency_ms@worker"], about["value_ms"], abs_tol=1e-6)
    assert len(list((tmp_path / "cache" / "onnx").glob("*.onnx"))) == 1


def test_a_network_that_does_not_look_at_its_image_is_timed_too(tables, tmp_path):
    evaluator, _, _ = evaluator_of(BOTH, bench(tables, tmp_path))
    (latency,) = [part for part in evaluator.parts if isinstance(part, LatencyEvaluator)]
    seen = latency.evaluate("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", lambda: False)
    assert seen.failed is None and seen.values["latency_ms@worker"] > 0


def test_energy_without_a_meter_fails_with_a_reason(tables, tmp_path):
    body = ORDER | {
        "task": "cifar10",
        "objectives": [{"metric": "latency_ms", "device": "worker"}],
        "evaluator": "latency",
        "evaluator_options": {"latency": QUICK},
    }
    problem = parse_request(body).problem()
    from networks.latency.machine import EnergyMeter
    from networks.latency.options import LatencyOptions
    from spaces.metric import Quantity

    quantity = Quantity("energy_mj", device="worker")
    evaluator = LatencyEvaluator(
        problem, [quantity], LatencyOptions(**QUICK), Bench(tables), EnergyMeter(tmp_path)
    )
    seen = evaluator.evaluate(EXAMPLE, lambda: False)
    assert "energy" in seen.failed and seen.details["latency"]["quartiles_ms"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"task": "absent"}, "objectives[0]"),
        ({"task": "../tiny"}, "task"),
        ({"task": "/etc/passwd"}, "task"),
        ({"evaluator": "oracle"}, "evaluator"),
        ({"evaluator": {"accuracy": "oracle"}}, "evaluator.accuracy"),
        ({"evaluator": {"sharpness": "training"}}, "evaluator.sharpness"),
        ({"evaluator": {}}, "evaluator"),
        ({"evaluator": 3}, "evaluator"),
        ({"evaluator": {"latency_ms": "latency"}, "task": "cifar10"} | NONE, "evaluator"),
        ({"evaluator_options": {"table": {}}}, "evaluator_options.table"),
        ({"evaluator_options": 3}, "evaluator_options"),
        ({"evaluator_options": {"training": 3}}, "evaluator_options.training"),
        ({"evaluator_options": {"training": {"epochs": 3}}}, "evaluator_options.training.epochs"),
        ({"evaluator_options": {"training": {"seeds": 0}}}, "evaluator_options.training.seeds"),
        ({"evaluator_options": {"training": {"data": "../x"}}}, "objectives[0]"),
        (
            {"evaluator_options": {"training": {"recipe": {"optimizer": "magic"}}}},
            "evaluator_options.training.recipe.optimizer",
        ),
        (
            {"evaluator_options": {"training": {"recipe": {"epochs": 1.5}}}},
            "evaluator_options.training.recipe.epochs",
        ),
        ({"space": "gnn", "task": "cora", "constraints": []}, "objectives[0]"),
        ({"objectives": [{"metric": "latency_ms", "device": "fpga"}]}, "objectives[0]"),
        ({"objectives": [{"metric": "latency_ms", "device": "worker"}]}, "objectives[0].device"),
        (
            {"objectives": [{"metric": "latency_ms", "device": "fpga"}], "evaluator": "latency"}
            | {"task": "cifar10"}
            | NONE,
            "objectives[0]",
        ),
        ({"evaluator": "latency", "task": "cifar10"} | NONE, "objectives[0]"),
        ({"objectives": [{"metric": "accuracy", "task": "absent"}]}, "objectives[0]"),
        ({"objectives": [{"metric": "accuracy", "task": "../tiny"}]}, "objectives[0].task"),
        ({"recipe": 3}, "recipe"),
        ({"recipe": {}}, "recipe"),
        ({"recipe": {"momentum": [0.8, 0.9]}}, "recipe.momentum"),
        ({"recipe": {"learning_rate": 0.1}}, "recipe.learning_rate"),
        ({"recipe": {"learning_rate": [0.1]}}, "recipe.learning_rate"),
        ({"recipe": {"optimizer": ["sgd", "magic"]}}, "recipe.optimizer[1]"),
        ({"recipe": {"optimizer": ["sgd", "sgd"]}}, "recipe.optimizer[1]"),
        ({"recipe": {"weight_decay": [0.0, -1]}}, "recipe.weight_decay[1]"),
        ({"recipe": {"epochs": [2, 4]}}, "evaluator_options.training.recipe.epochs"),
        ({"recipe": {"optimizer": ["sgd", "adamw"]}, "strategy": "robot"}, "strategy"),
        ({"recipe": {"optimizer": ["sgd", "adamw"]}, "evaluations": 0}, "recipe"),
        (
            {"recipe": {"optimizer": ["sgd", "adamw"]}, "evaluator": "table", "task": "cifar10"} | NONE,
            "recipe",
        ),
        ({"recipe": {name: [k / 99 for k in range(1, 32)] for name in LARGE}}, "recipe"),
        ({"recipe": {"optimizer": ["sgd", "adamw"]}, "objectives": [MACS]}, "objectives[0].metric"),
    ],
)
def test_each_error_names_its_field(tables, tmp_path, change, field):
    with pytest.raises(InvalidRequest) as caught:
        check_answerable(parse_request(ORDER | change), tables, data.npz(tmp_path))
    assert field in [error.field for error in caught.value.errors]


def test_without_images_nothing_can_be_trained(tables):
    with pytest.raises(InvalidRequest, match="no images"):
        check_answerable(parse_request(ORDER), tables)


def test_a_request_with_evaluators_and_its_json_are_the_same():
    request = parse_request(BOTH)
    assert parse_request(request.to_dict()) == request and "recipe" not in request.to_dict()
    assert request.objectives[0].quantity.key == "accuracy@tiny"
    request = parse_request(RECIPES)
    assert parse_request(request.to_dict()) == request
    assert request.to_dict()["recipe"] == SEARCHED
