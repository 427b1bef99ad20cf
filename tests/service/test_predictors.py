"""Predictors of one's own over HTTP: trained by a job, asked, refined, deleted; what is refused."""

import numpy as np
import pytest
from api_server import Running, problem

from predictors import shipped
from predictors.kinds import KINDS
from service import dependencies
from spaces.known import get_space
from spaces.registry import NotRegistered
from store.blobs.collector import collect
from store.blobs.memory import MemoryBlobs
from store.database.ids import new_id
from store.memory import MemoryStore
from workers.environment import WorkerEnvironment
from workers.execute import execute
from workers.timeouts import Timeouts

CELLS = get_space("nasbench201")
KEY = "accuracy@cifar10"
QUANTITY = {"metric": "accuracy", "task": "cifar10"}
FIGURES = {"labels", "folds", "spearman", "kendall_tau", "coverage", "mean_absolute_error"}


def observations(count, seed=0, shift=0.0):
    codes = CELLS.sample(count, np.random.default_rng(seed))
    values = 90 + shift + 2 * np.log(CELLS.statistics(codes)["params_m"])
    pairs = zip(CELLS.format(codes), values.tolist(), strict=True)
    return [{"architecture": architecture, "value": value} for architecture, value in pairs]


def order(kind="gp", count=8, **change):
    return {"space": "nasbench201", **QUANTITY, "kind": kind, "observations": observations(count)} | change


class Served:
    """A server and the worker that does its jobs when it is told to."""

    def __init__(self, running: Running, blobs: MemoryBlobs) -> None:
        self.running, self.http, self.store, self.blobs = running, running.http, running.store, blobs

    def work(self, tenant="default"):
        for row in self.store.unpublished():
            job = execute(
                self.store,
                row.job_id,
                WorkerEnvironment(
                    worker="w",
                    tables=lambda: pytest.fail("training needs no tables"),
                    blobs=lambda: self.blobs,
                    timeouts=Timeouts(lease_seconds=20, store_seconds=2),
                    draining=lambda: False,
                    leave=lambda: None,
                ),
            )
            assert job.state == "succeeded", job.reason

    def trained(self, **change):
        answer = self.http.post("/v1/predictors", json=order(**change))
        assert answer.status_code == 202, answer.text
        self.work()
        return answer.json()["predictor"]

    def shown(self, predictor):
        return self.http.get(f"/v1/predictors/{predictor}").json()

    def predict(self, *metrics, count=3, **change):
        names = [entry["architecture"] for entry in observations(count, seed=9)]
        body = {"space": "nasbench201", "metrics": list(metrics), "architectures": names} | change
        return self.http.post("/v1/predict", json=body)


@pytest.fixture
def served(serve):
    blobs = MemoryBlobs()
    return Served(serve(MemoryStore(), blobs=blobs), blobs)


def test_a_predictor_is_trained_by_a_job_and_then_answers(served):
    answer = served.http.post("/v1/predictors", json=order(count=60))
    body = answer.json()
    assert answer.status_code == 202 and body["kind"] == "predictor" and body["state"] == "queued"
    assert answer.headers["location"] == body["urls"]["self"]
    waiting = served.shown(body["predictor"])
    assert (waiting["state"], waiting["current"], waiting["labels"]) == ("training", None, 60)
    assert waiting["urls"]["training"] == body["urls"]["self"]
    named = {**QUANTITY, "predictor": body["predictor"]}
    assert "not trained yet" in problem(served.predict(named), 422, "metrics[0].predictor")["detail"]

    served.work()
    ready = served.shown(body["predictor"])
    assert (ready["state"], ready["quantity"], ready["kind"]) == ("ready", KEY, "gp")
    assert set(ready["current"]["cross_validation"]) == FIGURES
    assert ready["current"]["cross_validation"]["spearman"] > 0.7
    found = served.predict(named, {"metric": "params_m"}).json()
    assert found["models"] == {KEY: ready["current"]["model"], "params_m": "exact"}
    row = found["predictions"][0][KEY]
    assert set(row) == {"mean", "std", "lower", "upper", "extrapolated"}
    result = served.http.get(body["urls"]["result"]).json()
    assert result["model"] == ready["current"]["model"] and result["predictor"] == body["predictor"]
    assert [entry["id"] for entry in served.http.get("/v1/predictors").json()["predictors"]] == [ready["id"]]


