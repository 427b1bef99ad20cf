"""``netwright export``: files of an architecture's string and of a job's result, and plain errors."""

import json

import pytest
from typer.testing import CliRunner

from netwright.cli import app
from netwright.client.client import ApiError, Client
from store.jobs.job import JobState

CELL = "|nor_conv_1x1~0|+|none~0|none~1|+|none~0|nor_conv_1x1~1|skip_connect~2|"
GNN = "0|1|1|2:gcn|gat|skip|sage"


def run(*arguments, status=0):
    result = CliRunner().invoke(app, ["export", *arguments])
    assert result.exit_code == status, result.output + repr(result.exception)
    return result


def test_a_program_goes_to_standard_output_or_a_file(tmp_path):
    text = run(CELL, "--space", "nasbench201").stdout
    assert "def build(num_classes: int = 10" in text
    out = tmp_path / "network.py"
    told = json.loads(run(CELL, "--space", "nasbench201", "--out", str(out), "--json").stdout)
    assert told == {"format": "torch", "path": str(out), "bytes": out.stat().st_size}
    assert out.read_text(encoding="utf-8") == text
    assert "num_classes: int = 100" in run(CELL, "--space", "nasbench201", "--task", "cifar100").stdout


def test_other_formats(tmp_path):
    assert run(GNN, "--space", "gnn", "--format", "svg", "--task", "cora").stdout.startswith("<svg")
    told = json.loads(run(GNN, "--space", "gnn", "--format", "json").stdout)
    assert told["architecture"] == GNN
    out = tmp_path / "network.onnx"
    run(CELL, "--space", "nasbench201", "--format", "onnx", "--out", str(out))
    assert b"netwright" in out.read_bytes()[:100]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "--space"),
        ((CELL,), "--space"),
        ((CELL, "--space", "nothing"), "known are"),
        (("cell", "--space", "nasbench201"), "ARCHITECTURE"),
        ((CELL, "--space", "nasbench201", "--task", "cora"), "its tasks are"),
        ((GNN, "--space", "gnn"), "no networks"),
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
