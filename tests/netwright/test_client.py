"""The Python client against a real server: orders, waiting, reconnecting, and what it raises."""

import socket
import subprocess
import sys
import threading
import time

import pytest
from api_server import Running

from netwright import ApiError, Client
from netwright.client.client import JobEnded, ServerUnreachable
from service.config import ServiceConfig
from spaces.known import space_names
from store.jobs.job import JobState, StoreUnavailable
from store.memory import MemoryStore

ORDER = {"space": "nasbench201", "task": "cifar10-int8-ptq"}


@pytest.fixture
def client(server):
    with Client(server.url, retry_seconds=5) as client:
        yield client


def work(store, job_id, steps=5, pause=0.0, state=JobState.SUCCEEDED, **outcome):
    lease = store.claim(job_id, worker="w", lease_seconds=60)
    for step in range(steps):
        time.sleep(pause)
        store.record(lease, kind="observed", data={"step": step}, done=step + 1, total=steps)
    store.finish(lease, state, **outcome)


def test_an_order_is_followed_to_its_result(server, client):
    job = client.design(**ORDER, constraints=[{"metric": "params_m", "max": 0.5}], count=3)
    assert (job.state, job.job["kind"]) == ("queued", "design")
    assert server.store.job(job.id).payload["count"] == 3
    thread = threading.Thread(target=work, args=(server.store, job.id), kwargs={"result": {"x": 1}})
    thread.start()
    seen = []
    assert job.result(on_event=seen.append) == {"x": 1}
    thread.join()
    assert [event.id for event in seen] == list(range(1, 9))
    assert seen[-1].ended
    assert job.state == "succeeded"
    assert [row["id"] for row in client.jobs(state="succeeded")["jobs"]] == [job.id]
    assert list(client.job(job.id).events(after=6)) == seen[6:]
    assert list(client.job(job.id).events(after=8)) == []


def test_one_key_is_one_order(client):
    first = client.design(**ORDER, idempotency_key="mine")
    assert client.design(**ORDER, idempotency_key="mine").id == first.id
    assert client.design(**ORDER).id != client.design(**ORDER).id
    with pytest.raises(ApiError) as conflict:
        client.design(**ORDER, seed=1, idempotency_key="mine")
    assert (conflict.value.status, conflict.value.kind) == (409, "urn:netwright:problem:idempotency-conflict")


def test_a_refusal_names_the_field(client):
    with pytest.raises(ApiError) as refused:
        client.design("nasbench201", "mnist")
    assert refused.value.status == 422
    assert refused.value.errors[0].field == "task"
    assert "cifar10" in refused.value.errors[0].hint
    with pytest.raises(ApiError) as unknown:
        client.job("nothing")
    assert unknown.value.status == 404


def test_a_failed_or_cancelled_job_has_no_result(server, client):
    job = client.design(**ORDER)
    assert job.cancel()["state"] == "cancelled"
    with pytest.raises(JobEnded, match="cancelled"):
        job.result()
    again = job.retry()
    assert again.job["retry_of"] == job.id
    work(server.store, again.id, state=JobState.FAILED, reason="the table is gone")
    with pytest.raises(JobEnded, match="the table is gone"):
        again.result()


def test_what_there_is(client):
    assert [space["name"] for space in client.spaces()] == list(space_names())
    space = client.space("nasbench201")
    assert {task["name"] for task in client.tasks()} >= set(space["tasks"])
    assert {device["name"] for device in client.devices("nasbench201")} == set(space["devices"])
    metrics = [{"metric": "params_m"}]
    answer = client.predict("nasbench201", [space["example"], space["example_variables"]], metrics)
    assert answer["predictions"][0] == answer["predictions"][1]
    assert client.ready()


def test_a_broken_event_stream_is_continued_without_loss(server):
    """A proxy cuts every connection after 2,000 bytes; each event still arrives exactly once."""
    with Cutter(server.url, 2_000) as proxy, Client(proxy.url, retry_seconds=10) as client:
        job = client.design(**ORDER)
        thread = threading.Thread(target=work, args=(server.store, job.id, 30, 0.01), kwargs={"result": {}})
        thread.start()
        assert [event.id for event in job.events()] == list(range(1, 34))
        thread.join()
        assert proxy.cuts > 3