def test_training_does_not_change_what_calls_without_its_name_are_told(served):
    before = served.predict(QUANTITY).json()
    predictor = served.trained()
    assert served.predict(QUANTITY).json() == before
    named, latest = (served.predict({**QUANTITY, "predictor": name}).json() for name in (predictor, "latest"))
    assert named == latest and named["models"] != before["models"]
    # No gp ships: the tenant's own answers. A gbdt does.
    assert served.predict(QUANTITY, kind="gp").json()["models"] == named["models"]
    assert served.predict(QUANTITY, kind="gbdt").json()["models"] == before["models"]


def test_where_nothing_ships_ones_own_newest_answers_if_there_is_one(served, monkeypatch):
    def nothing(space, key, kind="auto"):
        raise shipped.NoModel(space, "accuracy@nothing", kind)

    monkeypatch.setattr(shipped, "chosen_kind", nothing)
    detail = problem(served.predict(QUANTITY), 422, "metrics")["detail"]
    assert "no model predicts" in detail
    served.trained(count=5)
    newest = served.shown(served.trained(count=6))["current"]["model"]
    assert served.predict(QUANTITY).json()["models"] == {KEY: newest}


def test_a_kind_that_is_not_there_is_refused_with_what_there_is(served):
    assert "there is gbdt" in problem(served.predict(QUANTITY, kind="gp"), 422, "kind")["detail"]
    latest = served.predict({**QUANTITY, "predictor": "latest"})
    assert "trained no predictor" in problem(latest, 422, "metrics[0].predictor")["detail"]
    other = served.trained(count=5)
    wrong = {"metric": "accuracy", "task": "cifar100", "predictor": other}
    assert KEY in problem(served.predict(wrong), 422, "metrics[0].predictor")["detail"]
    for name in (new_id(1.7e9), "nothing"):
        problem(served.predict({**QUANTITY, "predictor": name}), 404)


def test_few_observations_are_learned_at_once_and_the_new_version_answers(served):
    predictor = served.trained(count=30)
    named = {**QUANTITY, "predictor": predictor}
    first = served.predict(named).json()
    more = {"observations": observations(20, seed=4, shift=3.0)}
    answer = served.http.post(f"/v1/predictors/{predictor}/observe", json=more)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["labels"], body["current"]["version"], body["urls"]["training"]) == (50, 2, None)
    assert body["current"]["prequential"]["labels"] == 20
    assert body["current"]["prequential"]["mean_absolute_error"] > 2  # it had learned other values
    assert body["current"]["cross_validation"]["labels"] == 30
    second = served.predict(named).json()
    assert second["models"][KEY] == body["current"]["model"] != first["models"][KEY]
    assert second["predictions"][0][KEY]["mean"] > first["predictions"][0][KEY]["mean"]


def test_many_observations_are_learned_by_a_job_while_the_old_version_answers(served, monkeypatch):
    predictor = served.trained()
    named = {**QUANTITY, "predictor": predictor}
    first = served.predict(named).json()
    monkeypatch.setattr(KINDS.get("gp"), "inline_labels", 18)
    url = f"/v1/predictors/{predictor}/observe"
    answer = served.http.post(url, json={"observations": observations(11, seed=4)})
    assert answer.status_code == 202 and answer.json()["predictor"] == predictor
    assert served.shown(predictor)["state"] == "ready"
    assert served.predict(named).json() == first
    # While one is being trained, further ones wait for theirs.
    assert served.http.post(url, json={"observations": observations(1, seed=5)}).status_code == 202
    served.work()
    assert served.shown(predictor)["current"]["version"] == 3
    assert served.predict(named).json()["models"] != first["models"]


def test_twice_as_many_observations_are_a_fit_and_so_a_job(served):
    """It loads torch, which the API does without."""
    predictor = served.trained(count=8)
    url = f"/v1/predictors/{predictor}/observe"
    assert served.http.post(url, json={"observations": observations(7, seed=4)}).status_code == 200
    answer = served.http.post(url, json={"observations": observations(1, seed=5)})
    assert answer.status_code == 202, answer.text
    served.work()
    assert served.shown(predictor)["current"]["labels"] == 16


