"""Which network a request means, and that bounds, results, trainings and measurements are of that one."""

import numpy as np
import pytest

from networks.plan import planned_spaces
from networks.training.rebuild import rebuild
from search.design import run_design
from search.evaluator import Bench
from search.request.answerable import check_answerable
from search.request.design_request import DesignRequest, parse_request
from search.request.meant_network import asked_network
from search.request.quantities import InvalidRequest
from search.request.uploaded_task import UploadedTask
from search.run.composite import make_evaluator
from spaces.known import get_space
from store.blobs.memory import MemoryBlobs
from tests.networks.training import data

PARAMS = {"metric": "params_m"}
OWN = UploadedTask("flowers", 5, "0" * 64, "v")
TRAINED = {
    "space": "nasbench201",
    "task": "tiny",
    "constraints": [{"metric": "macs_m", "max": 40}],
    "evaluations": 2,
    "evaluator": "training",
    "evaluator_options": {"training": {"network": "small", "recipe": {"epochs": 1, "batch_size": 16}}},
}
MEASURED = {
    "objectives": [{"metric": "latency_ms", "device": "worker"}],
    "task": "cifar10",
    "evaluator": "latency",
    "evaluator_options": {},
}


def trained(**options):
    return {"evaluator_options": {"training": options}}


def said(body, images=None, uploaded=None):
    """What the request means, as it is and after a job's payload was written and read."""
    request = parse_request(body, uploaded=uploaded)
    assert DesignRequest.from_dict(request.to_dict()) == request
    network = request.problem(images).network
    return network.classes, network.resolution, network.skeleton


@pytest.fixture
def images(tmp_path):
    """Data sets ``tiny`` of 3 classes at 8 pixels and ``pairs`` of 2 at 20."""
    return data.npz(data.npz(tmp_path / "images"), "pairs", classes=2, side=20)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, (3, 8, "small")),
        (trained(), (3, 8, "full")),
        (trained(data="pairs"), (2, 20, "full")),
        (trained(data="pairs", resolution=24), (2, 24, "full")),
        ({"resolution": 96} | trained(network="small"), (3, 96, "small")),
        ({"space": "fbnet"}, (3, 8, "small")),
        ({"space": "ofa_mobilenetv3"}, (3, 8, "small")),
        ({"space": "ofa_mobilenetv3"} | trained(), (3, None, "full")),
        ({"space": "ofa_mobilenetv3"} | trained(resolution=64), (3, 64, "full")),
        ({"evaluations": 0, "task": "cifar100"}, (100, 32, "full")),
        (MEASURED, (10, 32, "full")),
        (MEASURED | {"resolution": 48}, (10, 48, "full")),
        (
            MEASURED | {"evaluator_options": {"latency": {"resolution": 16, "network": "small"}}},
            (10, 16, "small"),
        ),
        (trained(network="magic", resolution="large"), (3, 8, "full")),
    ],
)
def test_a_request_means_the_network_that_is_trained_or_asked_for(images, change, expected):
    assert said(TRAINED | change, images) == expected


def test_a_task_of_ones_own_has_its_classes():
    body = {"space": "nasbench201", "task": "flowers"}
    assert said(body, uploaded=OWN) == (5, 32, "full")
    assert said(body | {"resolution": 96}, uploaded=OWN) == (5, 96, "full")
    body = {"space": "fbnet", "task": "flowers", "objectives": [PARAMS], "resolution": 96}
    assert said(body | {"evaluations": 1, "evaluator": "training"}, uploaded=OWN) == (5, 96, "full")


def test_without_the_images_the_task_counts():
    """An API that only checks a request needs no data set."""
    assert said(TRAINED) == (10, 32, "small")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"resolution": 4}, "resolution"),
        ({"resolution": 96.0}, "resolution"),
        ({"resolution": 64} | trained(resolution=96), "evaluator_options.training.resolution"),
        ({"space": "ofa_mobilenetv3", "resolution": 160}, "resolution"),
        ({"space": "gnn", "task": "cora", "resolution": 32}, "resolution"),
    ],
)
def test_a_resolution_that_no_network_can_have_is_refused(change, field):
    with pytest.raises(InvalidRequest) as caught:
        parse_request(TRAINED | change)
    assert field in [error.field for error in caught.value.errors]


def test_networks_asked_for_by_size():
    cells = get_space("nasbench201")
    assert asked_network(cells, "cifar100", None, 48).to_dict() == {
        "task": "cifar100", "classes": 100, "resolution": 48, "skeleton": "full",
    }  # fmt: skip
    wrong = [
        (cells, {"resolution": 4}, "resolution"),
        (get_space("ofa_mobilenetv3"), {"resolution": 160}, "resolution"),
        (get_space("gnn"), {"classes": 5}, "classes"),
        (get_space("gnn"), {"skeleton": "small"}, "skeleton"),
    ]
    for space, size, field in wrong:
        with pytest.raises(InvalidRequest) as caught:
            asked_network(space, None, **size)
        assert [error.field for error in caught.value.errors] == [field]


def test_images_that_cannot_be_read_are_told_before_anything_is_trained(tables, images):
    (images / "tiny.npz").write_bytes(b"damaged in the meantime")
    with pytest.raises(InvalidRequest, match="no zip") as caught:
        run_design(parse_request(TRAINED), tables=tables, bench=Bench(tables, images))
    assert caught.value.errors[0].field == "evaluator_options.training.data"


