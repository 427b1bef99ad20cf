"""Evaluations outside over HTTP: claimed, kept, told; what is refused."""

import pytest
from api_server import problem

from store.external.evaluation import Offer

ASKED = {
    "f1": {"metric": "f1", "unit": "%", "direction": "maximize", "range": [0, 100]},
    "latency_ms@shelf": {"metric": "latency_ms", "unit": "ms", "direction": "minimize", "range": [0, 1e7]},
}
ORDER = {"space": "mine", "task": "voices", "variables": {"width": 8}, "quantities": ASKED}


@pytest.fixture
def offered(server):
    job = server.store.submit("design", {})[0].id
    server.store.offer_evaluation(Offer(job, "width=8", ORDER, 60.0, 3))
    return job


def claim(server, job):
    answer = server.http.post("/v1/evaluations/claim", json={"client_id": "gpu-7", "job": job})
    assert answer.status_code == 200, answer.text
    return answer.json()["evaluation"]


def post(server, evaluation, what, **body):
    path = f"/v1/evaluations/{evaluation['id']}/{what}"
    return server.http.post(path, json={"token": evaluation["token"], **body})


def test_an_evaluation_is_claimed_kept_and_told(server, offered):
    mine = claim(server, offered)
    assert (mine["job"], mine["architecture"], mine["variables"]) == (offered, "width=8", {"width": 8})
    assert mine["quantities"]["f1"]["range"] == [0, 100] and claim(server, offered) is None
    kept = post(server, mine, "heartbeat").json()
    assert kept["lease_until"] >= mine["lease_until"] and kept["stopped"] is False
    told = {"values": {"f1": 50, "latency_ms": 3.5}, "seconds": 2}
    assert post(server, mine, "result", **told).json() == {"news": True}
    assert post(server, mine, "result", **told).json() == {"news": False}
    (found,) = server.store.external_results(offered).values()
    assert (found.values, found.client_id) == ({"f1": 50, "latency_ms@shelf": 3.5}, "gpu-7")


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({}, "values"),
        ({"values": {"f1": 50, "latency_ms": 1}, "failed": "no"}, "values"),
        ({"values": {"f1": 50}}, "values"),
        ({"values": {"f1": 101, "latency_ms": 1}}, "values.f1"),
        ({"values": {"f2": 1}}, "values.f2"),
    ],
)
def test_values_that_make_no_sense_are_refused_and_may_be_told_again(server, offered, told, field):
    mine = claim(server, offered)
    problem(post(server, mine, "result", **told), 422, field)
    assert post(server, mine, "result", failed="no memory").json()["news"] is True


def test_who_has_no_claim_is_refused(server, offered):
    mine = claim(server, offered)
    for what, body in (("heartbeat", {}), ("result", {"failed": "x"})):
        problem(post(server, mine | {"token": "0" * 32}, what, **body), 409)
        unknown = mine | {"id": mine["id"][:-1] + ("0" if mine["id"][-1] != "0" else "1")}
        problem(post(server, unknown, what, **body), 404)
    problem(server.http.post("/v1/evaluations/claim", json={"client_id": "a", "job": "nonsense"}), 404)
