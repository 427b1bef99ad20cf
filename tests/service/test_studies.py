"""Studies over HTTP: asked and told by several clients at once."""

import threading

import httpx
import numpy as np
import pytest
from api_server import problem

from spaces.known import get_space
from store.database.ids import new_id

CELLS = get_space("nasbench201")
ORDER = {"space": "nasbench201", "task": "cifar10", "constraints": [{"metric": "params_m", "max": 0.8}]}


def opened(server, **change):
    answer = server.http.post("/v1/studies", json=ORDER | change)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/v1/studies/{answer.json()['id']}"
    return answer.json()["id"]


def suggest(server, study, count=1, client="a"):
    answer = server.http.post(f"/v1/studies/{study}/suggest", json={"count": count, "client_id": client})
    assert answer.status_code == 200, answer.text
    return [entry["architecture"] for entry in answer.json()["suggestions"]]


def accuracy(architecture):
    statistics = CELLS.statistics(CELLS.parse(architecture)[None])
    return float(60 + 10 * statistics["params_m"][0] + statistics["depth"][0])


def tell(server, study, *observations):
    return server.http.post(f"/v1/studies/{study}/observe", json={"observations": list(observations)})


def values(architecture, **more):
    return {"architecture": architecture, "values": {"accuracy": accuracy(architecture)}} | more


def test_a_loop_of_ones_own(server):
    study = opened(server)
    seen = []
    for _ in range(8):
        (architecture,) = suggest(server, study)
        assert architecture not in seen
        seen.append(architecture)
        answer = tell(server, study, values(architecture))
        assert answer.status_code == 200 and answer.json()["news"] == 1, answer.text
    codes = CELLS.parse_many(seen)
    assert (CELLS.statistics(codes)["params_m"] <= 0.8).all()
    shown = server.http.get(f"/v1/studies/{study}").json()
    assert (shown["suggested"], shown["waiting"], shown["observed"], shown["failed"]) == (8, 0, 8, 0)
    best = max(seen, key=accuracy)
    assert shown["best"][0]["architecture"] == best
    assert shown["best"][0]["values"]["accuracy@cifar10"] == pytest.approx(accuracy(best))
    listed = server.http.get(f"/v1/studies/{study}/observations", params={"limit": 5}).json()
    assert [entry["architecture"] for entry in listed["observations"]] == seen[:5] and listed["has_more"]
    rest = server.http.get(f"/v1/studies/{study}/observations", params={"after": 5}).json()
    assert [entry["architecture"] for entry in rest["observations"]] == seen[5:] and not rest["has_more"]
    assert study in [entry["id"] for entry in server.http.get("/v1/studies").json()["studies"]]


def test_architecture_and_recipe_are_asked_and_told_together(server):
    choices = {"epochs": [4, 12], "optimizer": ["sgd", "adamw"], "learning_rate": [0.01, 0.1]}
    study = opened(server, recipe=choices, constraints=[{"metric": "training_macs_m", "max": 4000}])
    shown = server.http.get(f"/v1/studies/{study}").json()
    assert shown["recipe"] == choices and shown["constraints"][0]["quantity"] == "training_macs_m"
    seen = []
    for _ in range(7):
        asked = {"count": 1, "client_id": "a"}
        (entry,) = server.http.post(f"/v1/studies/{study}/suggest", json=asked).json()["suggestions"]
        assert entry["recipe"].keys() == choices.keys() and CELLS.parse(entry["network"]) is not None
        parts = ("optimizer", "learning_rate", "epochs")
        recipe = ",".join(f"{name}={entry['recipe'][name]}" for name in parts)
        assert entry["architecture"] == f"{entry['network']}#{recipe}"
        variables = CELLS.to_variables(CELLS.parse(entry["network"])) | entry["recipe"]
        value = accuracy(entry["network"]) + entry["recipe"]["epochs"]
        answer = tell(server, study, {"architecture": variables, "values": {"accuracy": value}})
        assert answer.status_code == 200 and answer.json()["news"] == 1, answer.text
        seen.append((value, entry["network"], entry["recipe"]))
    shown = server.http.get(f"/v1/studies/{study}").json()
    best = max(seen, key=lambda each: each[0])
    assert (shown["waiting"], shown["observed"]) == (0, 7)
    assert (shown["best"][0]["network"], shown["best"][0]["recipe"]) == best[1:]
    wrong = tell(server, study, {"architecture": best[1], "values": {"accuracy": 90}})
    assert "#" in problem(wrong, 422, "observations[0].architecture")["errors"][0]["hint"]
    for recipe, field in (({"epochs": [0, 4]}, "recipe.epochs[0]"), ({"speed": [1, 2]}, "recipe.speed")):
        problem(server.http.post("/v1/studies", json=ORDER | {"recipe": recipe}), 422, field)
    plain = server.http.get(f"/v1/studies/{opened(server)}").json()
    assert plain["recipe"] is None


