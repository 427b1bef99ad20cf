"""Which names the API answers to, which pages may change something, and what every answer tells a browser."""

import re

import pytest
from api_server import problem

from service.http.hosts import host_of

NO_BODY = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def known(tables):
    """A server with names of its own."""
    from api_server import Running

    from service.config import ServiceConfig
    from store.memory import MemoryStore

    running = Running(
        MemoryStore(), tables, ServiceConfig(hosts=("api.example.org", "*.lan", "[fd00::1]", ""))
    )
    yield running
    running.stop()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost:99",
        "LOCALHOST",
        "localhost.",
        "[::1]:8",
        "127.3.2.1",
        "a.localhost",
    ],
)
def test_the_loopback_has_its_names(server, host):
    assert server.http.get("/v1/jobs", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example:8000",
        "10.0.0.1",
        "[fd00::1]",
        "0.0.0.0",
        "[",
        "",
        "localhost@evil.example",
        "evil.example/localhost",
    ],
)
def test_another_name_is_refused_and_the_setting_named(server, host):
    for method, path in (("GET", "/v1/jobs"), ("POST", "/v1/designs"), ("GET", "/docs"), ("GET", "/nothing")):
        answer = server.http.request(method, path, headers={"host": host, **NO_BODY})
        assert "NETWRIGHT_HOSTS" in problem(answer, 421)["detail"]


def test_supervisors_ask_by_any_name(server):
    for path in ("/healthz", "/readyz"):
        assert server.http.get(path, headers={"host": "pod-17.internal"}).status_code == 200
    assert server.http.get("/healthz/", headers={"host": "pod-17.internal"}).status_code == 421


def test_names_can_be_added(known):
    for host, allowed in (
        ("api.example.org", True),
        ("API.example.org:443", True),
        ("x.api.example.org", False),
        ("a.lan", True),
        ("a.b.lan", True),
        ("lan", False),
        ("evil-lan", False),
        ("[FD00::1]:80", True),
        ("127.0.0.1", True),
    ):
        status = known.http.get("/v1/jobs", headers={"host": host}).status_code
        assert status == (200 if allowed else 421), host


@pytest.mark.parametrize("lines", [b"", b"Host: localhost\r\nHost: localhost\r\n"], ids=["none", "two"])
def test_a_request_has_one_host(server, lines):
    with server.socket() as connection:
        connection.sendall(b"GET /v1/jobs HTTP/1.1\r\n" + lines + b"\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")


def test_clients_in_process_are_of_the_host_that_they_name(server):
    import asyncio

    import httpx

    async def ask() -> int:
        transport = httpx.ASGITransport(app=server.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            return (await client.get("/v1/spaces")).status_code

    assert asyncio.run(ask()) == 200


FOREIGN = [
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:1"},
    {"origin": "http://["},
    {"origin": ""},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site", "origin": "SAME"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_pages_of_other_origins_change_nothing(server, design, headers):
    headers = {name: server.url if value == "SAME" else value for name, value in headers.items()}
    before = server.http.get("/v1/jobs").json()
    problem(server.http.post("/v1/designs", json=design, headers=headers), 403)
    problem(server.http.post("/v1/jobs/x/cancel", headers=headers), 403)
    problem(server.http.delete("/v1/studies/x", headers=headers), 403)
    assert server.http.get("/v1/jobs").json() == before
    assert server.http.get("/v1/jobs", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{}, {"origin": "SAME"}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}],
    ids=str,
)
def test_what_is_of_the_same_origin_may(server, design, headers):
    headers = {name: server.url if value == "SAME" else value for name, value in headers.items()}
    assert server.http.post("/v1/designs", json=design, headers=headers).status_code == 202


def test_every_answer_has_the_security_headers(server, design, monkeypatch):
    get, post = server.http.get, server.http.post
    answers = [
        (get("/healthz"), 200),
        (get("/docs"), 200),
        (get("/docs/assets/swagger-ui.css"), 200),
        (get("/"), 307),
        (get("/nothing"), 404),
        (post("/healthz"), 405),
        (post("/v1/designs", content=b"x", headers=NO_BODY), 400),
        (post("/v1/designs", json=design), 202),
        (get("/v1/jobs", headers={"host": "x"}), 421),
        (post("/v1/designs", headers={"origin": "http://x"}), 403),
        (get("/", headers={"x": "y" * 40_000}), 431),
    ]
    monkeypatch.setattr(server.store, "jobs", None)
    answers.append((get("/v1/jobs"), 500))
    for answer, status in answers:
        assert answer.status_code == status
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        policies = answer.headers.get_list("content-security-policy")
        assert len(policies) == 1 and "frame-ancestors 'none'" in policies[0]


def test_the_page_may_run_its_own_scripts_alone(server):
    page = server.http.get("/docs")
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert "unsafe" not in policy["script-src"] and policy["script-src"].count("sha256-") == 1
    assert not re.search(r"\son\w+=", page.text)


@pytest.mark.parametrize("authority", ["::1", "a:b:c", "[::1", "]", ":80", "\xff"])
def test_any_text_has_a_host(authority):
    assert isinstance(host_of(authority), str)
