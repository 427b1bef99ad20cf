"""Spaces of one's own in everything that learns: studies, predictors; own metrics and tasks."""

import pytest
from api_server import problem

from spaces.declared.space import declare
from spaces.known import forget_space
from store.spaces.space import DECLARATION

TOML = """
name = "mine"
tasks = ["voices"]
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


@pytest.fixture
def running(serve):
    made = serve()
    assert made.http.post("/v1/spaces", json={"toml": TOML}).status_code == 201
    return made


def f1(architecture):
    chosen = SPACE.to_variables(SPACE.parse(architecture))
    return 40.0 + 10 * chosen["layers"] + chosen["width"] / 8 + (chosen["act"] == "tanh")


def opened(running, **change):
    answer = running.http.post("/v1/studies", json={"space": "mine"} | change)
    assert answer.status_code == 201, answer.text
    return answer.json()


def rounds(running, study, count, values):
    seen = []
    for _ in range(count):
        asked = {"client_id": "a"}
        (entry,) = running.http.post(f"/v1/studies/{study}/suggest", json=asked).json()["suggestions"]
        seen.append(entry["architecture"])
        told = {"observations": [{"architecture": seen[-1], "values": values(seen[-1])}]}
        answer = running.http.post(f"/v1/studies/{study}/observe", json=told)
        assert answer.status_code == 200, answer.text
    return seen


def test_a_study_searches_an_own_space_by_its_own_metric_under_its_own_cost(running):
    made = opened(running, constraints=[{"metric": "cost_area", "max": 128}])
    assert (made["space"], made["task"], made["objectives"]) == ("mine", "voices", ["f1"])
    seen = rounds(running, made["id"], 9, lambda name: {"f1": f1(name)})
    assert len({*seen}) == 9
    assert (SPACE.statistics(SPACE.parse_many(seen))["cost_area"] <= 128).all()
    running.http.delete("/v1/spaces/mine")
    forget_space(SPACE.name)
    declare(TOML)  # what this test itself asks
    shown = running.http.get(f"/v1/studies/{made['id']}").json()
    best = max(seen, key=f1)
    assert shown["best"][0]["architecture"] == best, "the study carries its declaration"
    assert shown["best"][0]["values"] == {
        "f1": f1(best),
        "cost_area": shown["best"][0]["values"]["cost_area"],
    }


def test_a_study_of_a_space_that_this_process_forgot_goes_on(running):
    study = opened(running)["id"]
    stored = running.store.study(study)
    assert '"name":"mine"' in stored.request[DECLARATION]
    forget_space(SPACE.name)
    answer = running.http.post(f"/v1/studies/{study}/suggest", json={"client_id": "a"})
    assert answer.status_code == 200 and len(answer.json()["suggestions"]) == 1, answer.text


def test_own_metrics_have_the_range_and_the_direction_that_was_declared(running):
    space = running.http.get("/v1/spaces/mine").json()
    shown = {metric["name"]: metric for metric in space["metrics"]}
    assert (shown["f1"]["unit"], shown["f1"]["direction"]) == ("%", "maximize")
    assert shown["wait"]["direction"] == "minimize"
    study = opened(running, objectives=[{"metric": "f1"}, {"metric": "wait"}])["id"]
    rounds(running, study, 6, lambda name: {"f1": f1(name), "wait": -f1(name)})
    shown = running.http.get(f"/v1/studies/{study}").json()
    assert len(shown["best"]) == 1 or shown["best"][0]["values"]["f1"] > shown["best"][-1]["values"]["f1"]
    told = {"observations": [{"architecture": SPACE.example, "values": {"f1": 101.0, "wait": 0}}]}
    wrong = running.http.post(f"/v1/studies/{study}/observe", json=told)
    assert "0 to 100 % of f1" in problem(wrong, 422, "observations[0].values.f1")["detail"]


def test_where_the_client_measures_tasks_and_devices_have_any_name(running):
    body = {
        "task": "my-own-voices",
        "objectives": [{"metric": "accuracy"}, {"metric": "latency_ms", "device": "shelf"}],
    }
    for space in ("mine", "nasbench201"):
        made = opened(running, space=space, **body)
        assert made["objectives"] == ["accuracy@my-own-voices", "latency_ms@shelf"]
    problem(running.http.post("/v1/studies", json=body | {"space": "gnn"}), 422, "task")


@pytest.mark.parametrize(
    ("line", "field", "said"),
    [
        ('accuracy = "maximize"', "toml.metrics.accuracy", "a metric already"),
        ('f1 = "up"', "toml.metrics.f1.direction", "which way"),
        ('f1 = { direction = "maximize", range = [3, 1] }', "toml.metrics.f1.range", "no range"),
        ('cost_f = "minimize"', "toml.metrics.cost_f", "no name of a metric"),
        ('width_value = "minimize"', "toml.metrics.width_value", "sum or count"),
    ],
)
def test_a_metric_that_makes_no_sense_is_refused_with_its_field(running, line, field, said):
    text = TOML.partition("[metrics]")[0].replace('"mine"', '"other"') + f"[metrics]\n{line}\n"
    answer = problem(running.http.post("/v1/spaces", json={"toml": text}), 422, field)
    assert said in answer["detail"]


def test_a_predictor_learns_an_own_metric_of_an_own_space(running):
    names = SPACE.format(SPACE.enumerate())
    observed = [{"architecture": name, "value": f1(name)} for name in names[:12]]
    order = {"space": "mine", "metric": "f1", "kind": "gbdt", "observations": observed}
    answer = running.http.post("/v1/predictors", json=order)
    assert answer.status_code == 202, answer.text
    shown = running.http.get("/v1/predictors", params={"space": "mine"}).json()["predictors"]
    assert [(entry["space"], entry["quantity"]) for entry in shown] == [("mine", "f1")]
    stored = running.store.predictor(shown[0]["id"])
    assert '"name":"mine"' in stored.spec.source[DECLARATION], "a worker makes the space from it"
    wrong = order | {"observations": [*observed, {"architecture": names[0], "value": 101}]}
    problem(running.http.post("/v1/predictors", json=wrong), 422, "observations[12].value")
