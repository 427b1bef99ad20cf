"""Batches over HTTP: what is accepted, what is refused with the design's and the field's name."""

import csv
import io

import pytest
from api_server import problem

from service.operations.batches import _planned
from service.schemas.batches import BatchCreate
from store.jobs.job import JobState

TEMPLATE = {"space": "nasbench201", "count": 2, "constraints": [{"metric": "params_m", "max": 1.0}]}
GRID = {"task": ["cifar10-fp32", "cifar10-analog"], "constraints[0].max": [0.3, 0.5, 1.0]}


def end(store, job_id, state=JobState.SUCCEEDED, **options):
    lease = store.claim(job_id, worker="w", lease_seconds=60)
    return store.finish(lease, state, **options)


def post(server, body, **headers):
    return server.http.post("/v1/batches", json=body, headers=headers)


def test_a_batch_is_one_job_and_its_designs_are_jobs_of_their_own(server, design):
    bodies = [design | {"seed": seed} for seed in range(3)]
    answer = post(server, {"designs": bodies}, **{"Idempotency-Key": "batch"})
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert (job["kind"], job["state"], job["parent"]) == ("batch", "queued", None)
    assert job["progress"] == {"done": 0, "total": 3, "message": ""}
    assert post(server, {"designs": bodies}, **{"Idempotency-Key": "batch"}).json() == job
    problem(post(server, {"designs": bodies[:2]}, **{"Idempotency-Key": "batch"}), 409)
    listed = server.http.get("/v1/jobs", params={"parent": job["id"]}).json()["jobs"]
    assert {row["parent"] for row in listed} == {job["id"]} and len(listed) == 3
    top = server.http.get("/v1/jobs").json()["jobs"]
    assert job["id"] in [row["id"] for row in top] and not {row["id"] for row in listed} & {
        row["id"] for row in top
    }
    problem(server.http.get(f"{job['urls']['result']}"), 409)
    first, second, third = (row["id"] for row in listed[::-1])
    assert [server.store.job(each).payload["seed"] for each in (first, second, third)] == [0, 1, 2]
    end(server.store, first, result={"architectures": [], "baseline": float(1)})
    end(server.store, second, JobState.FAILED, reason="no luck")
    page = server.http.get(f"/v1/batches/{job['id']}/designs", params={"limit": 2}).json()
    assert [each["index"] for each in page["designs"]] == [0, 1] and page["has_more"]
    assert page["designs"][0]["result"] == {"architectures": [], "baseline": 1.0}
    assert page["designs"][0]["task"] == design["task"] and page["designs"][0]["varied"] is None
    assert (page["designs"][1]["job"]["reason"], page["designs"][1]["result"]) == ("no luck", None)
    server.http.post(f"/v1/jobs/{job['id']}/cancel")
    now = server.http.get(job["urls"]["self"]).json()
    assert (now["state"], now["reason"]) == ("cancelled", "1 succeeded, 1 failed, 1 cancelled")
    found = server.http.get(job["urls"]["result"]).json()
    assert found["counts"] == {"succeeded": 1, "failed": 1, "cancelled": 1}
    assert [each["result"] for each in found["designs"]] == [f"/v1/jobs/{first}/result", None, None]
    with server.http.stream("GET", job["urls"]["events"]) as stream:
        kinds = [line for line in stream.iter_lines() if line.startswith("event: ")]
    assert kinds.count("event: child") == 3
    again = server.http.post(f"/v1/jobs/{job['id']}/retry")
    assert again.status_code == 202 and again.json()["progress"]["done"] == 1
    assert server.http.post(f"/v1/jobs/{job['id']}/retry").json() == again.json()
    for row in server.http.get("/v1/jobs", params={"parent": again.json()["id"]}).json()["jobs"]:
        end(server.store, row["id"], JobState.INFEASIBLE, result={"gaps": []})
    assert server.http.get(again.json()["urls"]["self"]).json()["state"] == "succeeded"
    problem(server.http.post(f"/v1/jobs/{again.json()['id']}/retry"), 409)