def numbers(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("space_name", planned_spaces())
def test_the_trained_network_has_the_costs_that_are_told(tables, images, space_name):
    blobs = MemoryBlobs()
    bench = Bench(tables, images, blobs=lambda: blobs)
    body = TRAINED | {"space": space_name, "constraints": [{"metric": "params_m", "max": 9}]}
    request = parse_request(body)
    check_answerable(request, tables, images)
    problem = request.problem(images)
    evaluator = make_evaluator(problem, request.evaluator, request.evaluator_options, bench, 0)
    seen = evaluator.evaluate(problem.space.example, lambda: False)
    network, about = rebuild(blobs.get(seen.details["training"]["weights"]))
    assert len(about["classes"]) == 3
    assert round(1e6 * seen.values["params_m"]) == numbers(network)


def test_a_member_with_its_own_resolution_is_trained_there(tables, images):
    options = {"images": 20, "recipe": {"epochs": 1, "batch_size": 8}}
    request = parse_request(TRAINED | {"space": "ofa_mobilenetv3"} | trained(**options))
    problem = request.problem(images)
    evaluator = make_evaluator(
        problem, request.evaluator, request.evaluator_options, Bench(tables, images), 0
    )
    seen = evaluator.evaluate("r128" + "|k3_e3|k3_e3|skip|skip" * 5, lambda: False)
    assert seen.failed is None and seen.details["training"]["images"]["side"] == 128
    larger = problem.space.parse("r224" + "|k3_e3|k3_e3|skip|skip" * 5)
    assert problem.exact(problem.constraints[0].quantity, larger[None])[0] > 2.5 * seen.values["macs_m"]


def test_a_latency_is_of_the_network_that_is_trained(tables, images, tmp_path):
    both = {
        "objectives": [{"metric": "accuracy"}, {"metric": "latency_ms", "device": "worker"}],
        "evaluator": {"accuracy": "training", "latency_ms": "latency"},
    }
    quick = {"seconds": 0.05, "blocks": 3}
    body = TRAINED | both
    for options, expected in (
        ({}, (8, 3, "small")),
        ({"network": "full", "resolution": 16}, (16, 3, "full")),
    ):
        settings = {**TRAINED["evaluator_options"], "latency": quick | options}
        request = parse_request(body | {"evaluator_options": settings})
        problem = request.problem(images)
        evaluator = make_evaluator(
            problem, request.evaluator, settings, Bench(tables, images, tmp_path / "cache"), 0
        )
        (latency,) = [part for part in evaluator.parts if part.source.startswith("latency")]
        details = latency.evaluate(problem.space.example, lambda: False).details["latency"]
        assert (details["side"], details["classes"], details["network"]) == expected


def test_bounds_hold_for_the_network_that_is_meant(tables):
    """40 million multiply-accumulates are few at 224 pixels, and many at 96."""
    body = {
        "space": "fbnet",
        "task": "imagenet",
        "objectives": [PARAMS],
        "constraints": [{"metric": "macs_m", "max": 40}],
        "count": 3,
    }
    space = get_space("fbnet")
    drawn = space.sample(1000, np.random.default_rng(0))
    for resolution in (96, 224):
        done = run_design(parse_request(body | {"resolution": resolution}), tables=tables)
        assert done.state == "succeeded", "a bound that some hold is no reason to give up"
        network = space.network_config("imagenet", resolution=resolution)
        assert done.result["costs_for"] == network.to_dict()
        for row in done.result["architectures"]:
            costs = space.costs(space.parse(row["architecture"])[None], network)
            assert row["metrics"]["macs_m"] == {"mean": costs["macs_m"][0], "source": "exact"}
            assert costs["macs_m"][0] <= 40
        assert (space.costs(drawn, network)["macs_m"] <= 40).any() == (resolution == 96)


def test_what_nothing_holds_says_of_which_network(tables):
    body = {"space": "nasbench201", "task": "cifar10", "objectives": [PARAMS], "resolution": 64}
    done = run_design(parse_request(body | {"constraints": [{"metric": "macs_m", "max": 1}]}), tables=tables)
    assert (done.state, done.result["costs_for"]["resolution"]) == ("infeasible", 64)
    cells = get_space("nasbench201")
    least = cells.costs(cells.enumerate(), cells.network_config(resolution=64))["macs_m"].min()
    assert done.result["nearest"]["values"]["macs_m"] == least


def test_a_search_keeps_to_bounds_of_the_network_that_is_trained(tables, images):
    """The least full cell network has 0.07 M parameters; the small one of three classes is below 0.03."""
    bound = {"metric": "params_m", "max": 0.03}
    body = TRAINED | {"constraints": [bound], "evaluations": 3, "strategy": "evolution", "count": 2}
    done = run_design(parse_request(body), tables=tables, bench=Bench(tables, images))
    assert done.state == "succeeded" and done.result["evaluated"] == 3
    cells = get_space("nasbench201")
    assert done.result["costs_for"] == {
        "task": None, "classes": 3, "resolution": 8, "skeleton": "small",
    }  # fmt: skip
    for row in done.result["architectures"]:
        network = cells.network_config(classes=3, resolution=8, skeleton="small")
        costs = cells.costs(cells.parse(row["architecture"])[None], network)
        assert row["metrics"]["params_m"]["mean"] == costs["params_m"][0] <= 0.03


@pytest.mark.parametrize("resolution", [None, 32, 64])
def test_a_shipped_model_says_that_it_learned_from_other_networks(tables, resolution):
    body = {
        "space": "nasbench201",
        "task": "cifar10-int8-ptq",
        "constraints": [{"metric": "latency_ms", "device": "fpga", "max": 6}],
        "count": 2,
    }
    done = run_design(parse_request(body | {"resolution": resolution}), tables=tables)
    for row in done.result["architectures"]:
        for key in ("accuracy@cifar10-int8-ptq", "latency_ms@fpga"):
            assert row["metrics"][key].get("extrapolated", False) == (resolution == 64)
