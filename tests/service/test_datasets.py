"""Whole data sets over HTTP: begun, broken off, gone on with, read, trained on."""

import base64
import errno
import hashlib
import select
import threading
import time

import pytest
from api_server import problem

from service.routes import datasets as routes
from store.blobs.memory import MemoryBlobs
from store.datasets.dataset import KIND
from store.jobs.job import StoreFull
from tests.networks.test_archives import LAYOUTS, zipped
from workers.environment import WorkerEnvironment
from workers.execute import execute
from workers.timeouts import Timeouts

CONTENT = zipped(LAYOUTS["splits"][0] | {"docs/readme.txt": b"x" * 40_000})
QUICK = Timeouts(lease_seconds=60, stall_seconds=600, drain_seconds=60, store_seconds=2)
SEND = {"Content-Type": "application/offset+octet-stream", "Tus-Resumable": "1.0.0"}


def until(condition):
    deadline = time.monotonic() + 60
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def text(value):
    return base64.b64encode(value.encode()).decode()


LENGTH = len(CONTENT)


def begin(server, length=LENGTH, name="pets", filename="Pets.ZIP", **more):
    given = {"filename": filename, **({"name": name} if name else {}), **more}
    answer = ",".join(f"{key} {text(value)}" for key, value in given.items())
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(length), "Upload-Metadata": answer}
    return server.http.post("/v1/datasets", headers=headers)


def send(server, content, offset=0, name="pets"):
    headers = {**SEND, "Upload-Offset": str(offset)}
    return server.http.patch(f"/v1/datasets/{name}/content", content=content, headers=headers)


def offset(server, name="pets"):
    answer = server.http.head(f"/v1/datasets/{name}/content", headers={"Tus-Resumable": "1.0.0"})
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    return int(answer.headers["Upload-Offset"])


def received(server):
    """As a look from aside says it, which waits for nothing."""
    return server.http.get("/v1/datasets/pets").json()["received"]


def work(server, blobs, cache_dir=None):
    """Carries out the one job that waits, as a worker does."""
    (job,) = [job for job in server.store.jobs()[0] if job.state == "queued"]
    assert job.kind == KIND
    execute(
        server.store,
        job.id,
        WorkerEnvironment(
            worker="w",
            tables=lambda: pytest.fail("no tables"),
            blobs=lambda: blobs,
            timeouts=QUICK,
            draining=lambda: False,
            leave=lambda: None,
            cache_dir=cache_dir,
        ),
    )


@pytest.fixture
def blobs():
    return MemoryBlobs()


@pytest.fixture
def running(serve, blobs):
    return serve(blobs=blobs)


def test_what_arrives_in_parts_is_read_and_said(running, blobs, monkeypatch):
    monkeypatch.setattr(routes, "PIECE_BYTES", 10_000)
    made = begin(running, sha256=hashlib.sha256(CONTENT).hexdigest())
    assert made.status_code == 201 and made.headers["Location"] == "/v1/datasets/pets/content"
    assert made.json()["state"] == "uploading"
    half = send(running, CONTENT[:25_000])
    assert half.status_code == 204 and half.headers["Upload-Offset"] == "25000" and offset(running) == 25_000
    again = begin(running, sha256=hashlib.sha256(CONTENT).hexdigest())
    assert again.status_code == 200 and again.headers["Upload-Offset"] == "25000"
    problem(send(running, CONTENT, 0), 409)
    assert send(running, CONTENT[25_000:], 25_000).status_code == 204
    assert [piece.size for piece in running.store.dataset("pets").pieces][:3] == [10_000, 10_000, 5_000]
    shown = running.http.get("/v1/datasets/pets").json()
    assert shown["state"] == "reading" and shown["received"] == shown["length"] == len(CONTENT)
    work(running, blobs)
    ready = running.http.get("/v1/datasets/pets").json()
    assert ready["state"] == "ready" and ready["classes"] == ["cats", "dogs"], ready
    assert ready["images"] == {"test": {"cats": 2, "dogs": 2}, "train": {"cats": 2, "dogs": 2}}
    assert ready["duplicates"] == {"test and train": 4} and ready["smallest"] == ready["largest"] == [8, 8]
    assert ready["digest"] == f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    assert running.http.get("/v1/datasets").json()["datasets"] == [ready]
    assert running.http.delete("/v1/datasets/pets").status_code == 204
    problem(running.http.get("/v1/datasets/pets"), 404)


def broken(running):
    """Sends a piece and a half and breaks off once a piece is kept; False where it was too early."""
    sent = offset(running)
    with running.socket() as connection:
        head = f"PATCH /v1/datasets/pets/content HTTP/1.1\r\nHost: 127.0.0.1\r\nUpload-Offset: {sent}\r\n"
        head += "Tus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\n"
        head += f"Content-Length: {len(CONTENT) - sent}\r\n\r\n"
        connection.sendall(head.encode() + CONTENT[sent : sent + 6_001])
        refused = lambda: bool(select.select([connection], [], [], 0)[0])  # noqa: E731
        assert until(lambda: received(running) >= sent + 4_000 or refused())
        return not refused()


def test_what_had_arrived_when_the_connection_broke_is_kept(running, blobs, monkeypatch):
    monkeypatch.setattr(routes, "PIECE_BYTES", 4_000)
    begin(running)
    for _ in range(5):
        while not broken(running):
            pass  # the break before was noticed only now, and moved the offset once more
    # Where the last break is still being noticed, the offset moves once more.
    assert until(lambda: send(running, CONTENT[offset(running) :], offset(running)).status_code == 204)
    work(running, blobs)
    assert running.http.get("/v1/datasets/pets").json()["state"] == "ready"
    whole = b"".join(blobs.get(piece.blob) for piece in running.store.dataset("pets").pieces)
    assert whole == CONTENT


