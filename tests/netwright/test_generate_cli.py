"""``netwright generate``: within bounds, in this process, on a device that is there."""

import json

import pytest
from typer.testing import CliRunner

from netwright.cli import app
from spaces.known import get_space


@pytest.fixture
def call(monkeypatch):
    monkeypatch.delenv("NETWRIGHT_URL", raising=False)
    return lambda *words: CliRunner().invoke(app, ["generate", *words])


def test_what_is_generated_is_valid_unique_within_bounds_and_the_same_for_a_seed(call):
    words = ("mnasnet", "--bound", "params_m<=4", "--objective", "macs_m", "--count", "5", "--json")
    first, again, other = (call(*words, "--seed", seed) for seed in ("1", "1", "2"))
    answer = json.loads(first.stdout)
    assert first.exit_code == 0 and (answer["state"], answer["device"]) == ("succeeded", "cpu")
    found = [row["architecture"] for row in answer["result"]["architectures"]]
    space = get_space("mnasnet")
    assert len(set(found)) == 5
    assert (space.statistics(space.parse_many(found))["params_m"] <= 4).all()
    assert [row["architecture"] for row in json.loads(again.stdout)["result"]["architectures"]] == found
    assert other.exit_code == 0


def test_what_cannot_be_is_said(call):
    infeasible = call("nasbench201", "--bound", "params_m<=0.0001", "--objective", "macs_m")
    assert infeasible.exit_code == 4 and "nearest: |none~0|" in infeasible.output
    for words, said in (
        (("mnasnet", "--device", "abacus"), "no device 'abacus'; torch has cpu"),
        (("nowhere",), "no space 'nowhere'"),
        (("mnasnet", "--task", "cifar10"), "'cifar10' is no task of mnasnet"),
        ((), "give a space, or --space-file"),
        (("ofa_mobilenetv3",), "no accuracy that could be meant"),
    ):
        done = call(*words)
        assert done.exit_code == 2, done.output
        assert said in " ".join(done.output.split()), done.output
