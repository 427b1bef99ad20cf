"""Spaces of one's own from the command line: checked with lines, added, designed in, removed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from netwright.cli import app

EXAMPLE = Path(__file__).parents[2] / "examples" / "transformer_encoder.toml"


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.setenv("NETWRIGHT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("NETWRIGHT_URL", raising=False)
    return lambda *words: CliRunner().invoke(app, [*map(str, words)])


def test_a_good_file_is_described(call):
    done = call("spaces", "check", EXAMPLE, "--json")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["name"] == "transformer_encoder" and answer["counted"] and answer["size"] > 100_000
    assert answer["costs"] == ["params_m", "macs_m", "peak_memory_mb"]


def test_a_bad_file_is_told_by_line(call, tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text(EXAMPLE.read_text(encoding="utf-8").replace("layers * (", "layrs * ("), encoding="utf-8")
    for words in (("spaces", "check", bad), ("spaces", "add", bad), ("design", "--space-file", bad)):
        done = call(*words)
        assert done.exit_code == 2
        assert "bad.toml:26: costs.params_m: 'layrs' is not known" in done.output.replace("\n", "")
    assert call("spaces", "check", tmp_path / "none.toml").exit_code == 2


def test_a_space_is_added_shown_and_removed(call):
    done = call("spaces", "add", EXAMPLE, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["generator"]["state"] == "queued"
    listed = json.loads(call("spaces", "list", "--json").stdout)["spaces"]
    assert "transformer_encoder" in [space["name"] for space in listed]
    assert call("spaces", "remove", "transformer_encoder").exit_code == 0
    assert call("spaces", "show", "transformer_encoder").exit_code == 2
