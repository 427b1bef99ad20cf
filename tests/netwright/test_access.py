"""The API does not start where others reach it, unless someone has said so."""

import pytest
from typer.testing import CliRunner

from netwright.access import UnsafeAddress, check_address
from netwright.cli import app
from netwright.settings import Settings


@pytest.mark.parametrize("command", ["serve", "api"])
@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org"])
def test_an_address_that_others_reach_is_refused(command, host, tmp_path, monkeypatch):
    monkeypatch.setenv("NETWRIGHT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("NETWRIGHT_HOST", host)
    monkeypatch.setenv("NETWRIGHT_PORT", "0")
    result = CliRunner().invoke(app, [command])
    assert result.exit_code == 2 and "NETWRIGHT_OPEN_ACCESS" in result.stderr
    assert not (tmp_path / "data").exists()


def test_only_who_says_so_listens_beyond_this_machine():
    check_address(Settings(host="0.0.0.0", open_access=True))
    for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost"):
        check_address(Settings(host=host))
    with pytest.raises(UnsafeAddress, match="every address"):
        check_address(Settings(host=""))  # every address, to the system
