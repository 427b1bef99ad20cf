"""A space of one's own over HTTP: declared, shown, designed in, predicted in, deleted; what is refused."""

import json
from pathlib import Path

import pytest
from api_server import problem

from service.routes import predict
from spaces import known
from spaces.declared import space as declared_module
from spaces.declared.space import DeclaredSpace
from spaces.declared.space import declare as declare_here
from spaces.known import forget_space, knows_space
from store.blobs.memory import MemoryBlobs
from store.blobs.shared_payload import whole
from store.jobs.job import JobState

TOML = """
name = "mlp"
tasks = ["digits"]
[variables]
layers = [1, 2, 3]
width = [8, 16, 32, 64]
act = { choices = ["relu", "tanh"], repeat = 3, active = "i <= layers" }
[costs]
params_m = "layers * width * (width + 1) / 1e6"
cost_area = { formula = "width * 0.5", unit = "mm2" }
"""
EXAMPLE = Path(__file__).parents[2] / "examples" / "transformer_encoder.toml"


@pytest.fixture
def running(serve):
    return serve()


def declare(running, text=TOML, status=201):
    answer = running.http.post("/v1/spaces", json={"toml": text})
    assert answer.status_code == status, answer.text
    return answer.json()


def observed(count):
    rows = [
        f'[[observations]]\narchitecture = "layers=1|width={8 * 2 ** (i % 4)}|act={act},-,-"\n'
        f"accuracy = {60 + 5 * (i % 4)}"
        for i, act in enumerate(["relu"] * 4 + ["tanh"] * 4)
    ]
    return TOML + "\n".join(rows[:count])


def test_a_space_is_declared_once_listed_shown_and_deleted(running):
    made = declare(running)
    assert (made["name"], made["size"], made["counted"], made["declared"]) == ("mlp", 56, True, True)
    assert made["generator"]["kind"] == "space" and made["generator"]["state"] == "queued"
    area = next(metric for metric in made["metrics"] if metric["name"] == "cost_area")
    assert (area["unit"], area["direction"]) == ("mm2", "minimize")
    assert declare(running, status=200)["generator"]["id"] == made["generator"]["id"]
    listed = {space["name"]: space["declared"] for space in running.http.get("/v1/spaces").json()["spaces"]}
    assert listed["mlp"] is True and listed["gnn"] is False
    assert running.http.get("/v1/spaces/mlp").json() == made
    assert running.http.get(f"/v1/spaces/user:mlp@{made['digest'][:16]}").json() == made
    problem(running.http.post("/v1/spaces", json={"toml": TOML.replace("64", "128")}), 409)
    assert running.http.delete("/v1/spaces/mlp").status_code == 204
    problem(running.http.delete("/v1/spaces/mlp"), 404)
    problem(running.http.get("/v1/spaces/mlp"), 404)
    assert running.store.job(made["generator"]["id"]).state is JobState.CANCELLED


@pytest.mark.parametrize(
    "text, field, said",
    [
        (TOML.replace("(width + 1)", "(widht + 1)"), "toml.costs.params_m", "line 9: 'widht' is not known"),
        (TOML.replace('"i <= layers"', '"i <= 0"'), "toml.variables.act", "never present"),
        (TOML.replace("[1, 2, 3]", "[1, 1, 3]"), "toml.variables.layers[1]", "line 5: 1 is given twice"),
        (TOML.replace("width * 0.5", "1 / (layers - 2)"), "toml.costs.cost_area", "division by zero"),
        (TOML.replace('"mlp"', '"gnn"'), "toml.name", "a space already"),
        (TOML + "[graf]\n", "toml.graf", "line 11: unknown key"),
        ("name = [", "toml", "line 1"),
        ("[" * 100_000, "toml", ""),
    ],
)
def test_a_bad_declaration_names_the_line_and_the_reason(running, text, field, said):
    errors = problem(running.http.post("/v1/spaces", json={"toml": text}), 422, field)["errors"]
    assert said in next(error["message"] for error in errors if error["field"] == field)
    assert running.store.spaces() == [] and running.store.waiting() == 0