def test_a_study_over_two_tasks_and_a_device_of_ones_own(server):
    objectives = [
        {"metric": "accuracy"},
        {"metric": "accuracy", "task": "cifar100"},
        {"metric": "latency_ms", "device": "my-board"},
    ]
    study = opened(server, objectives=objectives)
    found = {}
    for _ in range(7):
        (architecture,) = suggest(server, study)
        (macs,) = CELLS.statistics(CELLS.parse(architecture)[None])["macs_m"]
        found[architecture] = {
            "accuracy@cifar10": accuracy(architecture),
            "accuracy@cifar100": 100 - accuracy(architecture) / 2,
            "latency_ms": float(macs),
        }
        answer = tell(server, study, {"architecture": architecture, "values": found[architecture]})
        assert answer.status_code == 200, answer.text
    best = server.http.get(f"/v1/studies/{study}").json()["best"]
    assert len(best) >= 2 and all("latency_ms@my-board" in entry["values"] for entry in best)
    unclear = tell(server, study, {"architecture": architecture, "values": {"accuracy": 90.0}})
    error = problem(unclear, 422, "observations[0].values.accuracy")["errors"][0]
    assert "several" in error["message"] and "accuracy@cifar100" in error["hint"]


def test_cheap_evaluations_inform_and_full_ones_count(server):
    study = opened(server)
    cells = CELLS.format(CELLS.sample(30, np.random.default_rng(0)))
    cheap = [
        {
            "architecture": cell,
            "values": {"accuracy": accuracy(cell) - 20},
            "fidelity": "12ep",
            "seconds": 700,
        }
        for cell in dict.fromkeys(cells)
    ]
    assert tell(server, study, *cheap).json()["study"]["waiting"] == 0
    for _ in range(7):
        (cell,) = suggest(server, study)
        answer = values(cell, fidelity="12ep", seconds=700)
        if cell not in cells:
            assert tell(server, study, answer).json()["study"]["waiting"] == 1
        assert suggest(server, study) == [cell], "a cheap evaluation ends nothing"
        assert tell(server, study, values(cell, seconds=9000)).json()["study"]["waiting"] == 0
    shown = server.http.get(f"/v1/studies/{study}").json()
    assert all(entry["values"]["accuracy@cifar10"] > 50 for entry in shown["best"])
    (first,) = server.http.get(f"/v1/studies/{study}/observations?limit=1").json()["observations"]
    assert (first["fidelity"], first["seconds"]) == ("12ep", 700)
    late = tell(server, study, {"architecture": cheap[0]["architecture"], "failed": "x", "fidelity": "12ep"})
    assert late.json()["news"] == 0


def test_the_same_client_gets_its_unfinished_suggestions_back(server):
    study = opened(server)
    first = suggest(server, study, 3)
    assert suggest(server, study, 3) == first
    tell(server, study, values(first[0]))
    again = suggest(server, study, 3)
    assert again[:2] == first[1:] and again[2] not in first


