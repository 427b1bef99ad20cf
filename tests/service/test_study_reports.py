"""Intermediate values over HTTP: kept as a fidelity of their step, and when an evaluation should end."""

import pytest
from api_server import problem

from search.run.stopping import why_stop
from spaces.declared.space import declare

TOML = 'name = "steps"\n[variables]\na = [1, 2, 3, 4]\nb = [1, 2, 3, 4]\n[metrics]\nwait = "minimize"\n'
NAMES = declare(TOML).format(declare(TOML).enumerate())


@pytest.fixture(scope="module")
def running(server):
    assert server.http.post("/v1/spaces", json={"toml": TOML}).status_code == 201
    return server


def opened(running, stopping):
    answer = running.http.post("/v1/studies", json={"space": "steps", "stopping": stopping})
    assert answer.status_code == 201 and answer.json()["stopping"] == stopping, answer.text
    return answer.json()["id"]


def report(running, study, name, step, wait):
    body = {"architecture": name, "step": step, "values": {"wait": wait}}
    answer = running.http.post(f"/v1/studies/{study}/report", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_median_rule_ends_what_is_worse_than_most_at_its_step(running):
    study = opened(running, "median")
    assert not any(
        report(running, study, name, 2, float(row))["should_stop"] for row, name in enumerate(NAMES[:5])
    )
    worse = report(running, study, NAMES[5], 2, 9.0)
    assert worse == {"should_stop": True, "reason": "below the median of 5 others at step 2"}
    assert report(running, study, NAMES[6], 2, 0.5)["should_stop"] is False
    assert report(running, study, NAMES[5], 3, 9.0)["should_stop"] is False, "nobody else was there"
    rows = running.http.get(f"/v1/studies/{study}/observations").json()["observations"]
    assert [row["fidelity"] for row in rows] == ["step-2"] * 7 + ["step-3"]
    again = running.http.post(
        f"/v1/studies/{study}/report", json={"architecture": NAMES[5], "step": 2, "values": {"wait": 1.0}}
    )
    problem(again, 409)


def test_halving_lets_a_third_go_on_from_each_rung_and_a_study_without_a_rule_all(running):
    study = opened(running, "halving")
    ended = [report(running, study, name, 3, float(row))["should_stop"] for row, name in enumerate(NAMES[:9])]
    assert ended == [False, False, *[True] * 7]
    assert report(running, study, NAMES[9], 3, -1.0)["should_stop"] is False
    assert report(running, study, NAMES[10], 4, 99.0)["should_stop"] is False, "no rung"
    plain = opened(running, None)
    assert not any(
        report(running, plain, name, 3, float(row))["should_stop"] for row, name in enumerate(NAMES)
    )


@pytest.mark.parametrize(
    ("step", "rung"), [(1, True), (2, False), (3, True), (6, False), (9, True), (27, True)]
)
def test_rungs_are_powers_of_three(step, rung):
    assert (why_stop("halving", step, 0.0, [1.0, 2.0, 3.0]) is not None) is rung
