"""``netwright data collect``: what it tells, what it does, and whose blobs it leaves alone."""

import json
import os
from contextlib import closing

import pytest
from typer.testing import CliRunner

from netwright.cli import app
from netwright.settings import Settings
from store.blobs.urls import open_blobs
from store.sql import SqlStore


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Of a service whose folder holds a blob that a job names and one that nothing names, both old."""
    monkeypatch.setenv("NETWRIGHT_DATA_DIR", str(tmp_path / "data"))
    made = Settings()
    blobs = open_blobs(made.blob_folder_url)
    named, garbage = blobs.put(b"weights"), blobs.put(b"garbage")
    for name in (named, garbage):
        os.utime(tmp_path / "data" / "blobs" / name[:2] / name, (1e9, 1e9))
    with closing(SqlStore(made.store_url)) as store:
        store.migrate()
        store.submit("design", {"generator": named})
    return made


def collect(*options, status=0):
    result = CliRunner().invoke(app, ["data", "collect", *options])
    assert result.exit_code == status, result.output
    return result


def test_a_dry_run_tells_and_a_run_sets_aside(settings):
    answer = json.loads(collect("--dry-run", "--json").stdout)
    assert (answer["dry_run"], answer["blobs"], answer["set_aside"], answer["purged"]) == (True, 2, 1, 0)
    blobs = open_blobs(settings.blob_folder_url)
    assert len(list(blobs.names())) == 2
    assert json.loads(collect("--json").stdout)["set_aside"] == 1
    assert len(list(blobs.names())) == 1 == len(list(blobs.aside()))
    assert "set aside" in collect().stdout
    assert json.loads(collect("--grace", "0.001", "--json").stdout)["purged"] == 1
    assert list(blobs.aside()) == [] and len(list(blobs.names())) == 1


def test_blobs_of_another_database_are_refused_with_what_to_set(settings, tmp_path, monkeypatch):
    collect()
    monkeypatch.setenv("NETWRIGHT_DATABASE_URL", f"sqlite:///{tmp_path / 'other.db'}")
    refused = collect(status=3)
    assert "NETWRIGHT_BLOB_URL" in refused.output and "--adopt" in refused.output
    collect("--adopt")
