"""The command line: answers, errors as plain messages, exit statuses, and that it starts light."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from netwright.cli import app, main
from netwright.cli.quantities import constraint, quantity
from spaces.known import space_names
from store.batches.batch import BatchItem
from store.jobs.job import JobState

CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|none~2|"


@pytest.fixture
def run(tables, tmp_path, monkeypatch):
    """Runs a command on a data folder of its own."""
    monkeypatch.setenv("NETWRIGHT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("NETWRIGHT_CACHE_DIR", str(tables.cache_dir))
    monkeypatch.delenv("NETWRIGHT_URL", raising=False)
    tables.prepare()  # here and not while a client waits

    def invoke(*arguments, status=0):
        result = CliRunner().invoke(app, list(arguments))
        assert result.exit_code == status, result.output + repr(result.exception)
        return result

    return invoke


@pytest.fixture
def url(server, monkeypatch):
    monkeypatch.setenv("NETWRIGHT_URL", server.url)
    return server.url


def test_lists_are_tables_or_json(run):
    assert "15625" in run("spaces", "list").stdout
    assert [s["name"] for s in json.loads(run("spaces", "list", "--json").stdout)["spaces"]] == list(
        space_names()
    )
    assert "edge" in run("spaces", "show", "nasbench201").stdout
    assert json.loads(run("spaces", "show", "gnn", "--json").stdout)["size"] == 26_206
    tasks = json.loads(run("tasks", "list", "--json").stdout)["tasks"]
    assert {"name", "classes", "spaces", "description", "embedding", "images"} == set(tasks[0])
    assert "gpu" in run("devices", "list", "--space", "gnn").stdout
    assert "analog-nasbench" in run("data", "status").stdout
    assert all(
        t["cached"]
        for t in json.loads(run("data", "prepare", "--json").stdout)["tables"]
        if not t["unavailable"]
    )


def test_predictions_without_a_server(run, tmp_path):
    metrics = ["--metric", "accuracy@cifar10-int8-ptq", "--metric", "params_m"]
    answer = json.loads(run("predict", "--space", "nasbench201", *metrics, CELL, "--json").stdout)
    assert answer["architectures"] == [CELL]
    assert set(answer["predictions"][0]) == {"accuracy@cifar10-int8-ptq", "params_m"}
    file = tmp_path / "cells.txt"
    file.write_text(f"{CELL}\n\n{CELL}\n")
    assert run("predict", "--space", "nasbench201", *metrics, "--file", str(file)).stdout.count(CELL) == 2


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["spaces", "show", "nowhere"], 2, "nowhere"),
        (["predict", "--space", "nasbench201", "--metric", "accuracy@mnist", CELL], 2, "metrics[0].task"),
        (["predict", "--space", "nasbench201", "--metric", "params_m", "|broken|"], 2, "architectures[0]"),
        (["predict", "--space", "nasbench201", "--metric", "params_m"], 2, "give architectures"),
        (["predict", "--space", "nasbench201", "--metric", "beauty", CELL], 2, "is no quantity"),
        (["design", "--space", "nasbench201"], 2, "give --space and --task"),
        (["design", "--space", "gnn", "--task", "arxiv", "--bound", "params_m=1"], 2, "is no bound"),
        (["design", "--space", "gnn", "--task", "arxiv", "--bound", "params_m<=x"], 2, "is no number"),
        (["design", "--file", "/nowhere.json"], 2, "cannot be read"),
        (["jobs", "show", "nothing"], 2, "nothing"),
        (["jobs", "list", "--url", "http://127.0.0.1:9"], 3, "does not answer"),
        (["compare", "nothing"], 2, "no comparison"),
        (["train", "generator", "nowhere"], 2, "no space"),
        (["serve", "--port", "70000"], 2, "port"),
    ],
)
def test_errors_are_a_plain_message_and_a_status(run, arguments, status, said):
    result = run(*arguments, status=status)
    assert said in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("postgresql+psycopg://x:y@127.0.0.1:9/z", 3),  # it may answer later
        ("sqlite:////proc/x/y.db", 2),
        ("?", 2),
        ("mysql://x", 2),
    ],
)
def test_a_store_that_cannot_be_used_is_told(run, monkeypatch, url, status):
    monkeypatch.setenv("NETWRIGHT_DATABASE_URL", url)
    assert "the store cannot be used" in run("jobs", "list", status=status).stderr


def test_a_relay_and_a_worker_need_a_broker(run):
    for role in ("relay", "worker"):
        assert "NETWRIGHT_BROKER_URL" in run(role, status=2).stderr


def test_jobs_are_shown_cancelled_and_repeated(run, server, url):
    job, _ = server.store.submit("design", {"space": "gnn"})
    listed = json.loads(run("jobs", "list", "--json").stdout)
    assert [row["id"] for row in listed["jobs"]] == [job.id]
    assert "queued" in run("jobs", "show", job.id).stdout
    assert json.loads(run("jobs", "cancel", job.id, "--json").stdout)["state"] == "cancelled"
    assert "cancelled" in run("jobs", "watch", job.id, status=1).stderr
    again = json.loads(run("jobs", "retry", job.id, "--json").stdout)
    assert again["retry_of"] == job.id
    assert "cancelled" in run("jobs", "list", "--state", "cancelled").stdout


def test_an_ended_job_is_shown_with_its_result(run, server, url):
    rows = [
        {
            "rank": 1,
            "architecture": CELL,
            "feasible_probability": 0.97,
            "metrics": {
                "accuracy@cifar10": {
                    "mean": 92.9,
                    "std": 0.4,
                    "lower": 92.2,
                    "upper": 93.5,
                    "source": "predicted",
                },
                "params_m": {"mean": 0.72, "source": "exact"},
            },
        }
    ]
    job, _ = server.store.submit("design", {})
    lease = server.store.claim(job.id, worker="w", lease_seconds=60)
    result = {"architectures": rows, "evaluated": 0, "seconds": 1.0}
    server.store.finish(lease, JobState.SUCCEEDED, result=result)
    shown = run("jobs", "watch", job.id).stdout
    assert CELL in shown and "92.9 [92.2, 93.5]" in shown and "0.72" in shown
    assert json.loads(run("jobs", "show", job.id, "--json").stdout)["result"] == result


def test_an_infeasible_job_shows_the_nearest_and_has_its_own_status(run, server, url):
    job, _ = server.store.submit("design", {})
    lease = server.store.claim(job.id, worker="w", lease_seconds=60)
    result = {
        "architectures": [],
        "nearest": {"architecture": CELL, "values": {"params_m": 0.07}, "source": "exact"},
        "gaps": [{"constraint": "params_m", "min": None, "max": 0.01, "value": 0.07, "gap": 0.06}],
        "evaluated": 0,
        "seconds": 0.1,
    }
    server.store.finish(lease, JobState.INFEASIBLE, result=result, reason="too small")
    shown = run("jobs", "show", job.id, status=4).stdout
    assert "too small" in shown and CELL in shown and "0.06" in shown


def test_a_batch_is_shown_with_its_designs_and_a_failed_one_is_told(run, server, url):
    labels = [{"space": "gnn", "task": "cora", "varied": {"seed": seed}} for seed in (1, 2)]
    batch, _ = server.store.submit_batch("design", [BatchItem({}, label=label) for label in labels])
    first, second = (child.job.id for child in server.store.children(batch.id)[0])
    lease = server.store.claim(first, worker="w", lease_seconds=60)
    metrics = {"params_m": {"mean": 0.72, "source": "exact"}}
    row = {"rank": 1, "architecture": "a|b", "feasible_probability": 1.0, "metrics": metrics}
    server.store.finish(lease, JobState.SUCCEEDED, result={"architectures": [row]})
    assert second in run("jobs", "list", "--parent", batch.id).stdout
    server.store.finish(
        server.store.claim(second, worker="w", lease_seconds=60), JobState.FAILED, reason="no luck"
    )
    shown = run("jobs", "watch", batch.id, status=1).stdout
    assert "a|b" in shown and "seed=2" in shown and "no luck" in shown and "1 succeeded, 1 failed" in shown
    answer = json.loads(run("jobs", "show", batch.id, "--json", status=1).stdout)
    assert [each["job"]["state"] for each in answer["designs"]] == ["succeeded", "failed"]
    assert second not in run("jobs", "list").stdout


def test_a_batch_is_ordered_from_a_file(run, server, url, tmp_path, monkeypatch):
    file = tmp_path / "batch.json"
    template = {"space": "nasbench201", "constraints": [{"metric": "params_m", "max": 1.0}]}
    file.write_text(json.dumps({"template": template, "grid": {"task": ["cifar10-fp32", "mars"]}}))
    assert "grid.task[1]" in run("design", "--batch", str(file), status=2).stderr
    run("design", "--batch", str(file), "--space", "gnn", status=2)


def test_the_doctor_finds_this_machine_well(run):
    findings = {f["what"]: f for f in json.loads(run("doctor", "--json").stdout)["findings"]}
    assert findings["torch"]["detail"].startswith("2.13.0")
    assert findings["embedded broker"]["ok"] and findings["weights"]["ok"]
    assert findings["table analog-nasbench"]["ok"]


def test_the_doctor_notices_a_changed_weight(run, monkeypatch, tmp_path):
    import shutil

    import artifacts

    shutil.copytree(artifacts.ROOT, tmp_path / "artifacts")
    monkeypatch.setattr(artifacts, "ROOT", tmp_path / "artifacts")
    run("doctor")
    file = tmp_path / "artifacts" / "predictors" / "gnn" / "accuracy@arxiv.json"
    file.write_bytes(file.read_bytes() + b" ")
    result = run("doctor", "--json", status=1)
    wrong = [f["what"] for f in json.loads(result.stdout)["findings"] if f["ok"] is False]
    assert wrong == ["predictors/gnn/accuracy@arxiv.json"]


def test_comparisons_are_listed(run):
    listed = json.loads(run("compare", "--json").stdout)["comparisons"]
    assert "quickstart" in [entry["name"] for entry in listed]


def test_bounds_and_quantities_are_read():
    assert constraint("latency_ms@gpu <= 4.5") == {"metric": "latency_ms", "device": "gpu", "max": 4.5}
    assert constraint("accuracy@cora>=80") == {"metric": "accuracy", "task": "cora", "min": 80.0}
    assert quantity("params_m") == {"metric": "params_m"}


def test_the_command_line_loads_no_model_library():
    code = (
        "import sys, netwright.cli;"
        "heavy = ('torch', 'xgboost', 'matplotlib', 'celery', 'fastapi');"
        "print([name for name in heavy if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(("before", "after"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_sleep_while_they_wait_unless_told_otherwise(monkeypatch, before, after):
    """Every process is started by the command line, or by one that was; torch reads it when it is loaded."""
    monkeypatch.setenv("OMP_WAIT_POLICY", "")
    monkeypatch.delenv("OMP_WAIT_POLICY") if before is None else monkeypatch.setenv("OMP_WAIT_POLICY", before)
    monkeypatch.setattr(sys, "argv", ["netwright", "--help"])
    with pytest.raises(SystemExit):
        main()
    assert os.environ["OMP_WAIT_POLICY"] == after