def test_a_kind_whose_weights_hold_no_labels_learns_all_of_them(served):
    predictor = served.trained(kind="gbdt", count=8)
    more = {"observations": observations(4, seed=4)}
    answer = served.http.post(f"/v1/predictors/{predictor}/observe", json=more)
    assert answer.status_code == 200 and answer.json()["labels"] == 12


def test_repeated_calls_with_a_key_do_one_thing(served):
    key = {"Idempotency-Key": "k"}
    first, again = (served.http.post("/v1/predictors", json=order(), headers=key) for _ in range(2))
    assert first.json() == again.json()
    problem(served.http.post("/v1/predictors", json=order(count=9), headers=key), 409)
    served.work()
    url = f"/v1/predictors/{first.json()['predictor']}/observe"
    more = {"observations": observations(2, seed=4)}
    once, twice = (served.http.post(url, json=more, headers=key) for _ in range(2))
    assert once.status_code == 200 and once.json() == twice.json() and once.json()["labels"] == 10
    problem(served.http.post(url, json={"observations": observations(1)}, headers=key), 409)
    # What was learned in vain is the collector's.
    assert collect(served.store, served.blobs, grace_seconds=-1).set_aside == 2
    assert len(list(served.blobs.names())) == 2


def test_observations_that_come_together_are_all_kept(served, monkeypatch):
    predictor = served.trained()
    known = served.store.extend_predictor
    between = observations(1, seed=7)[0]

    def first_someone_else(*args, trained=None, **named):
        monkeypatch.setattr(served.store, "extend_predictor", known)
        known(predictor, [(between["architecture"], between["value"])])
        return known(*args, trained=trained, **named)

    monkeypatch.setattr(served.store, "extend_predictor", first_someone_else)
    url = f"/v1/predictors/{predictor}/observe"
    answer = served.http.post(url, json={"observations": observations(2, seed=4)})
    assert answer.status_code == 202  # the other's version is being trained: this one waits for its turn
    served.work()
    assert served.shown(predictor)["current"]["labels"] == 11


def test_deleting_removes_weights_and_name(served):
    predictor = served.trained(count=5)
    (job,) = served.store.jobs()[0]
    assert len(list(served.blobs.names())) == 1
    assert served.http.delete(f"/v1/predictors/{predictor}").status_code == 204
    collect(served.store, served.blobs, grace_seconds=-1)
    assert list(served.blobs.names()) == []
    for answer in (
        served.http.get(f"/v1/predictors/{predictor}"),
        served.http.delete(f"/v1/predictors/{predictor}"),
        served.predict({**QUANTITY, "predictor": predictor}),
        served.http.post(f"/v1/jobs/{job.id}/retry"),
        served.http.post(f"/v1/predictors/{predictor}/observe", json={"observations": observations(1)}),
    ):
        problem(answer, 404)


def test_another_tenant_finds_nothing(served):
    predictor = served.trained(count=5)
    before = served.predict(QUANTITY).json()
    served.running.app.dependency_overrides[dependencies.get_tenant] = lambda: "other"
    assert served.http.get("/v1/predictors").json() == {"predictors": [], "has_more": False}
    url = f"/v1/predictors/{predictor}"
    problem(served.http.get(url), 404)
    problem(served.http.delete(url), 404)
    problem(served.http.post(f"{url}/observe", json={"observations": observations(1)}), 404)
    problem(served.predict({**QUANTITY, "predictor": predictor}), 404)
    problem(served.predict({**QUANTITY, "predictor": "latest"}), 422, "metrics[0].predictor")
    problem(served.predict(QUANTITY, kind="gp"), 422, "kind")
    assert served.predict(QUANTITY).json() == before


def test_a_transfer_between_precisions_is_trained_and_answers(served):
    quantity = {"metric": "accuracy", "task": "cifar10-int8-ptq"}
    predictor = served.trained(kind="precision", count=8, source={"task": "cifar10-fp32"}, **quantity)
    answer = served.predict({**quantity, "predictor": predictor})
    assert answer.status_code == 200, answer.text
    assert served.shown(predictor)["kind"] == "precision"


