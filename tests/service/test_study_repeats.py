"""Studies as people use them: repeats, values in parts, failures, leases, enqueued architectures, changes."""

import time

import pytest
from api_server import problem

from spaces.declared.space import declare

TOML = """
name = "small"
[variables]
layers = [1, 2, 3]
width = [8, 16, 32, 64]
act = ["relu", "tanh"]
[costs]
cost_area = "layers * width"
[metrics]
f1 = { direction = "maximize", unit = "%", range = [0, 100] }
wait = "minimize"
"""
SPACE = declare(TOML)
NAMES = SPACE.format(SPACE.enumerate())


@pytest.fixture(scope="module")
def running(server):
    server.http.post("/v1/spaces", json={"toml": TOML})
    return server


def opened(running, **change):
    answer = running.http.post("/v1/studies", json={"space": "small", "strategy": "random"} | change)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def call(running, study, what, status=200, method="POST", **body):
    path = f"/v1/studies/{study}" + (f"/{what}" if what else "")
    for _ in range(5):
        answer = running.http.request(method, path, json=body or None)
        if answer.status_code != 503:  # a busy machine
            break
    assert answer.status_code == status, answer.text
    return answer.json()


def tell(running, study, *observations, **more):
    return call(running, study, "observe", observations=list(observations), **more)


def seen(name, values, **more):
    return {"architecture": name, "values": values} | more


def suggested(running, study, client, count=1):
    answer = call(running, study, "suggest", client_id=client, count=count)
    return [entry["architecture"] for entry in answer["suggestions"]]


def test_repeats_count_by_their_mean(running):
    study = opened(running)
    tell(running, study, seen(NAMES[0], {"f1": 50}), seen(NAMES[0], {"f1": 54}), seen(NAMES[1], {"f1": 51}))
    best = call(running, study, "", method="GET")["best"]
    assert [entry["architecture"] for entry in best] == [NAMES[0]]
    assert (best[0]["values"]["f1"], best[0]["count"]["f1"]) == (52, 2)
    assert best[0]["standard_error"]["f1"] == pytest.approx(2.0)
    tell(running, study, seen(NAMES[2], {"f1": 53}, std={"f1": 0.5}), seen(NAMES[0], {"f1": 46}))
    (best,) = call(running, study, "", method="GET")["best"]
    assert best["architecture"] == NAMES[2] and best["standard_error"] == {"f1": 0.5}
    stored = running.http.get(f"/v1/studies/{study}/observations").json()["observations"]
    assert [entry["values"]["f1"] for entry in stored] == [50, 54, 51, 53, 46]
    assert (stored[3]["std"], stored[3]["run"]) == ({"f1": 0.5}, None)
    for std, field in (({"wait": 1}, "std.wait"), ({"f1": -1}, "std.f1")):
        body = {"observations": [seen(NAMES[3], {"f1": 1}, std=std)]}
        answer = running.http.post(f"/v1/studies/{study}/observe", json=body)
        problem(answer, 422, f"observations[0].{field}")


def test_some_values_now_the_rest_later_and_tracked_ones_besides(running):
    goals = [{"metric": "f1"}, {"metric": "wait"}]
    study = opened(running, objectives=goals, tracked=["gpu_hours"])
    (name,) = suggested(running, study, "a")
    assert tell(running, study, seen(name, {"f1": 50, "gpu_hours": 2.5}))["study"]["waiting"] == 1
    assert call(running, study, "", method="GET")["best"] == []
    assert tell(running, study, seen(name, {"wait": 3}))["study"]["waiting"] == 0
    (best,) = call(running, study, "", method="GET")["best"]
    assert best["values"] | {"f1": 50, "wait": 3, "gpu_hours": 2.5} == best["values"]
    body = {"observations": [seen(name, {"cpu_hours": 2.5})]}
    answer = running.http.post(f"/v1/studies/{study}/observe", json=body)
    assert "gpu_hours" in problem(answer, 422, "observations[0].values.cpu_hours")["errors"][0]["hint"]


def test_known_architectures_first_and_what_is_given_back_goes_to_the_next(running):
    study = opened(running)
    chosen = {"layers": 3, "width": 8, "act": "tanh"}
    queued = call(running, study, "enqueue", architectures=[NAMES[4], chosen])["queued"]
    assert queued == [NAMES[4], SPACE.format(SPACE.parse_many([chosen]))[0]]
    assert suggested(running, study, "a", 2) == queued
    answer = call(running, study, "suggest", client_id="a", count=2)["suggestions"][1]
    assert answer["variables"] == chosen and answer["expires_at"] is not None
    assert call(running, study, "release", client_id="a", architectures=[chosen])["released"] == queued[1:]
    assert suggested(running, study, "b") == queued[1:]
    assert suggested(running, study, "a") == queued[:1]