def test_a_declaration_is_one_of_two_forms(running):
    data = {"name": "tiny", "variables": {"a": [1, 2], "b": ["x", "y"]}, "costs": {"cost_a": "a"}}
    assert running.http.post("/v1/spaces", json={"declaration": data}).status_code == 201
    problem(running.http.post("/v1/spaces", json={}), 422, "declaration")
    problem(running.http.post("/v1/spaces", json={"declaration": data, "toml": TOML}), 422, "declaration")
    wrong = data | {"costs": {"cost_a": "a - 1"}}
    said = problem(
        running.http.post("/v1/spaces", json={"declaration": wrong}), 422, "declaration.costs.cost_a"
    )
    assert "is 0, for example for a=1" in said["detail"]


def test_a_design_carries_the_space_and_another_tenants_is_unknown(running):
    made = declare(running)
    order = {"space": "mlp", "task": "digits", "objectives": [{"metric": "cost_area"}]}
    job = running.store.job(running.http.post("/v1/designs", json=order).json()["id"])
    assert job.payload["space"] == f"user:mlp@{made['digest'][:16]}"
    assert '"name":"mlp"' in job.payload["declaration"] and job.payload["generator"] is None
    running.store.put_space("theirs", made["digest"], "{}", tenant_id="other")
    for name in ("theirs", f"user:theirs@{made['digest'][:16]}", f"user:mlp@{'0' * 16}", "user:", "nowhere"):
        problem(running.http.post("/v1/designs", json=order | {"space": name}), 422, "space")
        problem(running.http.get(f"/v1/spaces/{name}"), 404)
    running.http.delete("/v1/spaces/mlp")
    problem(running.http.post("/v1/designs", json=order | {"space": job.payload["space"]}), 422, "space")


def test_designs_of_a_batch_share_one_copy_of_a_large_declaration(serve):
    blobs = MemoryBlobs()
    running = serve(blobs=blobs)
    repeated = "\n".join(observed(8).splitlines()[-24:] * 200)
    declare(running, f"{observed(8)}\n{repeated}")
    order = {"space": "mlp", "task": "digits", "objectives": [{"metric": "cost_area"}]}
    batch = {"template": order, "grid": {"seed": list(range(20))}}
    parent = running.http.post("/v1/batches", json=batch).json()["id"]
    children, _ = running.store.jobs(parent_id=parent, limit=100)
    declaration = running.store.space("mlp").declaration
    assert len(children) == 20 and len(declaration) > 100_000
    assert all(len(json.dumps(job.payload)) < 2_000 for job in children)
    assert all(whole(job.payload, blobs)["declaration"] == declaration for job in children)
    assert sum(1 for _ in blobs.names()) == 1


def test_observations_make_predictors_and_too_few_say_so(running, monkeypatch):
    def loaded(*_, **__):
        raise AssertionError("a process of the API fits Gaussian processes: it loads torch")

    monkeypatch.setattr("predictors.gaussian_processes.exact_gp.fit_groups", loaded)
    accuracy = {"space": "mlp", "task": "digits", "objectives": [{"metric": "accuracy"}]}
    declare(running, observed(4))
    said = problem(running.http.post("/v1/designs", json=accuracy), 422, "objectives[0]")
    assert "at least 5 observations" in said["errors"][0]["hint"]
    running.http.delete("/v1/spaces/mlp")
    made = declare(running, observed(8))
    assert made["predictable"] == ["accuracy@digits"]
    assert running.http.post("/v1/designs", json=accuracy).status_code == 202
    asked = {
        "space": "mlp",
        "metrics": [{"metric": "accuracy", "task": "digits"}, {"metric": "params_m"}],
        "architectures": ["layers=1|width=64|act=relu,-,-", {"layers": 1, "width": 8, "act1": "relu"}],
        "layout": "columns",
    }
    answer = running.http.post("/v1/predict", json=asked).json()
    assert answer["predictions"]["params_m"]["mean"] == [64 * 65 / 1e6, 8 * 9 / 1e6]
    best, worst = answer["predictions"]["accuracy@digits"]["mean"]
    assert 60 <= worst < best <= 100
    assert answer["models"]["accuracy@digits"].startswith("sha256:")


