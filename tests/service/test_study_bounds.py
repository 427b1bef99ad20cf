"""Large studies, many readers, clients that leave and processes that hang hold up nobody else."""

import copy
import json
import os
import signal
import socket
import threading
import time
import tracemalloc

import httpx
import pytest
from api_server import problem

import service.routes.studies as routes
from experiments.reliability.studies import another_study, filled, opened
from experiments.reliability.target import Answers, Target
from service.operations.study_best import SHOWN, _Looked
from spaces.known import get_space

TIMEOUT_SECONDS = 120
CELLS = get_space("nasbench201")


def suggest(running, study, client="a", count=1, **more):
    body = {"count": count, "client_id": client}
    return running.http.post(f"/v1/studies/{study}/suggest", json=body, **more)


def processes(running):
    """The idle processes that work out suggestions."""
    return list(running.app.state.studies._pool._idle)


def eventually(holds, seconds=TIMEOUT_SECONDS):
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture
def large(serve):
    """A server with a study of eight objectives whose observations are all on the front."""
    running = serve(study_seconds=TIMEOUT_SECONDS)
    study, answers = opened(Target(running.url), 8), Answers()
    filled(Target(running.url), study, 1500, 8, answers)
    assert set(answers) == {"200"}
    return running, study


def test_eight_objectives_are_suggested_for_within_the_memory_of_a_process(large):
    running, study = large
    answer = suggest(running, study, count=3)
    assert answer.status_code == 200 and len(answer.json()["suggestions"]) == 3
    again = suggest(running, study, client="b", count=3)
    assert again.status_code == 200
    names = [entry["architecture"] for found in (answer, again) for entry in found.json()["suggestions"]]
    assert len({*names}) == 6


def test_what_is_kept_of_a_study_is_counted_as_large_as_it_is(large, monkeypatch):
    running, study = large
    stored, bests = running.store.study(study), running.app.state.study_bests
    real = bests._page
    # A database makes new objects.
    monkeypatch.setattr(bests, "_page", lambda *given: copy.deepcopy(real(*given)))
    bests._look(_Looked(), stored, SHOWN)  # what the first look loads stays
    looked = _Looked()
    tracemalloc.start()
    try:
        bests._look(looked, stored, SHOWN)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held / 2 < looked.bytes < 2 * held


def test_a_study_is_read_once_however_many_ask(large, monkeypatch):
    running, study = large
    read = []
    real = running.store.study_observations

    def counted(*args, **kwargs):
        found = real(*args, **kwargs)
        read.append(len(found))
        return found

    monkeypatch.setattr(running.store, "study_observations", counted)
    shown = []

    def look():
        with httpx.Client(base_url=running.url, timeout=TIMEOUT_SECONDS) as http:
            shown.append(http.get(f"/v1/studies/{study}").json()["best"])

    threads = [threading.Thread(target=look) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT_SECONDS)
    assert len(shown) == 20 and all(best == shown[0] for best in shown) and len(shown[0]) == SHOWN
    assert sum(read) == 1500 and max(read) <= 1000


def test_the_best_follows_what_is_told(serve):
    running = serve()
    study = opened(Target(running.url), 2)
    names = CELLS.format(CELLS.enumerate()[:30])

    def tell(name, accuracy, latency, **more):
        values = {"accuracy": accuracy, "latency_ms": latency}
        answer = {"architecture": name, **({"values": values} if accuracy is not None else {}), **more}
        body = {"observations": [answer]}
        assert running.http.post(f"/v1/studies/{study}/observe", json=body).status_code == 200

    def best():
        found = running.http.get(f"/v1/studies/{study}").json()["best"]
        return [names.index(entry["architecture"]) for entry in found]

    assert best() == []
    tell(names[0], None, None, failed="out of memory")
    assert best() == []
    tell(names[1], 50, 5)
    tell(names[2], 60, 6)
    assert best() == [2, 1]
    tell(names[0], 60, 5)  # values in place of a failure, and better than both
    assert best() == [0]
    for number in range(3, 30):
        tell(names[number], 60 + number, 5 + number)
    assert best() == list(range(29, 29 - SHOWN, -1))
    tell(names[1], 99, 1, fidelity="other")
    assert best()[0] == 29


