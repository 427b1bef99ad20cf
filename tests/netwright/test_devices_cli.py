"""``netwright devices``: from a probe to a device that predictions know, and plain errors on the way."""

import json

import pytest
import typer
from typer.testing import CliRunner

from netwright.cli import app
from netwright.cli.devices import read_measurements
from netwright.client.client import ApiError, Client

CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|none~2|"


@pytest.fixture
def run(server, monkeypatch):
    """Runs a command against a server."""
    monkeypatch.setenv("NETWRIGHT_URL", server.url)

    def invoke(*arguments, status=0, given=None):
        result = CliRunner().invoke(app, list(arguments), input=given)
        assert result.exit_code == status, result.output + repr(result.exception)
        return result

    return invoke


def test_probe_add_list_predict(run, tmp_path):
    lines = run("devices", "probe", "--space", "nasbench201", "--count", "6").stdout.split()
    assert len(set(lines)) == 6
    as_json = json.loads(run("devices", "probe", "--space", "nasbench201", "--count", "6", "--json").stdout)
    assert as_json["architectures"] == lines
    file = tmp_path / "measured.csv"
    rows = [f"{cell},{1 + cell.count('conv_3x3')}.5" for cell in lines]
    file.write_text("architecture,value\n" + "\n".join(rows) + "\n", encoding="utf-8")
    added = run("devices", "add", "board", "--space", "nasbench201", "--file", str(file), "--json")
    assert json.loads(added.stdout)["measurements"] == 6
    table = run("devices", "add", "board", "--space", "nasbench201", "--file", "-", given=file.read_text())
    assert "board" in table.stdout
    assert "measured by you" in run("devices", "list", "--space", "nasbench201").stdout
    told = run("predict", CELL, "--space", "nasbench201", "--metric", "latency_ms@board", "--json")
    assert json.loads(told.stdout)["predictions"][0]["latency_ms@board"]["mean"] > 0
    removed = run("devices", "remove", "board", "--space", "nasbench201", "--json")
    assert json.loads(removed.stdout)["removed"] == "board"
    run("devices", "remove", "board", "--space", "nasbench201", status=2)


def test_errors_name_the_measurement(run):
    twice = f"{CELL},1\n{CELL},2\n"
    failed = run("devices", "add", "board", "--space", "nasbench201", "--file", "-", given=twice, status=2)
    assert "measurements[1].architecture" in failed.stderr
    run("devices", "add", "board", "--space", "nasbench201", "--file", "no/such/file", status=2)


@pytest.mark.parametrize("text", ["cell", "cell,fast", "cell,nan", "a,1\ncell,", ",3"])
def test_lines_that_are_none_are_refused(text):
    with pytest.raises(typer.BadParameter, match="line"):
        read_measurements(text)


def test_lines_may_have_tabs_and_commas_within():
    assert read_measurements('a,b\t1.5\n\n"c",2') == [("a,b", 1.5), ("c", 2.0)]


def test_the_client_tells_what_is_wrong(server):
    with Client(server.url) as client, pytest.raises(ApiError, match="measurements"):
        client.add_device("board", "nasbench201", [(CELL, 1.0)])
