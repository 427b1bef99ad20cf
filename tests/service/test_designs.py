"""Orders: what is accepted, what is refused with the field's name, and that one key makes one job."""

import concurrent.futures

import httpx
import pytest
from api_server import Running, problem

from benchmarks.tables import Tables
from store.memory import MemoryStore

SPACE = "nasbench201"


def test_an_order_becomes_a_queued_job(server, design):
    response = server.http.post("/v1/designs", json=design)
    assert response.status_code == 202
    job = response.json()
    assert response.headers["location"] == job["urls"]["self"] == f"/v1/jobs/{job['id']}"
    assert (job["kind"], job["state"], job["attempt"], job["reason"]) == ("design", "queued", 0, None)
    assert job["progress"] == {"done": 0, "total": 0, "message": ""}
    assert server.http.get(job["urls"]["self"]).json() == job
    stored = server.store.job(job["id"]).payload
    assert stored["constraints"] == [
        {"metric": "params_m", "task": None, "device": None, "min": None, "max": 0.5}
    ]


def test_an_order_has_a_priority_and_a_label(server, design):
    plain = server.http.post("/v1/designs", json=design).json()
    assert (plain["priority"], plain["label"]) == (0, None)
    assert "place" not in server.store.job(plain["id"]).payload
    told = server.http.post("/v1/designs", json=design | {"priority": -5, "label": "large"}).json()
    assert (told["priority"], told["label"]) == (-5, "large")
    assert server.store.job(told["id"]).payload["place"] == {"priority": -5, "label": "large"}
    again = {"designs": [design | {"priority": 7}]}
    batch = server.http.post("/v1/batches", json=again).json()
    (child,) = server.http.get(f"/v1/batches/{batch['id']}/designs").json()["designs"]
    assert child["job"]["priority"] == 7
    for change in ({"priority": 101}, {"priority": 0.5}, {"label": "two words"}, {"label": ""}):
        problem(server.http.post("/v1/designs", json=design | change), 422, *change)


def test_one_key_makes_one_job(server, design):
    def post(_):
        return server.http.post("/v1/designs", json=design, headers={"Idempotency-Key": "one"})

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(50)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    other = server.http.post("/v1/designs", json=design | {"seed": 1}, headers={"Idempotency-Key": "one"})
    assert problem(other, 409)["type"] == "urn:netwright:problem:idempotency-conflict"


@pytest.mark.parametrize("key", ["", "x" * 201, "two words", "ü"])
def test_an_idempotency_key_is_a_short_word(server, design, key):
    headers = {"Idempotency-Key": key.encode("latin-1")}
    problem(server.http.post("/v1/designs", json=design, headers=headers), 422, "Idempotency-Key")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"space": "nowhere"}, "space"),
        ({"task": "nothing"}, "task"),
        ({"space": None}, "space"),
        ({"constraints": [{"metric": "params_m", "min": 1.0, "max": 0.5}]}, "constraints[0].max"),
        ({"constraints": [{"metric": "params_m", "max": "nan"}]}, "constraints[0].max"),
        ({"constraints": [{"metric": "params_m", "max": "0.5"}]}, "constraints[0].max"),
        ({"constraints": [{"metric": "params_m"}]}, "constraints[0]"),
        ({"constraints": [{"metric": "latency_ms", "max": 4}]}, "constraints[0].device"),
        ({"constraints": [{"metric": "latency_ms", "device": "toaster", "max": 4}]}, "constraints[0].device"),
        ({"constraints": [{"metric": "beauty", "max": 4}]}, "constraints[0].metric"),
        ({"constraints": {"metric": "params_m", "max": 4}}, "constraints"),
        ({"constraints": [7]}, "constraints[0]"),
        ({"objectives": [{"metric": "beauty"}]}, "objectives[0].metric"),
        ({"count": 0}, "count"),
        ({"count": 1001}, "count"),
        ({"count": 1.5}, "count"),
        ({"count": True}, "count"),
        ({"count": 10**200}, "count"),
        ({"evaluations": 4}, "evaluator"),
        ({"evaluations": -1, "evaluator": "table"}, "evaluations"),
        ({"evaluations": 4, "evaluator": "oracle"}, "evaluator"),
        ({"confidence": 1.0}, "confidence"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"strategy": "luck"}, "strategy"),
        # mass assignment
        ({"tenant_id": "other"}, "tenant_id"),
        ({"state": "succeeded"}, "state"),
        ({"attempt": 3}, "attempt"),
        ({"constraints": [{"metric": "params_m", "max": 1, "tenant_id": "x"}]}, "constraints[0].tenant_id"),
    ],
)
def test_a_wrong_field_is_named(server, design, change, field):
    body = problem(server.http.post("/v1/designs", json=design | change), 422, field)
    assert all(error["message"] for error in body["errors"])


