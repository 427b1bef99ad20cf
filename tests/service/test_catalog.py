"""What there is to ask for: spaces, tasks, devices, health, metrics, and the OpenAPI document."""

import subprocess
import sys

from api_server import problem

from service.operations.catalog import BUILT_IN_TASKS
from spaces.known import get_space, space_names


def test_every_space_is_listed_and_described(server):
    listed = server.http.get("/v1/spaces").json()
    assert [space["name"] for space in listed["spaces"]] == list(space_names())
    assert listed["has_more"] is False
    for name in space_names():
        space = get_space(name)
        shown = server.http.get(f"/v1/spaces/{name}").json()
        assert shown["size"] == space.size
        assert [v["name"] for v in shown["variables"]] == [v.name for v in space.variables]
        assert space.format(space.from_variables(shown["example_variables"])[None]) == [shown["example"]]
        assert {metric["name"] for metric in shown["metrics"]} == set(space.metrics)
    problem(server.http.get("/v1/spaces/nowhere"), 404)


def test_every_task_of_every_space_is_described(server):
    tasks = server.http.get("/v1/tasks", params={"limit": 100}).json()["tasks"]
    listed = {task["name"]: task for task in tasks}
    for name in space_names():
        for task in get_space(name).tasks:
            assert name in listed[task]["spaces"]
            assert listed[task]["classes"] == BUILT_IN_TASKS[task].classes > 1


def test_short_lists_are_paged_too(server):
    names, after = [], None
    while True:
        params = {"limit": 2} | ({"after": after} if after else {})
        body = server.http.get("/v1/tasks", params=params).json()
        names += [task["name"] for task in body["tasks"]]
        after = names[-1]
        if not body["has_more"]:
            break
    whole = server.http.get("/v1/tasks", params={"limit": 100}).json()["tasks"]
    assert names == [task["name"] for task in whole] == sorted(names)
    problem(server.http.get("/v1/tasks", params={"limit": 0}), 422, "limit")


def test_devices_say_whether_their_table_is_here(server, tables):
    devices = server.http.get("/v1/devices", params={"limit": 100}).json()["devices"]
    gpu = next(device for device in devices if device["space"] == "gnn")
    assert (gpu["name"], gpu["available"], gpu["reason"]) == ("gpu", True, None)
    assert "latency_ms@gpu@arxiv" in gpu["metrics"]
    cells = server.http.get("/v1/devices", params={"space": "nasbench201", "limit": 100}).json()["devices"]
    assert {device["name"] for device in cells} == set(get_space("nasbench201").devices)
    for device in cells:
        reason = tables.available("nasbench201", device["metrics"][0])
        assert (device["available"], device["reason"]) == (reason is None, reason)
    assert server.http.get("/v1/devices", params={"space": "nowhere"}).json()["devices"] == []


def test_health_and_readiness(server):
    assert server.http.get("/healthz").json()["status"] == "ok"
    assert server.http.get("/readyz").json()["status"] == "ready"


def test_metrics_count_by_route_not_by_path(serve, design):
    running = serve()
    job = running.http.post("/v1/designs", json=design).json()
    running.http.get(job["urls"]["self"])
    running.http.get("/v1/secret-path")
    text = running.http.get("/metrics").text
    assert 'netwright_http_requests_total{method="POST",route="/v1/designs",status="202"} 1.0' in text
    assert 'route="/v1/jobs/{job_id}",status="200"' in text
    assert "secret-path" not in text and job["id"] not in text
    assert "netwright_jobs_queued 1.0" in text
    assert 'netwright_jobs_submitted_total{kind="design"} 1.0' in text


def test_every_route_documents_its_problems(server):
    document = server.http.get("/openapi.json").json()
    assert "HTTPValidationError" not in str(document)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            takes = bool(operation.get("parameters")) or "requestBody" in operation
            assert ("422" in operation["responses"]) or not takes, (method, path)
            for status, answer in operation["responses"].items():
                if status.startswith(("4", "5")):
                    assert list(answer["content"]) == ["application/problem+json"], (method, path, status)
    assert server.http.get("/docs").status_code == 200


def test_importing_the_service_loads_no_model_library():
    code = (
        "import sys, service.app, service.server;"
        "print([name for name in ('torch', 'xgboost', 'matplotlib', 'celery') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