def test_an_order_whose_answer_was_lost_is_not_made_twice(server):
    with Cutter(server.url, 100, times=2) as proxy, Client(proxy.url, retry_seconds=10) as client:
        job = client.design(**ORDER)
        assert proxy.cuts == 2
    assert [row.id for row in server.store.jobs()[0]] == [job.id]


def test_a_stream_that_ends_too_soon_is_opened_again(server, client):
    job = client.design(**ORDER)
    events, failures = server.store.events, iter([True, False, True, False, False])

    def flaky(*args, **kwargs):
        if next(failures, False):
            raise StoreUnavailable("away for a moment")
        return events(*args, **kwargs)

    server.store.events = flaky
    thread = threading.Thread(target=work, args=(server.store, job.id, 5, 0.05), kwargs={"result": {}})
    thread.start()
    assert [event.id for event in job.events()] == list(range(1, 9))
    thread.join()


def test_a_server_that_comes_back_is_found_again(tables):
    port = free_port()
    store = MemoryStore()
    started = []

    def start():
        time.sleep(0.4)
        started.append(Running(store, tables, ServiceConfig(), port=port))

    thread = threading.Thread(target=start)
    thread.start()
    try:
        with Client(f"http://127.0.0.1:{port}", retry_seconds=20) as client:
            job = client.design(**ORDER)
        assert len(store.jobs()[0]) == 1
        assert store.job(job.id).state is JobState.QUEUED
    finally:
        thread.join()
        started[0].stop()


def test_an_unreachable_server_is_reported_after_the_retry_deadline():
    with Client(f"http://127.0.0.1:{free_port()}", retry_seconds=0.3) as client:
        assert not client.ready()
        with pytest.raises(ServerUnreachable):
            client.spaces()


def test_the_old_name_of_the_retry_deadline_still_works():
    with pytest.warns(DeprecationWarning, match="retry_seconds"):
        client = Client(f"http://127.0.0.1:{free_port()}", patience=7)
    assert client.transport.retry_seconds == 7
    client.close()


def test_a_busy_server_is_asked_again_then_reported(server, client):
    submit, refusals = server.store.submit, iter([True, True])

    def busy(*args, **kwargs):
        if next(refusals, False):
            raise StoreUnavailable("busy")
        return submit(*args, **kwargs)

    server.store.submit = busy
    assert client.design(**ORDER).state == "queued"

    def away(*_, **__):
        raise StoreUnavailable("gone")

    server.store.submit = away
    with Client(server.url, retry_seconds=0.5) as hasty, pytest.raises(ApiError) as refused:
        hasty.design(**ORDER)
    assert refused.value.status == 503
    assert refused.value.retry_after > 0


def test_the_package_offers_the_client_without_loading_it():
    code = "import sys, netwright; print('httpx' in sys.modules, netwright.Client.__name__)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "Client"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cutter:
    """A TCP proxy that closes connections (the first ``times``) after some bytes of the answer."""

    def __init__(self, url: str, limit: int, times: int = 10**9) -> None:
        self.times = times
        self.target = int(url.rsplit(":", 1)[1])
        self.limit = limit
        self.cuts = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass, args=(near,), daemon=True).start()

    def _pass(self, near):
        with near, socket.create_connection(("127.0.0.1", self.target)) as far:
            threading.Thread(target=self._copy, args=(near, far, None), daemon=True).start()
            if self._copy(far, near, self.limit if self.cuts < self.times else None):
                self.cuts += 1
            for side in (near, far):
                try:
                    side.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    @staticmethod
    def _copy(source, sink, limit) -> bool:
        passed = 0
        while limit is None or passed < limit:
            try:
                data = source.recv(256)
                if not data:
                    return False
                sink.sendall(data)
            except OSError:
                return False
            passed += len(data)
        return True
