"""A data set of one's own: uploaded through a broken line, looked at, trained on."""

import json
import os
import signal
import subprocess
import sys

import httpx
import pytest
from typer.testing import CliRunner

from netwright.cli import app
from netwright.client import datasets
from netwright.client.client import Client
from netwright.client.errors import ServerUnreachable
from netwright.client.transport import Transport
from tests.networks.training import data


@pytest.fixture
def images(tmp_path):
    data.folder_of(tmp_path, "photos", data.files(count=30))
    return tmp_path / "photos"


class Breaking(httpx.BaseTransport):
    """A line that breaks in the middle of some uploads."""

    def __init__(self, breaks):
        self.breaks, self.sent, self._whole = breaks, 0, httpx.HTTPTransport()

    def handle_request(self, request):
        if request.method == "PATCH" and self.breaks:
            self.breaks -= 1
            content = b"".join(request.stream)
            half = content[: len(content) // 2]
            self.sent += len(half)
            cut = httpx.Request(
                "PATCH",
                request.url,
                headers={**request.headers, "content-length": str(len(half))},
                content=half,
            )
            self._whole.handle_request(cut).read()
            raise httpx.ReadError("the line broke")
        if request.method == "PATCH":
            self.sent += int(request.headers["content-length"])
        return self._whole.handle_request(request)

    def close(self):
        self._whole.close()


def test_an_upload_goes_on_where_the_line_broke_and_sends_nothing_twice(server, images, monkeypatch):
    monkeypatch.setattr(datasets, "AT_ONCE", 2_000)
    line, seen = Breaking(5), []
    transport = Transport(server.url, timeout=60, retry_seconds=60, transport=line)
    shown = datasets.upload(transport, "photos", images, lambda done, whole: seen.append((done, whole)))
    assert shown["state"] == "reading" and shown["received"] == shown["length"] == line.sent
    assert seen == sorted(seen) and seen[-1] == (line.sent, line.sent)
    # The same again sends nothing.
    line.sent = 0
    assert datasets.upload(transport, "photos", images)["state"] == "reading" and line.sent == 0
    transport.close()


def test_a_line_that_stays_broken_is_said(server, images):
    class Dead(httpx.BaseTransport):
        def handle_request(self, request):
            raise httpx.ConnectError("no route")

    transport = Transport(server.url, timeout=5, retry_seconds=0.2, transport=Dead())
    with pytest.raises(ServerUnreachable):
        datasets.upload(transport, "photos", images)


def test_a_data_set_is_uploaded_trained_on_and_removed(stack, images, monkeypatch, tmp_path):
    _, url, _ = stack
    monkeypatch.setenv("NETWRIGHT_URL", url)

    def run(*arguments, status=0):
        result = CliRunner().invoke(app, [*arguments])
        assert result.exit_code == status, result.output + repr(result.exception)
        return result.stdout

    answer = json.loads(run("datasets", "add", "photos", str(images), "--json"))
    assert answer["state"] == "ready" and answer["classes"] == ["class0", "class1", "class2"]
    assert sum(answer["images"]["train"].values()) == 30
    assert "class1" in run("datasets", "show", "photos") and "photos" in run("datasets", "list")
    order = {
        "objectives": [{"metric": "accuracy"}],
        "evaluations": 1,
        "evaluator": "training",
        "evaluator_options": {"training": {"network": "small", "recipe": {"epochs": 1, "batch_size": 8}}},
        "strategy": "random",
        "count": 1,
    }
    with Client(url) as client:
        job = client.design("nasbench201", "photos", **order)
        ended = job.wait()
        assert ended["state"] == "succeeded", ended
        (row,) = job.result()["architectures"]
        about = row["evaluation"]["training"]["images"]
        assert about["classes"] == 3 and about["train_images"] + about["validation_images"] == 30
        # From a folder that the worker sees the same comes out.
        from networks.images.dataset import load_images

        assert load_images(images.parent, "photos").digest == about["digest"]
        # It is a task at once: what other tasks tell of it needs no evaluation.
        proposed = client.design("nasbench201", "photos", objectives=[{"metric": "accuracy"}], count=3)
        assert proposed.wait()["state"] == "succeeded"
        assert "task photos" in proposed.result()["models"] and answer["task"]["images"] == 30
    run("datasets", "remove", "photos")
    run("datasets", "show", "photos", status=2)


def test_one_that_cannot_be_used_fails_by_name(stack, tmp_path, monkeypatch):
    _, url, _ = stack
    monkeypatch.setenv("NETWRIGHT_URL", url)
    data.folder_of(
        tmp_path, "bad", {"cats/1.png": b"\x89PNG", "dogs/1.png": data.png(data.pictures(3)[0][0])}
    )
    result = CliRunner().invoke(app, ["datasets", "add", "bad", str(tmp_path / "bad")])
    assert result.exit_code == 1 and "cats/1.png" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_killed_upload_goes_on_when_the_command_runs_again(server, images):
    environment = {**os.environ, "NETWRIGHT_URL": server.url}
    code = (
        "import os, signal\n"
        "from netwright.client import datasets\n"
        "datasets.AT_ONCE = 1_000\n"
        "from netwright.client.client import Client\n"
        "def told(done, whole):\n"
        "    if done > whole // 2: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"Client({server.url!r}).add_dataset('photos', {str(images)!r}, on_bytes=told)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], env=environment)
    assert killed.returncode == -signal.SIGKILL
    with Client(server.url) as client:
        before = client.dataset("photos")
        assert before["state"] == "uploading" and before["received"] > before["length"] // 2
        sent = []
        client.add_dataset("photos", images, on_bytes=lambda done, _: sent.append(done))
        assert sent[0] == before["received"] and client.dataset("photos")["received"] == before["length"]