def test_who_asks_where_to_go_on_is_told_what_a_breaking_connection_still_brings(running, monkeypatch):
    monkeypatch.setattr(routes, "PIECE_BYTES", 4_000)
    monkeypatch.setattr(routes, "SETTLE_SECONDS", 60.0)
    begin(running)
    answers = []
    with running.socket() as connection:
        head = "PATCH /v1/datasets/pets/content HTTP/1.1\r\nHost: 127.0.0.1\r\nUpload-Offset: 0\r\n"
        head += "Tus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\n"
        connection.sendall(f"{head}Content-Length: {LENGTH}\r\n\r\n".encode() + CONTENT[:6_001])
        assert until(lambda: received(running) == 4_000)
        asking = threading.Thread(target=lambda: answers.append(offset(running)))
        asking.start()
        asking.join(0.5)
    asking.join(60)
    assert answers == [6_001]


def test_a_content_that_is_not_what_was_announced_fails_and_says_so(running, blobs):
    begin(running, sha256="0" * 64)
    send(running, CONTENT)
    work(running, blobs)
    shown = running.http.get("/v1/datasets/pets").json()
    assert shown["state"] == "failed" and "SHA-256" in shown["reason"]


def test_a_data_set_that_cannot_be_used_says_why(running, blobs):
    for name, files, said in (
        ("one", LAYOUTS["one image a class"][0] | {"dogs/2.png": b"\x89PNG"}, "dogs/2.png"),
        ("two", {"cats/1.png": LAYOUTS["class folders"][0]["cats/0.png"]}, "one class"),
    ):
        content = zipped(files)
        begin(running, len(content), name=name)
        send(running, content, name=name)
        work(running, blobs)
        shown = running.http.get(f"/v1/datasets/{name}").json()
        assert shown["state"] == "failed" and said in shown["reason"], shown


def test_what_is_wrong_is_named(running):
    problem(begin(running, name="../x"), 422, "name")
    problem(begin(running, name="cifar10"), 422, "name")
    problem(begin(running, filename="pets.rar"), 422, "filename")
    problem(begin(running, sha256="abc"), 422, "sha256")
    problem(begin(running, 0), 422, "Upload-Length")
    problem(running.http.post("/v1/datasets"), 422, "Upload-Length")
    problem(running.http.post("/v1/datasets", headers={"Tus-Resumable": "0.2.2"}), 412)
    problem(begin(running, 5 << 30), 413)
    odd = {"Upload-Length": "5", "Upload-Metadata": "name *"}
    problem(running.http.post("/v1/datasets", headers=odd), 422, "Upload-Metadata")
    problem(send(running, b"x", name="none"), 404)
    assert begin(running, name=None).json()["dataset"] == "Pets"
    begin(running)
    problem(begin(running, 7), 409)
    problem(
        running.http.patch("/v1/datasets/pets/content", content=b"x", headers={"Upload-Offset": "0"}), 415
    )
    problem(send(running, CONTENT + b"more"), 413)
    options = running.http.options("/v1/datasets")
    assert options.status_code == 204 and options.headers["Tus-Extension"] == "creation,termination"


class Full(MemoryBlobs):
    """Blobs whose place may be full."""

    full = True

    def _keep(self, *given):
        if self.full:
            raise StoreFull("no room for blobs")
        super()._keep(*given)


def test_a_full_disk_is_507_and_the_upload_goes_on_once_there_is_room(serve):
    blobs = Full()
    running = serve(blobs=blobs)
    assert begin(running).status_code == 201
    problem(send(running, CONTENT), 507)
    assert offset(running) == 0 and list(blobs.names()) == []
    blobs.full = False
    assert send(running, CONTENT).status_code == 204
    work(running, blobs)
    assert running.http.get("/v1/datasets/pets").json()["state"] == "ready"


def test_a_worker_whose_disk_is_full_says_so_and_leaves_nothing(running, blobs, tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    begin(running)
    send(running, CONTENT)
    with monkeypatch.context() as patch:
        patch.setattr("workers.datasets.os.fsync", full)
        work(running, blobs, tmp_path)
    shown = running.http.get("/v1/datasets/pets").json()
    assert shown["state"] == "failed" and shown["reason"].startswith("disk_full")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_list_of_data_sets_asks_for_all_of_their_jobs_at_once(running, blobs, monkeypatch):
    for name in ("a", "b"):
        begin(running, name=name)
        send(running, CONTENT, name=name)
        work(running, blobs)
    begin(running, name="c")
    for method in ("job", "result"):
        monkeypatch.setattr(running.store, method, lambda *_, **__: pytest.fail("one by one"))
    monkeypatch.setattr(
        running.store,
        "readings",
        lambda ids, **_: {id: (running.store._entries[id].job, {"classes": ["x"]}) for id in ids},
    )
    listed = running.http.get("/v1/datasets").json()["datasets"]
    assert [(each["dataset"], each["state"], each["classes"]) for each in listed] == [
        ("a", "ready", ["x"]),
        ("b", "ready", ["x"]),
        ("c", "uploading", None),
    ]


def test_a_tenant_holds_no_more_than_it_may(serve):
    running = serve(max_datasets_bytes=100)
    assert begin(running, 60).status_code == 201
    assert "delete one first" in problem(begin(running, 60, name="more"), 409)["detail"]
