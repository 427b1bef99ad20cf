"""Ids are accepted as they are printed: as much of one as no other has."""

from itertools import product

import pytest
from api_server import problem

from service.operations.short_ids import MOST_LISTED
from store.database.ids import short_id

CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|none~2|"
OPERATIONS = ("skip_connect", "none", "avg_pool_3x3", "nor_conv_1x1")


@pytest.fixture
def ids(serve, design):
    """A server and ids of jobs, the oldest first."""
    running = serve()
    made = [running.http.post("/v1/designs", json=design | {"seed": i}).json()["id"] for i in range(8)]
    return running.http, made


def test_a_job_is_found_by_its_short_id_on_every_route(ids):
    http, made = ids
    short = short_id(made[3])
    for path in (f"/v1/jobs/{short}", f"/v1/jobs/{short}/cancel"):
        answer = http.request("POST" if path.endswith("cancel") else "GET", path)
        assert answer.json()["id"] == made[3]
    assert http.post(f"/v1/jobs/{short}/retry").json()["retry_of"] == made[3]
    problem(http.get(f"/v1/jobs/{short}/result"), 409)
    problem(http.get(f"/v1/jobs/{short}/architectures/1/export"), 409)
    with http.stream("GET", f"/v1/jobs/{short}/events") as stream:
        assert '"cancelled"' in "".join(stream.iter_text())
    page = http.get("/v1/jobs", params={"after": short_id(made[2])}).json()["jobs"]
    assert [job["id"] for job in page] == made[:2][::-1]


def test_the_beginning_of_several_is_refused_with_those(ids):
    http, made = ids
    body = problem(http.get(f"/v1/jobs/{made[0][:5]}"), 422, "job_id")
    assert all(job_id in body["errors"][0]["message"] for job_id in made[-MOST_LISTED:])
    problem(http.get("/v1/jobs", params={"after": made[0][:5]}), 422, "after")
    problem(http.get("/v1/jobs", params={"parent": made[0][:5]}), 422, "parent")
    problem(http.get(f"/v1/jobs/{made[0][:3]}"), 404)
    problem(http.get("/v1/jobs/ffff"), 404)


def test_studies_and_predictors_too(serve):
    http = serve().http
    study = http.post("/v1/studies", json={"space": "nasbench201", "task": "cifar10"}).json()["id"]
    assert http.get(f"/v1/studies/{study[:18]}").json()["id"] == study
    answer = [
        {
            "architecture": CELL.replace("nor_conv_3x3~1|+|skip_connect", f"{first}~1|+|{second}"),
            "value": value,
        }
        for value, (first, second) in enumerate(product(OPERATIONS, OPERATIONS), start=80)
    ]
    order = {"space": "nasbench201", "metric": "accuracy@cifar10", "kind": "gp", "observations": answer}
    made = http.post("/v1/predictors", json=order).json()
    assert http.get(f"/v1/predictors/{made['predictor'][:18]}").json()["quantity"] == "accuracy@cifar10"
    assert http.get(f"/v1/jobs/{made['id']}").json()["predictor"] == made["predictor"]
    asked = {"space": "nasbench201", "metrics": [{"metric": "accuracy@cifar10", "predictor": "ffff"}]}
    problem(http.post("/v1/predict", json=asked | {"architectures": [CELL]}), 404)
    asked["metrics"][0]["predictor"] = made["predictor"][:18]
    body = problem(http.post("/v1/predict", json=asked | {"architectures": [CELL]}), 422)
    assert "not trained yet" in body["detail"]
