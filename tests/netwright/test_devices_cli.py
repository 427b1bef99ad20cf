"""``netwright devices``: from a probe to a device that predictions know, and plain errors on the way."""

import json

import pytest
import typer
from typer.testing import CliRunner

from netwright.cli import app
from netwright.cli.measurements import read_measurements, read_text
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
    answer = run("predict", CELL, "--space", "nasbench201", "--metric", "latency_ms@board", "--json")
    assert json.loads(answer.stdout)["predictions"][0]["latency_ms@board"]["mean"] > 0
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


ROWS = [(CELL, 12.5), ("k3_e6|skip", 3.0)]


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeff{CELL},12.5\nk3_e6|skip,3",
        f"architecture,latency_ms\n{CELL},12.5\nk3_e6|skip,3\n",
        f"{CELL},12.5\r\nk3_e6|skip,3\r\n",
        f"{CELL};12,5\nk3_e6|skip;3,0",
        f"{CELL}\t12,5\nk3_e6|skip\t3",
        f'"{CELL}","12,5"\n"k3_e6|skip","3"',
        f"sep=;\r\nArchitecture;Latency (ms)\r\n{CELL};12,5\r\n\r\nk3_e6|skip;3\r\n",
    ],
)
def test_measurements_are_read_as_spreadsheets_write_them(text):
    assert read_measurements(text, "latency_ms") == ROWS


def test_an_architecture_with_commas_keeps_them():
    assert read_measurements("layers=2|kernel=3,5,12\n") == [("layers=2|kernel=3,5", 12.0)]


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
def test_byte_order_marks_are_no_part_of_the_first_architecture(tmp_path, coding):
    file = tmp_path / "measured.csv"
    file.write_text(f"{CELL};12,5\r\nk3_e6|skip;3\r\n", encoding=coding)
    assert read_measurements(read_text(file)) == ROWS


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (f"{CELL},12,5", "decimal comma"),
        (f"{CELL},1,234.5", "thousands"),
        (f"{CELL};1.234,5", "thousands"),
        (f"net;{CELL};12,5", "3 columns"),
        (f"{CELL};fast", "no number"),
    ],
)
def test_what_is_not_read_is_refused_by_its_name(text, name):
    with pytest.raises(typer.BadParameter, match=f"line 1 .*{name}"):
        read_measurements(text)


def test_a_file_in_another_coding_is_refused_by_that_name(tmp_path):
    file = tmp_path / "measured.csv"
    file.write_bytes("Gerät;12,5".encode("latin-1"))
    with pytest.raises(typer.BadParameter, match="no UTF-8"):
        read_text(file)
