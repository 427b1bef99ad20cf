"""Networks over HTTP: ordered, trained by a job, taken away, deleted; what is refused."""

import io
import zipfile

import pytest
from api_server import problem

from networks.images.dataset import load_images
from networks.training.checkpoint import pack_weights
from networks.training.rebuild import identity_of, untrained
from networks.training.recipe import TrainingOptions
from store.blobs.memory import MemoryBlobs
from store.database.ids import new_id
from store.jobs.job import JobState
from store.memory import MemoryStore
from store.networks.network import TrainedNetwork
from tests.networks.training import data
from workers.environment import WorkerEnvironment
from workers.execute import execute
from workers.timeouts import Timeouts

CELL = "|nor_conv_1x1~0|+|none~0|none~1|+|none~0|nor_conv_1x1~1|skip_connect~2|"
ORDER = {
    "space": "nasbench201",
    "architecture": CELL,
    "dataset": "tiny",
    "network": "small",
    "recipe": {"epochs": 1, "batch_size": 12},
}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return data.npz(tmp_path_factory.mktemp("images"), count=60, test=20)


@pytest.fixture
def served(serve, images):
    blobs = MemoryBlobs()
    running = serve(MemoryStore(), blobs=blobs, images=images)

    def work():
        for row in running.store.unpublished():
            execute(
                running.store,
                row.job_id,
                WorkerEnvironment(
                    worker="w",
                    tables=lambda: pytest.fail("training needs no tables"),
                    blobs=lambda: blobs,
                    timeouts=Timeouts(lease_seconds=20, store_seconds=2),
                    draining=lambda: False,
                    leave=lambda: None,
                    images=images,
                ),
            )

    running.work, running.blobs = work, blobs
    return running


def post(served, **change):
    body = {name: value for name, value in (ORDER | change).items() if value is not None}
    return served.http.post("/v1/networks", json=body)


def designed(served, **more):
    """A finished design that trained its architecture."""
    design = {
        "space": "nasbench201",
        "task": "tiny",
        "evaluations": 2,
        "evaluator": "training",
        "evaluator_options": {
            "training": {"network": "small", "resolution": 12, "recipe": {"epochs": 1, "batch_size": 12}}
        },
    }
    answer = served.http.post("/v1/designs", json=design)
    assert answer.status_code == 202, answer.text
    lease = served.store.claim(answer.json()["id"], worker="w", lease_seconds=60)
    metrics = {
        "accuracy@tiny": {"mean": 90.0, "std": 1.0, "source": "measured"},
        "latency_ms@phone": {"mean": 3.0, "std": 0.1, "source": "predicted"},
    }
    found = [{"rank": 1, "architecture": CELL, "metrics": metrics, **more}]
    served.store.finish(lease, JobState.SUCCEEDED, result={"architectures": found})
    return answer.json()["id"]


def test_a_network_is_ordered_trained_and_taken_away(served):
    answer = post(served)
    body = answer.json()
    assert answer.status_code == 202 and (body["kind"], body["state"]) == ("network", "queued"), body
    assert answer.headers["location"] == body["urls"]["self"] and body["progress"]["total"] == 2
    where = f"/v1/networks/{body['network']}"
    waiting = served.http.get(where).json()
    assert (waiting["state"], waiting["card"], waiting["urls"]["bundle"]) == ("training", None, None)
    assert "no bundle" in problem(served.http.get(f"{where}/bundle"), 409)["detail"]
    served.work()
    stated = served.http.get(where).json()
    assert stated["state"] == "ready" and stated["order"]["from"] == "scratch", stated
    assert stated["order"]["recipe"]["batch_size"] == 12 and stated["order"]["recipe"]["optimizer"] == "sgd"
    bundle = served.http.get(stated["urls"]["bundle"])
    assert bundle.headers["content-type"] == "application/zip"
    assert bundle.headers["etag"].strip('"') == stated["bundle"].removeprefix("sha256:")
    with zipfile.ZipFile(io.BytesIO(bundle.content)) as archive:
        assert archive.testzip() is None and "card.json" in archive.namelist()
    assert served.http.get(f"{body['urls']['self']}").json()["network"] == body["network"]
    assert served.http.get(f"{body['urls']['result']}").json()["card"] == stated["card"]
    assert [found["id"] for found in served.http.get("/v1/networks").json()["networks"]] == [stated["id"]]
    assert served.http.delete(where).status_code == 204
    problem(served.http.get(where), 404)
    problem(served.http.post(f"{body['urls']['self']}/retry"), 404)