def test_a_grid_is_every_combination_of_its_values(server):
    job = post(server, {"template": TEMPLATE, "grid": GRID}).json()
    designs = server.http.get(f"/v1/batches/{job['id']}/designs").json()["designs"]
    assert [each["varied"] for each in designs] == [
        {"task": task, "constraints[0].max": most}
        for task in GRID["task"]
        for most in GRID["constraints[0].max"]
    ]
    payloads = [server.store.job(each["job"]["id"]).payload for each in designs]
    assert [(each["task"], each["constraints"][0]["max"]) for each in payloads] == [
        tuple(each["varied"].values()) for each in designs
    ]
    # The same as the designs written out.
    written = [
        TEMPLATE | {"task": task, "constraints": [{"metric": "params_m", "max": most}]}
        for task in GRID["task"]
        for most in GRID["constraints[0].max"]
    ]
    same = post(server, {"designs": written}).json()
    same = server.http.get(f"/v1/batches/{same['id']}/designs").json()["designs"]
    assert [server.store.job(each["job"]["id"]).payload for each in same] == payloads


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "designs"),
        ({"designs": []}, "designs"),
        ({"template": TEMPLATE}, "grid"),
        ({"grid": GRID}, "template"),
        ({"template": TEMPLATE, "grid": {}}, "grid"),
        ({"template": TEMPLATE, "grid": {"task": []}}, "grid.task"),
        ({"designs": [TEMPLATE | {"task": "cifar10-fp32"}], "grid": GRID}, "designs"),
        ({"template": TEMPLATE, "grid": GRID | {"seed": list(range(167))}}, "grid"),
        ({"template": TEMPLATE, "grid": GRID | {"constraints[1].max": [1]}}, "grid.constraints[1].max"),
        ({"template": TEMPLATE, "grid": GRID | {"a..b": [1]}}, "grid.a..b"),
        ({"template": TEMPLATE, "grid": GRID | {"task.x": [1]}}, "grid.task.x"),
        ({"template": TEMPLATE, "grid": {"task": ["cifar10-fp32", "mars"]}}, "grid.task[1]"),
        (
            {"template": TEMPLATE, "grid": GRID | {"constraints[0].max": [1, "x"]}},
            "grid.constraints[0].max[1]",
        ),
        ({"template": TEMPLATE | {"colour": "red"}, "grid": GRID}, "template.colour"),
        ({"template": TEMPLATE, "grid": GRID, "tenant_id": "x"}, "tenant_id"),
        ({"template": TEMPLATE | {"recipe": {"epochs": [1] * 40_000}}, "grid": GRID}, "template"),
        ({"template": TEMPLATE, "grid": GRID | {"flat": [True, "x" * 70_000]}}, "grid.flat[1]"),
    ],
)
def test_what_makes_no_batch_is_refused(server, body, field):
    before = server.store.waiting()
    problem(post(server, body), 422, field)
    assert server.store.waiting() == before


def test_what_is_longer_than_any_design_is_refused_once_and_not_for_each_combination(server):
    long = TEMPLATE | {"evaluator_options": {"training": {"x": [0] * 40_000}}}
    answer = problem(post(server, {"template": long, "grid": GRID}), 422, "template")
    assert len(answer["errors"]) == 1 and "longer" in answer["detail"]


def test_a_wrong_value_of_a_grid_has_the_hint_of_a_design_written_out(server):
    grid = GRID | {"count": [2, "many"]}
    answer = problem(post(server, {"template": TEMPLATE, "grid": grid}), 422, "grid.count[1]")
    assert [error["hint"] for error in answer["errors"]] == ["write a whole number, without quotes"]


def test_the_designs_of_a_grid_share_what_it_does_not_vary():
    # A template of 16 MB is not copied a thousand times before it is refused.
    batch = BatchCreate(template=TEMPLATE | {"evaluator_options": {"table": {}}}, grid=GRID)
    bodies = [planned.body for planned in _planned(batch)]
    options = batch.template["evaluator_options"]
    assert len(bodies) == 6 and all(body["evaluator_options"] is options for body in bodies)
    assert batch.template["constraints"] == TEMPLATE["constraints"]
    values = [body["constraints"][0]["max"] for body in bodies]
    assert values == GRID["constraints[0].max"] * 2


