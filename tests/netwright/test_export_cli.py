"""``netwright export``: files of an architecture's string and of a job's result, and plain errors."""

import json

import pytest
from typer.testing import CliRunner

from netwright.cli import app
from netwright.client.client import ApiError, Client
from spaces.known import get_space
from store.jobs.job import JobState
from store.tasks.task import TaskContent

CELL = "|nor_conv_1x1~0|+|none~0|none~1|+|none~0|nor_conv_1x1~1|skip_connect~2|"
GNN = "0|1|1|2:gcn|gat|skip|sage"
OFA = get_space("ofa_mobilenetv3").example


def run(*arguments, status=0):
    result = CliRunner().invoke(app, ["export", *arguments])
    assert result.exit_code == status, result.output + repr(result.exception)
    return result


def test_a_program_goes_to_standard_output_or_a_file(tmp_path):
    text = run(CELL, "--space", "nasbench201").stdout
    assert "def build(num_classes: int = 10" in text
    out = tmp_path / "network.py"
    answer = json.loads(run(CELL, "--space", "nasbench201", "--out", str(out), "--json").stdout)
    assert answer == {"format": "torch", "path": str(out), "bytes": out.stat().st_size}
    assert out.read_text(encoding="utf-8") == text
    assert "num_classes: int = 100" in run(CELL, "--space", "nasbench201", "--task", "cifar100").stdout


def test_other_formats(tmp_path):
    assert run(GNN, "--space", "gnn", "--format", "svg", "--task", "cora").stdout.startswith("<svg")
    answer = json.loads(run(GNN, "--space", "gnn", "--format", "json").stdout)
    assert answer["architecture"] == GNN
    out = tmp_path / "network.onnx"
    run(CELL, "--space", "nasbench201", "--format", "onnx", "--out", str(out))
    assert b"netwright" in out.read_bytes()[:100]


def test_a_network_of_another_size():
    fbnet = get_space("fbnet")
    size = ("--space", "fbnet", "--classes", "5", "--resolution", "96")
    answer = json.loads(run(fbnet.example, *size, "--format", "json").stdout)
    network = fbnet.network_config(classes=5, resolution=96)
    costs = fbnet.costs(fbnet.parse(fbnet.example)[None], network)
    assert answer["costs_for"] == network.to_dict()
    assert answer["statistics"]["params_m"] == costs["params_m"][0]
    text = run(fbnet.example, *size).stdout
    assert "num_classes: int = 5" in text and "images of 96×96" in text
    small = json.loads(run(CELL, "--space", "nasbench201", "--small", "--format", "json").stdout)
    assert small["costs_for"]["skeleton"] == "small"


def test_a_task_of_ones_own_gives_its_classes(server, monkeypatch):
    monkeypatch.setenv("NETWRIGHT_URL", server.url)
    server.store.put_task("pets", TaskContent("e", "v", "0" * 64, "images", ("cat", "dog"), 40, 40))
    text = run(get_space("mnasnet").example, "--space", "mnasnet", "--task", "pets").stdout
    assert "num_classes: int = 2" in text
    answer = run(CELL, "--space", "nasbench201", "--task", "absent", status=2).stderr
    assert "its tasks are" in answer


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "--space"),
        ((CELL,), "--space"),
        ((CELL, "--space", "nothing"), "known are"),
        (("cell", "--space", "nasbench201"), "ARCHITECTURE"),
        ((GNN, "--space", "gnn", "--task", "cifar10"), "its tasks are"),
        ((GNN, "--space", "gnn", "--classes", "5"), "--classes"),
        ((GNN, "--space", "gnn", "--small"), "--small"),
        ((CELL, "--space", "nasbench201", "--resolution", "4"), "--resolution"),
        ((OFA, "--space", "ofa_mobilenetv3", "--resolution", "160"), "is a variable"),
        (("--job", "x", "--classes", "5"), "classes"),
        ((GNN, "--space", "gnn", "--format", "onnx"), "no networks"),
        ((CELL, "--space", "nasbench201", "--json"), "--out"),
        ((CELL, "--space", "nasbench201", "--out", "no/such/folder/x.py"), "cannot be written"),
        ((CELL, "--space", "nasbench201", "--job", "x"), "--job"),
        ((CELL, "--space", "nasbench201", "--format", "weights"), "--job"),
    ],
)
def test_errors_are_plain(arguments, word):
    assert word in run(*arguments, status=2).stderr


def test_a_jobs_result(server, monkeypatch):
    monkeypatch.setenv("NETWRIGHT_URL", server.url)
    with Client(server.url) as client:
        job = client.design("nasbench201", "cifar10-int8-ptq", count=1)
        with pytest.raises(ApiError, match="no architectures yet"):
            job.export()
        lease = server.store.claim(job.id, worker="w", lease_seconds=60)
        weights = {"training": {"weights": server.app.state.service.blobs.put(b"learned")}}
        found = [{"rank": 1, "architecture": CELL, "metrics": {}, "evaluation": weights}]
        server.store.finish(lease, JobState.SUCCEEDED, result={"architectures": found})
        assert json.loads(job.export(1, "json"))["architecture"] == CELL
    assert f'ARCHITECTURE = "{CELL}"' in run("--job", job.id).stdout
    assert run("--job", job.id, "--format", "weights").stdout_bytes == b"learned"
    assert "no rank 7" in run("--job", job.id, "--rank", "7", status=2).stderr