def test_a_teacher_is_trained_once_for_the_networks_that_it_teaches(served):
    other = CELL.replace("none~1", "skip_connect~1")
    answers = [post(served, teacher=True, architecture=each).json() for each in (CELL, other)]
    assert answers[0]["progress"]["total"] == 3  # an epoch of the teacher, one of the student, the bundle
    served.work()
    found = [served.http.get(f"/v1/networks/{each['network']}").json() for each in answers]
    assert [each["state"] for each in found] == ["ready", "ready"], found
    taught = [each["card"]["training"]["teacher"] for each in found]
    assert (
        taught[0] == taught[1] and taught[0]["backbone"] == "EfficientNet-Lite0" and taught[0]["side"] == 64
    )
    assert all(each["order"]["teacher"] for each in found)


def test_a_designs_architecture_is_trained_as_the_design_did(served, images):
    job = designed(served)
    answer = served.http.post("/v1/networks", json={"job": job[:30], "recipe": {"epochs": 2}})
    assert answer.status_code == 202, answer.text
    order = served.http.get(f"/v1/networks/{answer.json()['network']}").json()["order"]
    assert (order["resolution"], order["network"]) == (12, "small")
    assert (order["recipe"]["epochs"], order["recipe"]["batch_size"]) == (2, 12)
    assert order["search"]["job"] == job and order["predicted"].keys() == {"latency_ms@phone"}
    served.work()
    card = served.http.get(f"/v1/networks/{answer.json()['network']}").json()["card"]
    assert card["data"]["side"] == 12 and card["data"]["train_images"] == 60
    assert card["latency"]["predicted"]["latency_ms@phone"]["mean"] == 3.0
    found = problem(served.http.post("/v1/networks", json={"job": job, "from": "search"}), 422, "from")
    assert "was not trained" in found["errors"][0]["message"]
    problem(served.http.post("/v1/networks", json={"job": job, "rank": 2}), 404)


def test_the_weights_of_the_search_are_where_it_starts_and_what_onnx_carries(served, images):
    loaded = load_images(images, "tiny", side=12)
    identity = identity_of("nasbench201", CELL, TrainingOptions(network="small"), loaded, 0)
    weights = served.blobs.put(pack_weights(untrained(identity).state_dict(), identity))
    job = designed(served, evaluation={"training": {"weights": weights}})
    answer = served.http.post("/v1/networks", json={"job": job, "from": "search"})
    order = served.http.get(f"/v1/networks/{answer.json()['network']}").json()["order"]
    assert (order["from"], order["weights"]) == ("search", weights)
    import onnx

    file = served.http.get(f"/v1/jobs/{job}/architectures/1/export", params={"format": "onnx"}, timeout=120)
    model = onnx.load_model_from_string(file.content)
    assert {entry.key: entry.value for entry in model.metadata_props}["weights"] == "trained"
    assert [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim][1:] == [3, 12, 12]


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"space": None}, "space", "is missing"),
        ({"dataset": None}, "dataset", "is missing"),
        ({"space": "gnn", "architecture": "0|1|1|2:gcn|gat|skip|sage"}, "space", "has no networks"),
        ({"architecture": CELL[:-1]}, "architecture", "character"),
        ({"dataset": "gone"}, "dataset", "there are tiny"),
        ({"dataset": "../tiny"}, "dataset", "no data set"),
        ({"task": "other"}, "task", "contradicts"),
        ({"from": "search"}, "from", "needs a job"),
        ({"from": "pretrained"}, "from", "has no pretrained weights"),
        ({"from": "there"}, "from", "scratch"),
        ({"recipe": {"epochs": 0}}, "recipe.epochs", "between 1 and"),
        ({"recipe": {"epoch": 3}}, "recipe.epoch", "unknown field"),
        ({"resolution": 4}, "resolution", "8"),
        ({"state": "ready"}, "state", "Extra"),
    ],
)
def test_what_makes_no_sense_names_its_field(served, change, field, said):
    answer = problem(post(served, **change), 422, field)
    assert said in str([error for error in answer["errors"] if error["field"] == field])