def test_a_vanished_clients_suggestion_is_the_next_ones(running):
    study = opened(running, lease_seconds=1)
    gone = suggested(running, study, "gone")
    time.sleep(1.5)  # longer than the lease
    assert suggested(running, study, "here") == gone


def test_bounds_change_and_variables_are_fixed_on_an_open_study(running):
    study = opened(running)
    tell(running, study, *(seen(name, {"f1": 50 + row}) for row, name in enumerate(NAMES)))
    assert call(running, study, "", method="GET")["best"][0]["architecture"] == NAMES[-1]
    bound = [{"metric": "cost_area", "max": 16}]
    changed = call(running, study, "", method="PATCH", constraints=bound, fixed={"act": "relu"})
    assert changed["constraints"] == [{"quantity": "cost_area", "min": None, "max": 16}]
    assert changed["fixed"] == {"act": "relu"}
    best = call(running, study, "", method="GET")["best"][0]["architecture"]
    assert SPACE.statistics(SPACE.parse_many([best]))["cost_area"][0] <= 16
    fresh = opened(running, fixed={"act": "relu", "layers": 2})
    found = suggested(running, fresh, "a", 4)
    assert len(found) == 4 and all("layers=2" in name and "act=relu" in name for name in found)
    for fixed, field in (({"act": "x"}, "fixed.act"), ({"colour": 1}, "fixed.colour")):
        answer = running.http.patch(f"/v1/studies/{fresh}", json={"fixed": fixed})
        problem(answer, 422, field)
    call(running, study, "close")
    problem(running.http.patch(f"/v1/studies/{study}", json={"fixed": {}}), 409)


def test_where_nothing_is_feasible_the_nearest_with_its_gaps(running):
    study = opened(running, constraints=[{"metric": "wait", "max": 10}])
    tell(running, study, *(seen(n, {"f1": 50, "wait": 12 + row}) for row, n in enumerate(NAMES[:3])))
    shown = call(running, study, "", method="GET")
    assert shown["best"] == [] and shown["nearest"]["architecture"] == NAMES[0]
    gap = {"constraint": "wait", "min": None, "max": 10, "value": 12, "gap": 2}
    assert shown["nearest"]["gaps"] == [gap]


def test_the_whole_front(running):
    study = opened(running, objectives=[{"metric": "f1"}, {"metric": "wait"}])
    rows = [seen(n, {"f1": float(row), "wait": float(row)}) for row, n in enumerate(NAMES)]
    tell(running, study, *rows)
    shown = call(running, study, "", method="GET")
    front = call(running, study, "front", method="GET")
    assert len(shown["best"]) == 20 and shown["front_size"] == front["size"] == len(front["front"]) == 24


@pytest.mark.parametrize("stores", ["memory", "sqlite"])
def test_repeats_parts_and_failures_in_the_same_order_give_the_same_suggestions(serve, tmp_path, stores):
    from store.memory import MemoryStore
    from store.sql import SqlStore

    store = MemoryStore() if stores == "memory" else SqlStore(f"sqlite:///{tmp_path / 's.db'}")
    store.migrate()
    first = serve(store)
    first.http.post("/v1/spaces", json={"toml": TOML})
    goals = [{"metric": "f1"}, {"metric": "wait"}]
    study = opened(first, objectives=goals, strategy="bayes")
    names = []
    for row in range(8):
        (name,) = suggested(first, study, "a")
        names.append(name)
        if row % 4 == 3:
            tell(first, study, {"architecture": name, "failed": "out of memory"})
            continue
        tell(first, study, seen(name, {"f1": 40.0 + row, "wait": 9.0}, run="one"))
        tell(first, study, seen(name, {"f1": 41.0 + row}))
    tell(first, study, seen(NAMES[-1], {"wait": 2.0}))
    tell(first, study, seen(names[0], {"f1": 70.0}))  # it changes what hyperparameters were fitted to
    call(first, study, "release", client_id="a")
    again = suggested(serve(store), study, "b", 2)
    assert again == suggested(serve(store), study, "b", 2)
    call(first, study, "release", client_id="b")
    assert suggested(first, study, "c", 2) == again
    if stores == "sqlite":
        store.close()