def test_a_wrong_design_is_named_and_nothing_is_stored(server, design):
    bodies = [design] * 20
    contradiction = [{"metric": "params_m", "min": 1.0, "max": 0.5}]
    bodies[17] = design | {"constraints": contradiction}
    bodies[18] = design | {"space": "gnn", "task": "cifar10"}
    before = server.store.waiting(), len(server.store.jobs()[0])
    answer = problem(post(server, {"designs": bodies}), 422, "designs[17].constraints[0].max")
    assert "designs[18].task" in [error["field"] for error in answer["errors"]]
    problem(post(server, {"designs": [design, design | {"count": 0}]}), 422, "designs[1].count")
    problem(post(server, {"designs": [design] * 1001}), 422, "designs")
    assert (server.store.waiting(), len(server.store.jobs()[0])) == before


def test_only_a_batch_has_designs(server, design):
    job = server.http.post("/v1/designs", json=design).json()
    problem(server.http.get(f"/v1/batches/{job['id']}/designs"), 404)
    foreign, _ = server.store.submit_batch("design", [], tenant_id="other")
    problem(server.http.get(f"/v1/batches/{foreign.id}/designs"), 404)


def test_a_batch_is_one_table(server):
    bounds = [{"metric": "latency_ms", "device": "gpu", "max": 4.0}, {"metric": "params_m", "max": 0.5}]
    template = {"space": "gnn", "task": "arxiv", "constraints": bounds, "name": "both"}
    template["objectives"] = [{"metric": "latency_ms@gpu@arxiv"}]
    grid = {"constraints[0].max": [5.0, 6.0], "constraints[1].max": [3.0, 4.0]}
    batch = server.http.post("/v1/batches", json={"template": template, "grid": grid}).json()
    jobs = [child.job for child in server.store.children(batch["id"])[0]]
    value = {"mean": 4.5, "std": 0.1, "lower": 4.25, "upper": 4.75, "source": "predicted"}
    trainings = [{"origin": "a"}, {"origin": "b"}, {"origin": "a"}]
    best = {
        "rank": 1,
        "architecture": 'k3_e1|"quoted", skip',
        "feasible_probability": 0.95,
        "metrics": {"latency_ms@gpu@arxiv": value},
        "evaluation": {"seconds": 3.0, "training": {"trainings": trainings}},
    }
    results = [
        (JobState.SUCCEEDED, {"architectures": [best, best], "evaluated": 7}, None),
        (JobState.INFEASIBLE, {"nearest": {"architecture": "k5_e1"}, "evaluated": 0}, "nothing holds"),
    ]
    for job, (state, result, reason) in zip(jobs, results, strict=False):
        lease = server.store.claim(job.id, worker="w", lease_seconds=60)
        server.store.finish(lease, state, result=result, reason=reason)
    rows = server.http.get(f"/v1/batches/{batch['id'][:18]}/table").json()["rows"]
    assert [row["state"] for row in rows] == ["succeeded", "infeasible", "queued", "queued"]
    assert [row["job"] for row in rows] == [job.id for job in jobs]
    first = rows[0]
    assert first["bounds"] == {
        "latency_ms@gpu@arxiv": {"min": None, "max": 5.0},
        "params_m@arxiv": {"min": None, "max": 3.0},
    }
    assert (first["devices"], first["origins"], first["evaluated"]) == (["gpu"], ["a", "b"], 7)
    assert first["values"]["latency_ms@gpu@arxiv"]["upper"] == 4.75 and first["name"] == "both"
    assert (rows[1]["architecture"], rows[1]["nearest"], rows[1]["reason"]) == (
        None,
        "k5_e1",
        "nothing holds",
    )
    answer = server.http.get(f"/v1/batches/{batch['id']}/table", params={"format": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    table = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["params_m@arxiv max"] for row in table] == ["3.0", "4.0", "3.0", "4.0"]
    assert table[0]["architecture"] == best["architecture"] and table[0]["origin"] == "a b"
    assert (table[0]["latency_ms@gpu@arxiv"], table[0]["latency_ms@gpu@arxiv source"]) == ("4.5", "predicted")
    assert (table[1]["nearest"], table[3]["state"]) == ("k5_e1", "queued")
    problem(server.http.get(f"/v1/batches/{jobs[0].id}/table"), 404)
    problem(server.http.get(f"/v1/batches/{batch['id']}/table", params={"format": "xml"}), 422, "format")
