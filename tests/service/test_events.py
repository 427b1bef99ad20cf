"""Event streams: replay, news, ends, many clients, and a server that shuts down under them."""

import concurrent.futures
import contextlib
import json
import socket
import threading
import time

import httpx
import pytest
from api_server import TIMEOUT_SECONDS, problem

from service.events.window import WINDOW
from store.database.ids import new_id
from store.jobs.job import JobState, StoreUnavailable


def read(running, job_id, after=None, query=None, count=None):
    """(id, kind, data) of each event of one connection."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    events, fields = [], {}
    url = f"/v1/jobs/{job_id}/events"
    with running.http.stream("GET", url, headers=headers, params=query or {}) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
                continue
            if "data" in fields:
                events.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
            fields = {}
            if count is not None and len(events) >= count:
                break
    return events


@pytest.fixture
def running(serve):
    return serve(poll_seconds=0.05)


@pytest.fixture
def job_id(running, design) -> str:
    return running.http.post("/v1/designs", json=design).json()["id"]


def work(store, job_id, steps=5, pause=0.0, state=JobState.SUCCEEDED):
    lease = store.claim(job_id, worker="w", lease_seconds=60)
    for step in range(steps):
        time.sleep(pause)
        store.record(lease, kind="evaluated", data={"step": step}, done=step + 1, total=steps)
    store.finish(lease, state, result={})


def test_a_finished_job_is_replayed_and_the_stream_ends(running, job_id):
    work(running.store, job_id)
    events = read(running, job_id)
    assert [event[0] for event in events] == list(range(1, 9))
    assert [event[1] for event in events] == ["state", "state"] + ["evaluated"] * 5 + ["state"]
    assert [event[2]["state"] for event in events if event[1] == "state"] == [
        "queued",
        "running",
        "succeeded",
    ]
    assert events[3][2]["step"] == 1
    assert events[3][2]["progress"] == {"done": 2, "total": 5, "message": ""}
    assert events[3][2]["at"]


def test_the_stream_continues_after_the_last_event_seen(running, job_id):
    work(running.store, job_id)
    everything = read(running, job_id)
    for seen in range(9):
        assert read(running, job_id, after=seen) == everything[seen:]
        assert read(running, job_id, query={"after": seen}) == everything[seen:]


@pytest.mark.parametrize("last", ["999", "-1", "NaN", "x y", "9" * 50, ""])
def test_an_id_that_the_job_has_not_reached_replays_from_the_start(running, job_id, last):
    work(running.store, job_id)
    assert [event[0] for event in read(running, job_id, after=last)] == list(range(1, 9))


def test_a_wrong_after_is_named(running, job_id):
    for wrong in ("-1", "x", "9" * 40):
        problem(running.http.get(f"/v1/jobs/{job_id}/events", params={"after": wrong}), 422, "after")


def test_many_clients_see_every_event_once_as_it_happens(running, job_id):
    worker = threading.Thread(target=work, args=(running.store, job_id, 20, 0.02))
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        streams = [pool.submit(read, running, job_id) for _ in range(20)]
        worker.start()
        for stream in streams:
            assert [event[0] for event in stream.result(20)] == list(range(1, 24))
    worker.join()


def test_clients_of_many_jobs_share_one_read(serve, design):
    running = serve(poll_seconds=0.1)
    jobs = [running.http.post("/v1/designs", json=design).json()["id"] for _ in range(4)]
    reads, looks = 0, []
    events, last_events = running.store.events, running.store.last_events

    def counted(*args, **kwargs):
        nonlocal reads
        reads += 1
        return events(*args, **kwargs)

    def looked(keys):
        looks.append(len(keys))
        return last_events(keys)

    running.store.events, running.store.last_events = counted, looked
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        streams = [pool.submit(read, running, jobs[number % 4]) for number in range(20)]
        time.sleep(1.0)
        for job_id in jobs:
            running.store.cancel(job_id)
        for stream in streams:
            assert len(stream.result(20)) == 2
    # Each job's events are read when it is first followed and when it ends, whoever follows it; while no
    # event is written nothing but one question for all four is asked.
    assert reads <= 12
    assert looks.count(4) >= 3


def test_a_client_that_leaves_takes_nothing_from_the_others(serve, design):
    running = serve(poll_seconds=0.5)
    job_id = running.http.post("/v1/designs", json=design).json()["id"]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        # The first of two who wait for the same event begins the read that both share; then it leaves.
        read(running, job_id, count=1)
        with running.http.stream("GET", f"/v1/jobs/{job_id}/events") as leaving:
            lines = leaving.iter_lines()
            while not next(lines).startswith("data"):
                pass
            staying = pool.submit(read, running, job_id)
            time.sleep(0.2)
        time.sleep(0.1)
        running.store.cancel(job_id)
        assert [event[2]["state"] for event in staying.result(10)] == ["queued", "cancelled"]


def test_a_stream_ends_when_the_store_stops_answering(running, job_id, caplog):
    def unavailable(*_, **__):
        raise StoreUnavailable("gone")

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        stream = pool.submit(read, running, job_id)
        time.sleep(0.2)
        running.store.last_events = unavailable
        assert [event[2]["state"] for event in stream.result(10)] == ["queued"]
    running.server.stop()  # what it logs late is logged by then
    running.thread.join(10)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_job_that_is_being_cancelled_keeps_its_streams(running, job_id):
    lease = running.store.claim(job_id, worker="w", lease_seconds=60)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        stream = pool.submit(read, running, job_id)
        running.store.cancel(job_id)
        time.sleep(0.3)
        running.store.finish(lease, JobState.CANCELLED)
        assert [event[2]["state"] for event in stream.result(20)][-2:] == ["cancelling", "cancelled"]


def test_a_client_that_was_told_more_by_another_process_is_not_told_it_again(serve, design):
    running = serve(poll_seconds=3600)  # this process looks once, when the first client comes
    job_id = running.http.post("/v1/designs", json=design).json()["id"]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        read(running, job_id, count=1)
        staying = pool.submit(read, running, job_id)
        time.sleep(0.3)
        running.store.cancel(job_id)  # event 2, which another process has sent
        again = pool.submit(read, running, job_id, after=2)
        time.sleep(0.3)
        running.server.stop()
        assert [event[0] for event in staying.result(20)] == [1]
        assert again.result(20) == []


def test_a_client_that_is_behind_the_window_reads_from_the_store(running, job_id):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        early = pool.submit(read, running, job_id)
        work(running.store, job_id, steps=3 * WINDOW)
        for seen in (0, 1, WINDOW, 2 * WINDOW + 7, 3 * WINDOW + 2):
            events = read(running, job_id, after=seen)
            assert [event[0] for event in events] == list(range(seen + 1, 3 * WINDOW + 4))
        assert len(early.result(20)) == 3 * WINDOW + 3


def test_an_unknown_job_has_no_stream_and_takes_nothing_from_the_others(running, job_id):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        staying = pool.submit(read, running, job_id)
        for unknown in (new_id(1.7e9), "x", "%00"):
            problem(running.http.get(f"/v1/jobs/{unknown}/events"), 404)
        running.store.cancel(job_id)
        assert len(staying.result(20)) == 2


def test_more_streams_than_allowed_are_refused_and_places_are_given_back(serve, design):
    running = serve(poll_seconds=0.05, streams=3, streams_per_client=2)
    job_id = running.http.post("/v1/designs", json=design).json()["id"]

    def connect(stack, address):
        transport = httpx.HTTPTransport(local_address=address)
        client = stack.enter_context(httpx.Client(base_url=running.url, transport=transport, timeout=60))
        answer = stack.enter_context(client.stream("GET", f"/v1/jobs/{job_id}/events"))
        answer.status_code == 200 or answer.read()
        return answer

    with contextlib.ExitStack() as stack:
        statuses = [connect(stack, address) for address in ["127.0.0.2"] * 3 + ["127.0.0.3"] * 2]
        assert [answer.status_code for answer in statuses] == [200, 200, 429, 200, 503]
        for refused in (statuses[2], statuses[4]):
            assert problem(refused, refused.status_code)["type"].endswith("too-many-streams")
            assert int(refused.headers["Retry-After"]) > 0
        assert running.http.get(f"/v1/jobs/{job_id}").status_code == 200
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:  # until the server has noticed that they have gone
        with contextlib.ExitStack() as stack:
            if connect(stack, "127.0.0.2").status_code == 200:
                break
    else:
        pytest.fail("no place was given back")


def test_a_client_that_reads_nothing_does_not_keep_the_server_from_its_end(serve, design, caplog):
    running = serve(poll_seconds=0.05)
    job_id = running.http.post("/v1/designs", json=design).json()["id"]
    lease = running.store.claim(job_id, worker="w", lease_seconds=60)
    with running.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(f"GET /v1/jobs/{job_id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        for _ in range(200):
            running.store.record(lease, kind="evaluated", data={"text": "x" * 50_000})
        time.sleep(1)
        running.server.stop()
        running.thread.join(TIMEOUT_SECONDS)
    assert not running.thread.is_alive()
    assert not [record for record in caplog.records if record.exc_info]


def test_a_body_that_never_comes_ends_the_stream_without_a_fault(serve, design, caplog):
    running = serve(poll_seconds=0.05, body_seconds=0.3)
    job_id = running.http.post("/v1/designs", json=design).json()["id"]
    with running.socket() as slow:
        slow.sendall(
            f"GET /v1/jobs/{job_id}/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n".encode()
        )
        received = b""
        while piece := slow.recv(4096):
            received += piece
            if received.endswith(b"0\r\n\r\n"):
                break
    assert received.startswith(b"HTTP/1.1 200")
    running.server.stop()
    running.thread.join(TIMEOUT_SECONDS)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_open_streams_do_not_delay_the_end_of_the_server(running, job_id):
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        streams = [pool.submit(read, running, job_id) for _ in range(10)]
        time.sleep(0.3)
        running.server.stop()
        running.thread.join(4)
        assert not running.thread.is_alive()
        assert all(len(stream.result(5)) == 1 for stream in streams)


def test_a_stream_is_counted_while_it_is_open(running, job_id):
    def streams():
        text = running.http.get("/metrics").text
        return next(
            float(line.split()[1]) for line in text.splitlines() if line.startswith("netwright_event_s")
        )

    assert streams() == 0
    with running.http.stream("GET", f"/v1/jobs/{job_id}/events") as answer:
        lines = answer.iter_lines()  # kept: an iterator that is thrown away closes the connection
        next(lines)
        assert streams() == 1
    running.store.cancel(job_id)
    deadline = time.monotonic() + 5
    while streams() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert streams() == 0