def test_a_hundred_clients_never_share_an_architecture(server):
    study = opened(server, strategy="evolution")
    imported = CELLS.format(CELLS.enumerate()[4000:4040])
    open_study = opened(server)
    taken: dict[str, list[str]] = {}
    problems = []

    def ask(number):
        chosen, client = (open_study, f"bayes-{number}") if number % 2 else (study, f"evolution-{number}")
        with httpx.Client(base_url=server.url, timeout=120) as http:
            for _ in range(50):
                body = {"count": 1, "client_id": client}
                answer = http.post(f"/v1/studies/{chosen}/suggest", json=body)
                if answer.status_code == 503:
                    continue
                taken[client] = [entry["architecture"] for entry in answer.json()["suggestions"]]
                return
        problems.append(client)

    for chosen in (study, open_study):
        answer = tell(server, chosen, *(values(architecture) for architecture in imported))
        assert answer.status_code == 200, answer.text
    threads = [threading.Thread(target=ask, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
    assert not problems and len(taken) == 100
    for kind in ("bayes", "evolution"):
        everything = [name for client, names in taken.items() if client.startswith(kind) for name in names]
        assert len(everything) == 50 == len({*everything})
        assert not {*everything} & {*imported}


def test_failures_and_lower_fidelities_poison_nothing(server):
    study = opened(server)
    for step in range(9):
        (architecture,) = suggest(server, study)
        answer = (
            {"architecture": architecture, "failed": "out of memory"}
            if step % 3 == 0
            else values(architecture, seconds=1.5)
        )
        cheap = values(architecture, fidelity="12ep")
        assert tell(server, study, cheap).status_code == 200
        assert tell(server, study, answer).json()["news"] == 1
    shown = server.http.get(f"/v1/studies/{study}").json()
    assert (shown["observed"], shown["failed"], shown["waiting"]) == (18, 3, 0)
    (late,) = suggest(server, study)
    assert late not in [entry["architecture"] for entry in shown["best"]]


def test_telling_twice_changes_nothing_and_a_run_has_one_value(server):
    study = opened(server)
    named = values(CELLS.example, run="seed-1")
    assert tell(server, study, named).json()["news"] == 1
    assert tell(server, study, named).json()["news"] == 0
    other = {"architecture": CELLS.example, "values": {"accuracy": 1.0}, "run": "seed-1"}
    answer = problem(tell(server, study, values(CELLS.example, run="b"), other), 409, "observations[1]")
    assert answer["type"].endswith("observed-otherwise")
    assert server.http.get(f"/v1/studies/{study}").json()["observed"] == 1


def test_what_a_restarted_server_suggests_is_what_the_old_one_would_have(serve):
    first = serve()
    study = opened(first)
    for _ in range(7):
        tell(first, study, *(values(name) for name in suggest(first, study)))
    second = serve(first.store)
    assert suggest(second, study, client="b") == suggest(serve(first.store), study, client="b")
    # A process that knew an older state is told what is new.
    tell(second, study, *(values(name) for name in suggest(second, study, client="b")))
    assert suggest(first, study, client="c") not in (suggest(second, study, client="d"), [])


def test_several_objectives_and_a_device_of_ones_own(server):
    goals = [{"metric": "accuracy"}, {"metric": "latency_ms", "device": "my-board"}]
    study = opened(server, objectives=goals)
    for _ in range(7):
        (architecture,) = suggest(server, study)
        found = {"accuracy": accuracy(architecture), "latency_ms@my-board": accuracy(architecture) / 10}
        answer = tell(server, study, {"architecture": architecture, "values": found})
        assert answer.status_code == 200, answer.text
    shown = server.http.get(f"/v1/studies/{study}").json()
    assert shown["objectives"] == ["accuracy@cifar10", "latency_ms@my-board"]
    # Both rise together here, so that no one is beaten in both.
    assert len(shown["best"]) == 7
    assert tell(server, study, values(CELLS.example)).json()["news"] == 1, "the latency may come later"
    assert len(server.http.get(f"/v1/studies/{study}").json()["best"]) == 7


def test_closed_studies_suggest_nothing_and_deleted_ones_are_gone(server):
    study = opened(server)
    (architecture,) = suggest(server, study)
    closed = server.http.post(f"/v1/studies/{study}/close").json()
    assert closed["state"] == "closed" and closed["closed_at"]
    answer = server.http.post(f"/v1/studies/{study}/suggest", json={"client_id": "a"})
    problem(answer, 409)
    assert tell(server, study, values(architecture)).status_code == 200
    assert server.http.delete(f"/v1/studies/{study}").status_code == 204
    problem(server.http.get(f"/v1/studies/{study}"), 404)


def test_an_impossible_bound_says_so_instead_of_suggesting(server):
    study = opened(server, constraints=[{"metric": "params_m", "max": 0.01}])
    answer = server.http.post(f"/v1/studies/{study}/suggest", json={"client_id": "a"}).json()
    assert answer["suggestions"] == [] and "exact bounds" in answer["exhausted"]


def test_a_key_makes_one_study(server):
    headers = {"Idempotency-Key": "once"}
    first = server.http.post("/v1/studies", json=ORDER, headers=headers).json()
    assert server.http.post("/v1/studies", json=ORDER, headers=headers).json()["id"] == first["id"]
    other = server.http.post("/v1/studies", json=ORDER | {"seed": 1}, headers=headers)
    problem(other, 409)


def test_another_tenants_study_is_not_found(server):
    study = server.store.create_study(ORDER, tenant_id="another")[0].id
    problem(server.http.get(f"/v1/studies/{study}"), 404)
    problem(server.http.get(f"/v1/studies/{new_id(1e9)}"), 404)
    problem(server.http.get("/v1/studies/nonsense"), 404)
    assert study not in server.http.get("/v1/studies", params={"limit": 100}).text


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"space": "nowhere"}, "space"),
        ({"task": "a/b"}, "task"),
        ({"task": None}, "task"),
        ({"space": "gnn", "task": "nothing"}, "task"),
        ({"strategy": "guess"}, "strategy"),
        ({"space": "gnn", "task": "cora", "constraints": [], "strategy": "robot"}, "strategy"),
        ({"evaluations": 4}, "evaluations"),
        ({"objectives": [{"metric": "latency_ms"}]}, "objectives[0].device"),
        ({"objectives": [{"metric": "latency_ms", "device": "a@b"}]}, "objectives[0].device"),
        ({"constraints": [{"metric": "params_m", "min": 2, "max": 1}]}, "constraints[0].max"),
    ],
)
def test_a_wrong_study_names_its_field(server, change, field):
    problem(server.http.post("/v1/studies", json=ORDER | change), 422, field)