def test_a_training_that_ended_badly_is_repeated_and_shown(running):
    first = declare(running)["generator"]["id"]
    running.store.cancel(first)
    second = running.http.post(f"/v1/jobs/{first}/retry").json()["id"]
    shown = running.http.get("/v1/spaces/mlp").json()["generator"]["id"]
    assert shown == second != first
    running.store.cancel(second)
    third = declare(running, status=200)["generator"]
    assert third["id"] not in (first, second) and third["state"] == "queued"


def test_a_list_builds_no_space_but_those_that_an_older_version_stored(running, monkeypatch):
    made = declare(running)
    text = running.store.space("mlp").declaration
    older = text.replace('"mlp"', '"older"')
    running.store.put_space("older", declare_here(json.loads(older)).digest, older)
    for name in list(known._ADDED):
        forget_space(name)
    built = []

    class Counted(DeclaredSpace):
        def __init__(self, declaration):
            built.append(declaration.name)
            super().__init__(declaration)

    monkeypatch.setattr(declared_module, "DeclaredSpace", Counted)
    for _ in range(2):
        listed = {entry["name"]: entry for entry in running.http.get("/v1/spaces").json()["spaces"]}
        assert listed["mlp"] == {"name": "mlp", "title": "mlp", "size": made["size"], "declared": True}
        assert listed["older"]["size"] == made["size"]
    assert built == ["older"]


def test_a_deleted_space_is_forgotten(running):
    made = declare(running)
    name = f"user:mlp@{made['digest'][:16]}"
    assert knows_space(name)
    running.http.delete("/v1/spaces/mlp")
    assert not knows_space(name)


def test_a_call_has_no_more_work_than_the_service_takes(running, monkeypatch):
    declare(running)
    monkeypatch.setattr(predict, "MAX_OPERATIONS", 30)
    asked = {"space": "mlp", "metrics": [{"metric": "params_m"}]}
    asked["architectures"] = ["layers=1|width=64|act=relu,-,-"] * 9
    said = problem(running.http.post("/v1/predict", json=asked), 413)
    assert "for 1 metrics takes at most 1 architectures" in said["detail"]
    # As many formulas again for each further metric.
    asked |= {"metrics": [{"metric": "params_m"}, {"metric": "cost_area"}], "architectures": ["-"]}
    assert (
        "takes at most 0 architectures"
        in problem(running.http.post("/v1/predict", json=asked), 413)["detail"]
    )


def test_errors_name_a_space_as_its_owner_does(running):
    declare(running)
    order = {"space": "mlp", "task": "digits", "objectives": [{"metric": "params_m"}]}
    predicted = {"space": "mlp", "architectures": ["layers=1|width=64|act=relu,-,-"]}
    trained = order | {
        "objectives": [{"metric": "accuracy"}],
        "evaluations": 4,
        "evaluator": {"accuracy": "training"},
    }
    for path, body in (
        ("/v1/designs", order | {"task": "words"}),
        ("/v1/designs", order | {"constraints": [{"metric": "energy_mj", "max": 1}]}),
        ("/v1/designs", trained),
        ("/v1/predict", predicted | {"metrics": [{"metric": "macs_m"}]}),
        ("/v1/predict", predicted | {"metrics": [{"metric": "params_m", "task": "words"}]}),
        ("/v1/predict", predicted | {"metrics": [{"metric": "accuracy", "task": "digits"}]}),
    ):
        answer = running.http.post(path, json=body)
        assert answer.status_code == 422, (body, answer.text)
        assert "user:" not in answer.text


def test_the_example_is_accepted(running):
    text = EXAMPLE.read_text(encoding="utf-8")
    assert declare(running, text)["size"] > 100_000
