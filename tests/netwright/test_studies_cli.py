"""``netwright studies`` and the client's studies: a loop of one's own."""

import json

import pytest
from typer.testing import CliRunner

from netwright.cli import app
from netwright.client.client import ApiError, Client


@pytest.fixture
def run(server, monkeypatch):
    """Runs a command against a server."""
    monkeypatch.setenv("NETWRIGHT_URL", server.url)

    def invoke(*arguments, status=0):
        result = CliRunner().invoke(app, ["studies", *arguments])
        assert result.exit_code == status, result.output + repr(result.exception)
        return result.stdout

    return invoke


def test_a_study_from_the_command_line(run, server):
    options = ["--space", "nasbench201", "--task", "cifar10", "--bound", "params_m<=0.5"]
    study = run("create", *options, "--strategy", "evolution").strip()
    lines = run("suggest", study, "--count", "3").split()
    assert len(set(lines)) == 3
    assert json.loads(run("suggest", study, "--count", "3", "--json"))["architectures"] == lines
    assert "1 observed, 2 waiting" in run("observe", study, lines[0], "--value", "accuracy=90.5")
    failed = run("observe", study, lines[1], "--failed", "out of memory", "--seconds", "12", "--json")
    assert json.loads(failed)["news"] == 1
    with Client(server.url) as client:
        assert [entry["seconds"] for entry in client.study(study).observations()] == [0.0, 12.0]
    answer = json.loads(run("show", study, "--json"))
    assert (answer["observed"], answer["failed"], answer["waiting"]) == (2, 1, 1)
    assert answer["best"][0]["architecture"] == lines[0]
    assert "90.5" in run("show", study)
    assert study in run("list")
    assert "closed" in run("close", study)
    run("suggest", study, status=2)
    assert json.loads(run("delete", study, "--json")) == {"deleted": study}
    run("show", study, status=2)


def test_a_recipe_is_searched_too(run, server):
    options = ["--space", "nasbench201", "--task", "cifar10", "--recipe", "optimizer=sgd,adamw"]
    study = run("create", *options, "--recipe", "epochs=4,8", "--bound", "training_macs_m<=1000").strip()
    answer = json.loads(run("suggest", study, "--count", "3", "--json"))
    for name, each in zip(answer["architectures"], answer["suggestions"], strict=True):
        assert name == each["architecture"] and name.startswith(each["network"] + "#")
        assert each["recipe"].keys() == {"optimizer", "epochs"}
    assert "1 observed" in run("observe", study, answer["architectures"][0], "--value", "accuracy=90.5")
    (best,) = json.loads(run("show", study, "--json"))["best"]
    assert best["recipe"] == answer["suggestions"][0]["recipe"] and best["values"]["training_macs_m"] <= 1000
    run("create", *options, "--recipe", "epochs", status=2)
    run("create", *options, "--recipe", "epochs=4,none", status=2)


def test_where_nothing_is_left_the_reason_is_told(run):
    options = ["--space", "nasbench201", "--task", "cifar10", "--bound", "params_m<=0.0001"]
    answer = json.loads(run("suggest", run("create", *options).strip(), "--json"))
    assert answer["architectures"] == [] and answer["exhausted"]


def test_what_makes_no_sense_is_said(run):
    study = run("create", "--space", "nasbench201", "--task", "cifar10").strip()
    run("observe", study, "cell", status=2)
    run("observe", study, "cell", "--value", "accuracy", status=2)
    run("create", "--space", "nasbench201", "--task", "cifar10", "--strategy", "guess", status=2)


def test_a_name_leads_nowhere_else(server):
    with Client(server.url) as client:
        study = client.create_study("nasbench201", "cifar10").id
        for name in (
            f"../studies/{study}",
            f"..%2Fstudies%2F{study}",
            "..",
            ".",
            "",
            "\udcff",
            f"x?{study}#y",
        ):
            for call in (client.delete_space, client.delete_predictor, client.job, client.study):
                with pytest.raises(ApiError) as caught:
                    call(name)
                assert caught.value.status == 404, (call, name)
        client.study(study)
        removed = CliRunner().invoke(app, ["spaces", "remove", f"../studies/{study}", "--url", server.url])
        assert removed.exit_code == 2 and isinstance(removed.exception, SystemExit)


def test_a_loop_that_was_cut_short_goes_on(server):
    with Client(server.url) as client:
        study = client.create_study("gnn", "cora", strategy="random", client_id="loop-1")
        first = study.suggest(2)
        study.observe(first[0], {"accuracy": 81.0}, seconds=3.0)
        again = client.study(study.id, client_id="loop-1")
        assert again.suggest(1) == first[1:]
        again.fail(first[1], "killed")
        again.observe(first[1], {"accuracy": 80.0})
        assert [entry["values"] for entry in again.observations()] == [
            {"accuracy@cora": 81.0},
            {"accuracy@cora": 80.0},
        ]
        assert again.refresh()["best"][0]["architecture"] == first[0]
        assert study.id in [entry["id"] for entry in client.studies()]
        again.observe(first[0], {"accuracy": 79.0})  # measured once more
        (repeated,) = [each for each in again.refresh()["best"] if each["architecture"] == first[0]]
        assert repeated["values"] == {"accuracy@cora": 80.0} and repeated["count"] == {"accuracy@cora": 2}
        again.delete()