def test_a_hung_process_is_a_503_and_holds_up_no_other_study(serve):
    running = serve(study_seconds=10.0)
    slow, other = opened(Target(running.url), seed=1), opened(Target(running.url), seed=2)
    eventually(lambda: suggest(running, slow).status_code == 200)
    hung = next(process for process in processes(running) if slow in process.seen)
    os.kill(hung.pid, signal.SIGSTOP)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(suggest(running, slow, client="b")))
    asking.start()
    assert eventually(lambda: suggest(running, other).status_code == 200)
    asking.join(TIMEOUT_SECONDS)
    late = problem(answers[0], 503)
    assert "longer than 10 s" in late["detail"] and answers[0].headers["Retry-After"]
    assert eventually(lambda: gone(hung.pid))
    assert eventually(lambda: suggest(running, slow, client="b").status_code == 200)


def test_work_whose_client_has_left_is_ended(serve):
    running = serve(study_seconds=TIMEOUT_SECONDS)
    study = opened(Target(running.url))
    assert suggest(running, study).status_code == 200
    (hung,) = processes(running)
    os.kill(hung.pid, signal.SIGSTOP)
    body = json.dumps({"client_id": "b"}).encode()
    with socket.create_connection(Target(running.url).address) as client:
        head = f"POST /v1/studies/{study}/suggest HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        client.sendall(head.encode() + body)
        assert eventually(lambda: hung not in processes(running))  # it was asked
    assert eventually(lambda: gone(hung.pid))
    assert suggest(running, study, client="c").status_code == 200
    assert 'end="left"' in running.http.get("/metrics").text


def test_a_server_with_a_hung_suggestion_ends(serve):
    running = serve(study_seconds=600)
    study = opened(Target(running.url))
    assert suggest(running, study).status_code == 200
    (hung,) = processes(running)
    os.kill(hung.pid, signal.SIGSTOP)

    def ask():
        with pytest.raises(httpx.HTTPError):
            suggest(running, study, client="b").raise_for_status()

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        assert eventually(lambda: hung not in processes(running))
        running.server.stop()
        running.thread.join(TIMEOUT_SECONDS)
        assert not running.thread.is_alive()
        asking.join(TIMEOUT_SECONDS)
    finally:
        os.kill(hung.pid, signal.SIGKILL)


def test_a_suggestion_beyond_its_memory_is_a_503_and_the_service_goes_on(serve):
    running = serve(study_memory_bytes=48 << 20)
    study = opened(Target(running.url))
    problem(suggest(running, study), 503)
    assert running.http.get("/healthz").status_code == 200


def test_a_study_takes_so_many_observations_and_no_more(serve, monkeypatch):
    monkeypatch.setattr(routes, "MOST_OBSERVED", 10)
    running = serve()
    study, answers = opened(Target(running.url)), Answers()
    filled(Target(running.url), study, 10, 1, answers)
    assert answers == {"200": 1}
    found = {"architecture": CELLS.example, "values": {"accuracy": 5}, "fidelity": "another"}
    answer = running.http.post(f"/v1/studies/{study}/observe", json={"observations": [found]})
    assert problem(answer, 409)["type"].endswith("too-many-observations")
    assert running.http.get(f"/v1/studies/{study}").json()["observed"] == 10


def test_an_honest_study_goes_on_beside_large_ones(large):
    running, study = large
    with another_study(Target(running.url), pause=0.05) as met:
        answers = [suggest(running, study, client=f"{number}").status_code for number in range(3)]
    assert answers == [200] * 3 and set(met.answers) == {"200"} and len(met.seconds) >= 2