NAN = '{"space": "nasbench201", "metric": "accuracy", "task": "cifar10", "observations": [%s, %s]}'
CELL = '{"architecture": "%s", "value": %s}'


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"space": "nowhere"}, "space"),
        ({"metric": "beauty"}, "metric"),
        ({"metric": "params_m"}, "metric"),
        ({"task": "imagenet"}, "task"),
        ({"metric": "latency_ms"}, "device"),
        ({"kind": "oracle"}, "kind"),
        ({"kind": "precision"}, "source"),
        ({"kind": "precision", "source": {"task": "cifar10"}}, "source.task"),
        ({"kind": "precision", "source": {"task": "cifar100", "observations": []}}, "source.observations"),
        ({"source": {"task": "cifar100"}}, "source"),
        ({"observations": []}, "observations"),
        ({"observations": observations(1)}, "observations"),
        ({"observations": observations(1) * 3}, "observations"),
        ({"observations": [entry | {"value": 5.0} for entry in observations(4)]}, "observations"),
        ({"observations": [entry | {"value": 101.0} for entry in observations(4)]}, "observations[0].value"),
        ({"observations": [entry | {"value": -1e300} for entry in observations(4)]}, "observations[3].value"),
        ({"observations": [{"value": 1.0}, {"value": 2.0}]}, "observations[0].architecture"),
        ({"observations": [[observations(1)[0]["architecture"], 5.0]]}, "observations[0]"),
        (
            {"observations": [*observations(1), {"architecture": get_space("gnn").example, "value": 1.0}]},
            "observations[1].architecture",
        ),
        ({"kind": "gp", "observations": observations(2_001)}, "observations"),
        ({"tenant_id": "other"}, "tenant_id"),
    ],
)
def test_what_nothing_can_be_learned_from_is_refused(served, change, field):
    problem(served.http.post("/v1/predictors", json=order(count=4) | change), 422, field)
    assert served.http.get("/v1/predictors").json()["predictors"] == []


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999", '"nan"', "true", "null"])
def test_a_value_that_is_no_number_is_refused(served, value):
    body = NAN % (CELL % ("x", 1.0), CELL % ("y", value))
    headers = {"Content-Type": "application/json"}
    answer = served.http.post("/v1/predictors", content=body, headers=headers)
    problem(answer, 422, "observations[1].value")


def test_different_values_of_one_architecture_are_noise(served):
    twice = [entry | {"value": entry["value"] + off} for entry in observations(9) for off in (-0.5, 0.5)]
    predictor = served.trained(observations=twice)
    assert served.shown(predictor)["labels"] == 18
    names = [entry["architecture"] for entry in observations(9)]
    answer = served.predict(
        {**QUANTITY, "predictor": predictor}, architectures=names, layout="columns"
    ).json()
    mean = answer["predictions"][KEY]["mean"]
    assert np.corrcoef(mean, [entry["value"] for entry in observations(9)])[0, 1] > 0.8


def test_a_model_is_loaded_once_and_the_oldest_is_let_go(served):
    models = served.running.app.state.service.models
    ids = [served.trained(count=4 + number) for number in range(2)]
    loaded = []
    for predictor in (*ids, *ids):
        served.predict({**QUANTITY, "predictor": predictor})
        current = served.store.predictor(predictor).current
        loaded.append(models.get("nasbench201", "gp", current.model, current.labels))
    assert loaded[0] is loaded[2] and loaded[1] is loaded[3] and len(models) == 2
    models._models._limit = 1
    served.predict({**QUANTITY, "predictor": served.trained(count=6)})
    assert len(models) == 1


def test_what_lies_far_from_the_observations_is_marked_and_gets_no_interval(served):
    small = [entry for entry in observations(300) if entry["value"] < 88][:9]
    predictor = served.trained(observations=small)
    every = CELLS.sample(200, np.random.default_rng(3))
    large = CELLS.statistics(every)["params_m"] > 1.0
    answer = served.predict(
        {**QUANTITY, "predictor": predictor}, architectures=CELLS.format(every[large]), layout="columns"
    ).json()["predictions"][KEY]
    assert all(answer["extrapolated"]) and set(answer["lower"]) == set(answer["upper"]) == {None}


def test_a_predictor_whose_plug_in_is_gone_answers_which_one_it_needs(served, monkeypatch):
    predictor = served.trained()

    def gone(name):
        raise NotRegistered(f"unknown kind of predictor {name!r}; known are auto")

    monkeypatch.setattr(KINDS, "get", gone)
    url = f"/v1/predictors/{predictor}/observe"
    answer = served.http.post(url, json={"observations": observations(3, seed=9)})
    assert "unknown kind of predictor 'gp'" in problem(answer, 409)["detail"]
