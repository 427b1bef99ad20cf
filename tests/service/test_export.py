"""Architectures of a result, taken away over HTTP."""

import json

import onnx
import pytest
import torch
from api_server import problem

from networks.build import build
from networks.export.onnx_counts import onnx_counts
from networks.training.checkpoint import pack_weights, read_weights
from service.children.child_process import run_child
from service.http.problems import Problem
from spaces.declared.space import declare
from spaces.known import get_space
from store.jobs.job import JobState

CELL = "|nor_conv_1x1~0|+|none~0|none~1|+|none~0|nor_conv_1x1~1|skip_connect~2|"
METRICS = {"accuracy@cifar10-int8-ptq": {"mean": 91.0, "std": 0.5, "source": "predicted"}}


def ordered(server, design, architecture=CELL, **more):
    """A finished job with one architecture, and where its exports are."""
    job = server.http.post("/v1/designs", json=design)
    assert job.status_code == 202, job.text
    job_id = job.json()["id"]
    lease = server.store.claim(job_id, worker="w", lease_seconds=60)
    found = [{"rank": 1, "architecture": architecture, "metrics": METRICS, **more}]
    server.store.finish(lease, JobState.SUCCEEDED, result={"architectures": found})
    return f"/v1/jobs/{job_id}/architectures/1/export"


@pytest.fixture
def url(server, design):
    return ordered(server, design)


def test_a_program_runs(server, url):
    answer = server.http.get(url)
    assert answer.headers["content-type"].startswith("text/x-python")
    assert answer.headers["content-disposition"].endswith('-1.py"')
    names = {"__name__": "network"}
    exec(compile(answer.text, "network.py", "exec"), names)
    assert names["ARCHITECTURE"] == CELL
    assert names["build"]()[-1].out_features == 10


def test_json_has_the_results_predictions(server, url):
    answer = server.http.get(url, params={"format": "json"}).json()
    assert answer["architecture"] == CELL
    assert answer["predictions"] == METRICS
    assert answer["task"] == "cifar10-int8-ptq"
    assert answer["statistics"]["params_m"] > 0


@pytest.mark.parametrize("space_name", ["nasbench201", "fbnet"])
def test_every_format_is_of_the_network_that_the_result_says(server, space_name):
    """Five classes at 96 pixels in the small skeleton, as a training of it would say."""
    space = get_space(space_name)
    network = space.network_config(None, classes=5, resolution=96, skeleton="small")
    params = round(1e6 * space.costs(space.parse(space.example)[None], network)["params_m"][0])
    job, _ = server.store.submit("design", {"space": space_name, "task": "flowers"})
    lease = server.store.claim(job.id, worker="w", lease_seconds=60)
    found = [{"rank": 1, "architecture": space.example, "metrics": {}}]
    result = {"architectures": found, "costs_for": network.to_dict()}
    server.store.finish(lease, JobState.SUCCEEDED, result=result)
    url = f"/v1/jobs/{job.id}/architectures/1/export"
    names = {"__name__": "network"}
    exec(compile(server.http.get(url).text, "network.py", "exec"), names)
    assert sum(parameter.numel() for parameter in names["build"]().parameters()) == params
    answer = server.http.get(url, params={"format": "json"}).json()
    assert (round(1e6 * answer["statistics"]["params_m"]), answer["task"]) == (params, "flowers")
    assert answer["costs_for"] == network.to_dict()
    assert "5 classes, 96×96 pixels" in server.http.get(url, params={"format": "svg"}).text
    data = server.http.get(url, params={"format": "onnx"}, timeout=90).content
    assert onnx_counts(data)[0] == params
    shown = server.http.get(f"/v1/jobs/{job.id}/result").json()
    assert shown["costs_for"] == network.to_dict()


def test_a_drawing_is_svg(server, url):
    answer = server.http.get(url, params={"format": "svg"})
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.text.startswith("<svg")
    assert "conv 1×1" in answer.text


def test_onnx_is_made_by_a_child(server, url):
    answer = server.http.get(url, params={"format": "onnx"}, timeout=90)
    assert answer.status_code == 200, answer.text
    model = onnx.load_model_from_string(answer.content)
    onnx.checker.check_model(model)
    assert {entry.key: entry.value for entry in model.metadata_props}["architecture"] == CELL


def test_weights_of_a_training_fit_the_exported_program(server, design):
    network = build("nasbench201", CELL)
    content = pack_weights(network.state_dict(), {"architecture": CELL})
    blobs = server.app.state.service.blobs
    name = blobs.put(content)
    url = ordered(server, design, evaluation={"training": {"weights": name}})
    answer = server.http.get(url, params={"format": "weights"})
    assert answer.content == content and answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].endswith('-1.safetensors"')
    about, weights = read_weights(answer.content)
    assert about["architecture"] == CELL
    names = {"__name__": "network"}
    exec(compile(server.http.get(url).text, "network.py", "exec"), names)
    taken_away = names["build"]()
    taken_away.load_state_dict(weights)
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(taken_away.eval()(images), network.eval()(images))
    assert blobs.set_aside(name, -1)
    assert server.http.get(url, params={"format": "weights"}).content == content
    blobs.set_aside(name, -1)
    blobs.purge(name)
    assert "no longer kept" in problem(server.http.get(url, params={"format": "weights"}), 404)["detail"]


