"""Settings: read from the environment, handed to children unchanged, printed without passwords."""

import json
import logging
import os

import pytest
import structlog
from pydantic import ValidationError

from netwright import roles
from netwright.logs import set_up_logs
from netwright.settings import PREFIX, Settings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in os.environ:
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)


def test_children_get_the_settings_of_their_parent(monkeypatch, tmp_path):
    parent = Settings(
        data_dir=tmp_path, workers=3, lease_seconds=1.5, broker_url="redis://:p@h/0", log_level="debug"
    )
    for name, value in parent.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings() == parent


def test_without_a_database_the_store_is_a_file_in_the_data_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Settings(data_dir="here").store_url == f"sqlite:///{tmp_path / 'here' / 'netwright.db'}"
    assert Settings(database_url="postgresql://db/x").store_url == "postgresql://db/x"


@pytest.mark.parametrize(
    "bad", [{"workers": -1}, {"port": 70000}, {"lease_seconds": 0}, {"log_level": "loud"}]
)
def test_settings_that_make_no_sense_are_refused(bad):
    with pytest.raises(ValidationError, match=next(iter(bad))):
        Settings(**bad)


def test_no_password_is_printed():
    settings = Settings(
        database_url="postgresql://me:s3cret@db/x?sslpassword=s3cret",
        broker_url="redis://:s3cret@h:6379/0",
        blob_url="s3://key:s3cret@bucket",
    )
    for said in (str(settings), repr(settings), f"{settings}", json.dumps(settings.redacted())):
        assert "s3cret" not in said and "***" in said


def test_a_worker_without_a_broker_says_what_to_do(tmp_path):
    with pytest.raises(roles.BrokerMissing, match="NETWRIGHT_BROKER_URL"):
        roles.worker(Settings(data_dir=tmp_path))


def test_all_logs_are_json_lines_on_stderr(capsys):
    root = logging.getLogger()
    before = root.handlers[:], structlog.get_config(), root.level
    try:
        set_up_logs("INFO", "json")
        structlog.get_logger("ours").info("hello", number=1)
        logging.getLogger("theirs").warning("odd %s", "thing")
        logging.getLogger("theirs").debug("too quiet")
        try:
            raise ValueError("why")
        except ValueError:
            structlog.get_logger("ours").exception("failed")
    finally:
        root.handlers[:] = before[0]
        structlog.configure(**before[1])
        root.setLevel(before[2])
    said = capsys.readouterr()
    assert said.out == ""
    hello, odd, failed = map(json.loads, said.err.splitlines())
    assert (hello["event"], hello["number"], hello["level"]) == ("hello", 1, "info")
    assert (odd["event"], odd["logger"]) == ("odd thing", "theirs")
    assert "ValueError: why" in failed["exception"]
