"""Jobs over HTTP: lists, states, results, cancelling and repeating."""

import pytest
from api_server import problem

from store.jobs.job import JobState

UNKNOWN = "0199aaaa-0000-7000-8000-000000000000"


@pytest.fixture
def job(server, design) -> dict:
    return server.http.post("/v1/designs", json=design).json()


def finish(store, job_id, state=JobState.SUCCEEDED, **outcome):
    lease = store.claim(job_id, worker="w", lease_seconds=60)
    return store.finish(lease, state, **outcome)


def test_a_list_is_walked_page_by_page_newest_first(serve, design):
    running = serve()
    ids = [running.http.post("/v1/designs", json=design | {"seed": i}).json()["id"] for i in range(5)]
    seen, after = [], None
    while True:
        params = {"limit": 2} | ({"after": after} if after else {})
        body = running.http.get("/v1/jobs", params=params).json()
        assert len(body["jobs"]) <= 2
        seen += [job["id"] for job in body["jobs"]]
        after = seen[-1]
        if not body["has_more"]:
            break
    assert seen == ids[::-1]
    finish(running.store, ids[1], result={"architectures": []})
    done = running.http.get("/v1/jobs", params={"state": "succeeded"}).json()
    assert [job["id"] for job in done["jobs"]] == [ids[1]]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"limit": "nan"}, "limit"),
        ({"limit": "1e999"}, "limit"),
        ({"limit": "-0"}, "limit"),
        ({"limit": "9" * 5000}, "limit"),
        ({"state": "asleep"}, "state"),
        ({"after": "' OR 1=1"}, "after"),
    ],
)
def test_a_wrong_list_parameter_is_named(server, params, field):
    problem(server.http.get("/v1/jobs", params=params), 422, field)


@pytest.mark.parametrize("job_id", [UNKNOWN, "x", "..%2f..%2fetc", "%00", "a" * 3000, "%ed%a0%80", "'"])
@pytest.mark.parametrize("rest", ["", "/result", "/events"])
def test_an_unknown_job_is_404(server, job_id, rest):
    problem(server.http.get(f"/v1/jobs/{job_id}{rest}"), 404)


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_an_unknown_job_cannot_be_changed(server, verb):
    problem(server.http.post(f"/v1/jobs/{UNKNOWN}/{verb}"), 404)


def test_another_tenants_job_is_404(server):
    job, _ = server.store.submit("design", {}, tenant_id="other")
    for rest in ("", "/result", "/events"):
        problem(server.http.get(f"/v1/jobs/{job.id}{rest}"), 404)
    for verb in ("cancel", "retry"):
        problem(server.http.post(f"/v1/jobs/{job.id}/{verb}"), 404)
    assert job.id not in [row["id"] for row in server.http.get("/v1/jobs?limit=100").json()["jobs"]]


def test_a_result_is_409_until_there_is_one(server, job):
    url = job["urls"]["result"]
    answer = server.http.get(url)
    assert "queued" in problem(answer, 409)["detail"]
    assert int(answer.headers["retry-after"]) > 0
    result = {"architectures": [{"rank": 1, "architecture": "a"}], "evaluated": 0}
    finish(server.store, job["id"], result=result)
    assert server.http.get(url).json() == result
    assert server.http.get(job["urls"]["self"]).json()["state"] == "succeeded"


def test_an_infeasible_job_has_a_result_and_a_reason(server, job):
    finish(server.store, job["id"], JobState.INFEASIBLE, result={"nearest": {"gap": 0.1}}, reason="too small")
    shown = server.http.get(job["urls"]["self"]).json()
    assert (shown["state"], shown["reason"]) == ("infeasible", "too small")
    assert server.http.get(job["urls"]["result"]).json() == {"nearest": {"gap": 0.1}}


def test_a_failed_job_says_why_and_may_be_repeated(server, job):
    problem(server.http.post(f"/v1/jobs/{job['id']}/retry"), 409)
    finish(server.store, job["id"], JobState.FAILED, reason="the table is gone")
    answer = server.http.get(job["urls"]["result"])
    assert "the table is gone" in problem(answer, 409)["detail"]
    assert "retry-after" not in answer.headers
    again = server.http.post(f"/v1/jobs/{job['id']}/retry")
    assert again.status_code == 202
    assert again.json()["retry_of"] == job["id"] != again.json()["id"]
    assert again.json()["state"] == "queued"
    assert server.store.job(again.json()["id"]).payload == server.store.job(job["id"]).payload
    assert server.http.post(f"/v1/jobs/{job['id']}/retry").json()["id"] == again.json()["id"]


def test_a_queued_job_is_cancelled_at_once_a_running_one_when_it_stops(server, design, job):
    assert server.http.post(job["urls"]["cancel"]).json()["state"] == "cancelled"
    assert server.http.post(job["urls"]["cancel"]).json()["state"] == "cancelled"
    second = server.http.post("/v1/designs", json=design).json()
    lease = server.store.claim(second["id"], worker="w", lease_seconds=60)
    assert server.http.post(second["urls"]["cancel"]).json()["state"] == "cancelling"
    assert server.http.get(second["urls"]["self"]).json()["state"] == "cancelling"
    server.store.finish(lease, JobState.CANCELLED)
    assert server.http.get(second["urls"]["self"]).json()["state"] == "cancelled"


def test_progress_shows(server, job):
    lease = server.store.claim(job["id"], worker="w", lease_seconds=60)
    server.store.record(lease, kind="evaluated", data={}, done=3, total=16, message="evaluating")
    shown = server.http.get(job["urls"]["self"]).json()
    assert shown["progress"] == {"done": 3, "total": 16, "message": "evaluating"}
    assert (shown["state"], shown["attempt"]) == ("running", 1)
    assert shown["started_at"] is not None