def test_what_was_not_trained_has_no_weights(server, url):
    answer = problem(server.http.get(url, params={"format": "weights"}), 422, "format")
    assert "training" in answer["errors"][0]["hint"]


def test_a_graph_network_is_python_json_and_svg(server):
    design = {"space": "gnn", "task": "cora", "count": 1}
    url = ordered(server, design, "0|1|1|2:gcn|gat|skip|sage")
    body = problem(server.http.get(url, params={"format": "onnx"}), 422, "format")
    assert body["errors"][0]["hint"] == "torch, json or svg"
    assert "from torch_geometric.nn import GATConv" in server.http.get(url).text
    assert server.http.get(url, params={"format": "json"}).json()["layers"] is None
    assert "sage" in server.http.get(url, params={"format": "svg"}).text


def test_a_declared_space_has_json_and_svg(server):
    toml = """name = "plain"
description = "Layers with a choice each."
[variables]
width = [8, 16]
kind = ["wide", "deep"]
"""
    job, _ = server.store.submit("design", {"space": "user:plain", "declaration": toml})
    space = declare(toml)
    lease = server.store.claim(job.id, worker="w", lease_seconds=60)
    found = [{"rank": 1, "architecture": space.example, "metrics": {}}]
    server.store.finish(lease, JobState.SUCCEEDED, result={"architectures": found})
    url = f"/v1/jobs/{job.id}/architectures/1/export"
    assert server.http.get(url, params={"format": "json"}).json()["architecture"] == space.example
    assert server.http.get(url, params={"format": "svg"}).text.startswith("<svg")
    problem(server.http.get(url), 422, "format")


def test_what_is_not_there(server, design, url):
    problem(server.http.get(url.replace("/1/", "/2/")), 404)
    problem(server.http.get(url.replace("/1/", "/0/")), 422, "rank")
    problem(server.http.get(url, params={"format": "pdf"}), 422, "format")
    queued = server.http.post("/v1/designs", json=design).json()["id"]
    problem(server.http.get(f"/v1/jobs/{queued}/architectures/1/export"), 409)
    other, _ = server.store.submit("design", {}, tenant_id="other")
    problem(server.http.get(f"/v1/jobs/{other.id}/architectures/1/export"), 404)
    job, _ = server.store.submit("space", {})
    assert "space" in problem(server.http.get(f"/v1/jobs/{job.id}/architectures/1/export"), 409)["detail"]


def test_a_child_that_fails_or_takes_too_long_is_told_plainly():
    with pytest.raises(Problem) as late:
        run_child("networks.export.onnx_file", {}, seconds=0.001, retry_after_seconds=3)
    assert (late.value.status_code, late.value.headers) == (503, {"Retry-After": "3"})
    with pytest.raises(Problem) as wrong:
        run_child("no_such_module", {}, seconds=60, retry_after_seconds=3)
    assert wrong.value.status_code == 500
    assert json.loads(run_child("json.tool", {"a": 1}, seconds=60, retry_after_seconds=3)) == {"a": 1}


def test_an_infeasible_design_has_nothing_to_take_away(server, design):
    job_id = server.http.post("/v1/designs", json=design).json()["id"]
    lease = server.store.claim(job_id, worker="w", lease_seconds=60)
    server.store.finish(lease, JobState.INFEASIBLE, result={"architectures": []})
    said = problem(server.http.get(f"/v1/jobs/{job_id}/architectures/1/export"), 409)
    assert "infeasible" in said["detail"] and "ranks" not in said["detail"]


def exported(server, **asked):
    """The answer to an export of the example of a space."""
    body = {"space": "fbnet", "architecture": get_space("fbnet").example} | asked
    return server.http.post("/v1/architectures/export", json=body, timeout=90)


def test_any_architecture_is_exported_for_the_size_that_is_asked_for(server):
    space = get_space("fbnet")
    network = space.network_config(None, classes=5, resolution=96)
    params = round(1e6 * space.costs(space.parse(space.example)[None], network)["params_m"][0])
    size = {"classes": 5, "resolution": 96}
    names = {"__name__": "network"}
    program = exported(server, **size)
    assert program.headers["content-disposition"] == 'attachment; filename="fbnet-architecture.py"'
    exec(compile(program.text, "network.py", "exec"), names)
    assert sum(parameter.numel() for parameter in names["build"]().parameters()) == params
    answer = exported(server, format="json", **size).json()
    assert (round(1e6 * answer["statistics"]["params_m"]), answer["costs_for"]) == (params, network.to_dict())
    assert "5 classes, 96×96 pixels" in exported(server, format="svg", **size).text
    assert onnx_counts(exported(server, format="onnx", **size).content)[0] == params


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"architecture": "none"}, "architecture"),
        ({"space": "no-space"}, "space"),
        ({"task": "no-task"}, "task"),
        ({"resolution": 4}, "resolution"),
        ({"format": "weights"}, "format"),
        ({"space": "ofa_mobilenetv3", "architecture": {}, "resolution": 96}, "architecture"),
        ({"space": "gnn", "architecture": get_space("gnn").example, "classes": 3}, "classes"),
        ({"space": "gnn", "architecture": get_space("gnn").example, "format": "onnx"}, "format"),
    ],
)
def test_an_export_of_what_there_is_not_names_its_field(server, asked, field):
    answer = problem(exported(server, **asked), 422)
    assert answer["errors"][0]["field"] == field
