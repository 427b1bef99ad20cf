"""``netwright serve``: one line when ready, designs through the real stack, and nothing left behind."""

import json
import signal
import subprocess
import sys

import psutil

from netwright import Client

NETWRIGHT = [sys.executable, "-m", "netwright"]


def test_designs_run_through_the_command_line(stack):
    _, url, environment = stack
    command = [*NETWRIGHT, "design", "--url", url, "--space", "nasbench201", "--task", "cifar10-int8-ptq"]
    bounds = ["--bound", "params_m<=0.4", "--evaluations", "6", "--count", "3", "--json"]
    done = subprocess.run([*command, *bounds], capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["job"]["state"] == "succeeded"
    assert answer["result"]["evaluated"] == 6
    assert len(answer["result"]["architectures"]) == 3
    for row in answer["result"]["architectures"]:
        assert row["metrics"]["params_m"]["mean"] <= 0.4
    assert "6/6" in done.stderr


def test_an_infeasible_design_ends_with_the_nearest_and_the_gap(stack):
    _, url, _ = stack
    with Client(url) as client:
        job = client.design(
            "nasbench201", "cifar10-int8-ptq", constraints=[{"metric": "params_m", "max": 0.01}]
        )
        result = job.result()
    assert job.state == "infeasible"
    assert result["architectures"] == []
    assert result["nearest"]["architecture"]
    assert result["gaps"]


def test_it_ends_on_sigterm_and_leaves_no_process(stack):
    process, url, _ = stack
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 4
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert rest == ""  # the one line was all it ever said on standard output
    assert not [child for child in children if child.is_running() and child.status() != "zombie"]
    with Client(url, retry_seconds=0.1) as client:
        assert not client.ready()