def test_an_exact_value_may_be_told_as_it_is(server):
    study, exact = opened(server), float(CELLS.statistics(CELLS.parse(CELLS.example)[None])["params_m"][0])
    answer = tell(
        server, study, values(CELLS.example, values={"accuracy": 90, "params_m": exact * (1 + 1e-9)})
    )
    assert answer.status_code == 200, answer.text
    (kept,) = server.http.get(f"/v1/studies/{study}/observations").json()["observations"]
    assert kept["values"]["params_m"] == exact


def test_a_study_that_can_no_longer_be_read_breaks_no_list(serve):
    running = serve()
    opened(running)
    kept = running.http.get("/v1/studies").json()["studies"][0]
    stored = running.store.study(kept["id"])
    lost, _ = running.store.create_study(dict(stored.request) | {"space": "user:gone@6c59"})
    listed = running.http.get("/v1/studies").json()["studies"]
    assert [study["space"] for study in listed] == ["gone", "nasbench201"] and listed[1] == kept
    assert running.http.delete(f"/v1/studies/{lost.id}").status_code == 204


@pytest.mark.parametrize(
    ("observation", "field"),
    [
        ({"architecture": "nonsense", "values": {"accuracy": 1.0}}, "observations[0].architecture"),
        ({"architecture": CELLS.example}, "observations[0]"),
        ({"architecture": CELLS.example, "values": {}, "failed": "no"}, "observations[0]"),
        ({"architecture": CELLS.example, "values": {}}, "observations[0].values"),
        ({"architecture": CELLS.example, "values": {"loss": 1.0}}, "observations[0].values.loss"),
        ({"architecture": CELLS.example, "values": {"accuracy": 101.0}}, "observations[0].values.accuracy"),
        ({"architecture": CELLS.example, "values": {"accuracy": "9"}}, "observations[0].values.accuracy"),
        (
            {"architecture": CELLS.example, "values": {"accuracy": 90, "accuracy@cifar10": 91}},
            "observations[0].values.accuracy@cifar10",
        ),
        (values(CELLS.example, values={"accuracy": 90, "params_m": 77}), "observations[0].values.params_m"),
    ],
)
def test_a_wrong_observation_names_its_field(server, observation, field):
    study = opened(server)
    problem(tell(server, study, observation), 422, field)
    assert server.http.get(f"/v1/studies/{study}").json()["observed"] == 0


def test_a_study_at_a_resolution_has_the_costs_of_networks_for_it(server):
    """Four times the multiply-accumulates of 32 pixels, under one bound."""
    study = opened(server, constraints=[{"metric": "macs_m", "max": 100}], resolution=64)
    network = CELLS.network_config("cifar10", resolution=64)
    cells = suggest(server, study, 5)
    macs = CELLS.costs(CELLS.parse_many(cells), network)["macs_m"]
    assert (macs <= 100).all() and len(cells) == 5
    assert tell(server, study, values(cells[0])).status_code == 200
    (kept,) = server.http.get(f"/v1/studies/{study}/observations").json()["observations"]
    assert kept["values"]["macs_m"] == macs[0]
    shown = server.http.get(f"/v1/studies/{study}").json()
    assert (shown["resolution"], shown["costs_for"]) == (64, network.to_dict())
    problem(server.http.post("/v1/studies", json={**ORDER, "resolution": 4}), 422, "resolution")