def test_all_wrong_fields_are_named_at_once(server, design):
    wrong = design | {"count": 0, "seed": "x", "colour": "red"}
    body = problem(server.http.post("/v1/designs", json=wrong), 422)
    assert {error["field"] for error in body["errors"]} == {"count", "seed", "colour"}


START = '{"space": "nasbench201", "task": "cifar10-int8-ptq", '
NUMBERS = [
    ("count", START + '"count": %s}'),
    ("evaluations", START + '"evaluations": %s}'),
    ("confidence", START + '"confidence": %s}'),
    ("seed", START + '"seed": %s}'),
    ("constraints[0].max", START + '"constraints": [{"metric": "params_m", "max": %s}]}'),
    ("constraints[0].min", START + '"constraints": [{"metric": "params_m", "min": %s}]}'),
]
HOSTILE = ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", '"nan"', '"inf"', "-0", "-0.0", "1" + "0" * 400,
           "1" * 5000, "-" + "9" * 5000]  # fmt: skip


@pytest.mark.parametrize("token", HOSTILE)
@pytest.mark.parametrize(("field", "body"), NUMBERS)
def test_no_number_breaks_the_server(server, field, body, token):
    headers = {"content-type": "application/json"}
    answer = server.http.post("/v1/designs", content=body % token, headers=headers)
    problem(answer, 422, field)


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"space": "\xff"}', "application/json", 400),
        (b"[" * 200_000, "application/json", 400),
        (b"[]", "application/json", 422),
        (b"null", "application/json", 422),
        (b"", "application/json", 422),
        (b'{"space": "\\ud800"}', "application/json", 422),
        (b'{"space": "\\u0000"}', "application/json", 422),
        (b'{"\\ud800": 1}', "application/json", 422),
        (b'{"space": "nasbench201"}', "text/plain", 415),
        (b'{"space": "nasbench201"}', "multipart/form-data; boundary=x", 415),
        (b'{"space": "nasbench201"}', "", 415),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(server, content, kind, status):
    headers = {"content-type": kind} if kind else {}
    problem(server.http.post("/v1/designs", content=content, headers=headers), status)


def test_unknown_addresses_and_methods_are_problems(server):
    problem(server.http.get("/v1/nothing"), 404)
    problem(server.http.get("/v1/jobs/../../etc/passwd"), 404)
    problem(server.http.get("/v1/designs/"), 404)
    answer = server.http.delete("/v1/designs")
    problem(answer, 405)
    assert "POST" in answer.headers["allow"]


def test_a_fault_of_the_server_tells_nothing_of_its_insides(serve, design, caplog):
    running = serve()

    def broken(*_, **__):
        raise ZeroDivisionError("secret detail")

    running.store.submit = broken
    answer = running.http.post("/v1/designs", json=design)
    problem(answer, 500)
    assert "secret" not in answer.text and "ZeroDivision" not in answer.text
    assert "secret detail" in caplog.text


def test_an_unreachable_store_is_503_with_retry_after(serve, design):
    from store.jobs.job import StoreFull, StoreUnavailable

    running = serve()

    def unavailable(*_, **__):
        raise StoreUnavailable("no connection to secret-host")

    def full(*_, **__):
        raise StoreFull("disk full")

    running.store.submit = running.store.take_role = running.store.jobs = unavailable
    for answer in (
        running.http.post("/v1/designs", json=design),
        running.http.get("/v1/jobs"),
        running.http.get("/readyz"),
    ):
        problem(answer, 503)
        assert int(answer.headers["retry-after"]) > 0
        assert "secret" not in answer.text
    assert running.http.get("/healthz").status_code == 200
    running.store.submit = full
    problem(running.http.post("/v1/designs", json=design), 507)


def test_what_no_table_here_can_measure_is_refused_at_once(tables, design):
    running = Running(MemoryStore(), Tables(tables.cache_dir, None))
    try:
        order = design | {"task": "cifar10", "evaluations": 4, "evaluator": "table"}
        body = problem(running.http.post("/v1/designs", json=order), 422, "objectives[0]")
        assert "NETWRIGHT_DATA" in body["errors"][0]["message"]
        assert running.store.jobs()[0] == []
    finally:
        running.stop()


def test_the_server_answers_on_ipv4_loopback_only(server):
    assert httpx.URL(server.url).host == "127.0.0.1"
