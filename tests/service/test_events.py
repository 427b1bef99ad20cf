"""Event streams: replay, news, ends, many clients, and a server that shuts down under them."""

import concurrent.futures
import json
import threading
import time

import pytest
from api_server import problem

from store.job import JobState, StoreUnavailable


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


def test_clients_who_wait_for_the_same_event_share_one_read(serve, design):
    running = serve(poll_seconds=0.1)
    job_id = running.http.post("/v1/designs", json=design).json()["id"]
    reads, events = 0, running.store.events

    def counted(*args, **kwargs):
        nonlocal reads
        reads += 1
        return events(*args, **kwargs)

    running.store.events = counted
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        streams = [pool.submit(read, running, job_id) for _ in range(20)]
        time.sleep(1.0)
        running.store.cancel(job_id)
        for stream in streams:
            assert len(stream.result(20)) == 2
    # 20 first reads, then about 10 shared ones; without sharing there are about 200.
    assert reads < 80


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
        running.store.events = unavailable
        assert [event[2]["state"] for event in stream.result(10)] == ["queued"]
    running.server.stop()  # what it logs late is logged by then
    running.thread.join(10)
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