def test_a_design_is_not_given_another_architecture(served):
    job = designed(served)
    answer = problem(served.http.post("/v1/networks", json={"job": job, "architecture": CELL}), 422)
    assert answer["errors"][0]["field"] == "architecture"
    running = served.http.post("/v1/designs", json={"space": "nasbench201", "task": "cifar10"}).json()["id"]
    problem(served.http.post("/v1/networks", json={"job": running}), 409)
    problem(served.http.post("/v1/networks", json={"job": new_id(1.0)}), 404)


def test_a_key_orders_one_network_and_a_foreign_one_is_unknown(served):
    headers = {"Idempotency-Key": "k"}
    first, second = (served.http.post("/v1/networks", json=ORDER, headers=headers).json() for _ in range(2))
    assert first["network"] == second["network"]
    other = served.http.post("/v1/networks", json=ORDER | {"seed": 5}, headers=headers)
    problem(other, 409)
    foreign, _, _ = served.store.create_network(
        served.store.network(first["network"]).spec, tenant_id="other"
    )
    for path in (foreign.id, f"{foreign.id}/bundle"):
        problem(served.http.get(f"/v1/networks/{path}"), 404)
    problem(served.http.delete(f"/v1/networks/{foreign.id}"), 404)


def test_a_bundle_that_is_no_longer_kept_says_so(served):
    made = post(served).json()
    lease = served.store.claim(made["id"], worker="w", lease_seconds=60)
    trained = TrainedNetwork(made["network"], "0" * 64, "1" * 64, {})
    served.store.finish(lease, JobState.SUCCEEDED, result={}, trained=trained)
    answer = problem(served.http.get(f"/v1/networks/{made['network']}/bundle"), 404)
    assert "no longer kept" in answer["detail"]


def test_without_images_nothing_can_be_trained(serve):
    bare = serve(MemoryStore())
    answer = problem(bare.http.post("/v1/networks", json=ORDER), 422, "dataset")
    assert "NETWRIGHT_IMAGES" in answer["errors"][0]["hint"]


def test_an_uploaded_data_set_is_trained_on(served, images):
    from netwright.client.client import Client

    with Client(served.url) as client:
        client.add_dataset("mine", images / "tiny.npz")
        served.work()
        job = client.finish("nasbench201", CELL, dataset="mine", network="small", recipe=ORDER["recipe"])
        answer = client.network(job["network"])
        assert answer["dataset"] == "mine" and "datasets" not in answer["order"]
        served.work()
        card = client.network(job["network"])["card"]
    assert (card["data"]["data"], card["data"]["train_images"]) == ("mine", 60)


def test_a_design_may_order_networks(served):
    design = {
        "space": "nasbench201",
        "task": "tiny",
        "evaluations": 2,
        "evaluator": "training",
        "evaluator_options": {"training": {"network": "small", "recipe": {"epochs": 1, "batch_size": 12}}},
        "finish": 1,
    }
    answer = served.http.post("/v1/designs", json=design)
    assert answer.status_code == 202, answer.text
    assert served.store.job(answer.json()["id"]).payload["finish"] == 1
    told = problem(served.http.post("/v1/designs", json={"space": "gnn", "task": "cora", "finish": 1}), 422)
    assert told["errors"][0]["field"] == "finish" and "no networks" in told["errors"][0]["message"]
    cifar = {"space": "nasbench201", "task": "cifar10", "finish": 1}
    assert "there are tiny" in str(problem(served.http.post("/v1/designs", json=cifar), 422, "finish"))
