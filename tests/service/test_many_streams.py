"""Many event streams at once, against a server process: those that come and leave, those that stay."""

import http.client
import re
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import pytest

from experiments.reliability.streams import churn, loopback_addresses, stay
from store.sql import SqlStore
from tests.servers import new_database, postgres

HUNG_SECONDS = 20
SERVER = """
import sys
from pathlib import Path
from benchmarks.tables import Tables
from netwright.logs import set_up_logs
from service.app import create_app
from service.config import ServiceConfig
from service.server import ApiServer
from store.sql import SqlStore
set_up_logs()
store = SqlStore(sys.argv[1])
config = ServiceConfig(poll_seconds=float(sys.argv[2]))
app = create_app(store=store, tables=Tables(Path("unread")), config=config)
ApiServer(app, "127.0.0.1", 0, lambda url: print(url, flush=True)).run()
store.close()
"""

__all__ = ["postgres"]


class Api:
    """A server process over a database, and the store of that database."""

    def __init__(self, database_url, log, poll_seconds):
        self.store, self.log = SqlStore(database_url), log
        self.store.migrate()
        with log.open("wb") as sink:
            command = [sys.executable, "-c", SERVER, database_url, str(poll_seconds)]
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sink, text=True)
        self.url = self.process.stdout.readline().strip()

    def well(self):
        """The status of ``/healthz``, None where nothing answers."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=HUNG_SECONDS)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def end(self):
        """SIGTERM; what it has logged."""
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return "killed: it did not end"
        finally:
            self.process.stdout.close()
            self.store.close()
        return self.log.read_text()


@pytest.fixture(params=["sqlite", "postgresql"])
def start(request, tmp_path):
    """Starts an API over an empty database of each kind."""
    started = []

    def make(poll_seconds):
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path / 'store.db'}"
        else:
            url = new_database(request.getfixturevalue("postgres"))
        started.append(Api(url, tmp_path / "log", poll_seconds))
        return started[-1]

    yield make
    for api in started:
        if api.process.poll() is None:
            api.end()


@pytest.mark.parametrize("clients", [3, 20])
def test_clients_that_come_and_leave_never_hang_the_server(start, clients):
    # The job waits for a worker that never comes. A poll that had found nothing, met by another client before
    # the callback that took it away had run, was once awaited for ever in a loop that never suspended.
    api = start(poll_seconds=0.02)
    job, _ = api.store.submit("design", {})
    seen = churn(api.url, [job.id], clients=clients, seconds=6, longest_stay=0.06)
    assert api.well() == 200
    assert seen.opened > 0 and seen.failed == 0
    assert "Traceback" not in api.end()


def test_hundreds_of_streams_leave_at_once_without_a_fault(start):
    api = start(poll_seconds=0.2)
    jobs = [api.store.submit("design", {})[0].id for _ in range(20)]
    leases = [api.store.claim(job, worker="w", lease_seconds=3600) for job in jobs]
    stop = threading.Event()

    def work():
        while not stop.wait(0.05):
            for lease in leases[::4]:
                api.store.record(lease, kind="evaluated", data={"step": time.time()})

    worker = threading.Thread(target=work)
    worker.start()
    try:
        seen = stay(api.url, jobs, clients=300, seconds=3, addresses=loopback_addresses(3))
    finally:
        stop.set()
        worker.join()
    assert (seen.opened, seen.refused, seen.failed, seen.ended) == (300, 0, 0, 0)
    assert seen.lags
    assert api.well() == 200
    # They have left; the end of the server has nothing to say of them, nor of those who are still there.
    log = api.end()
    assert "Traceback" not in log and not re.search("ERROR|error", log)


def test_the_end_of_the_server_ends_hundreds_of_streams_without_a_fault(start):
    api = start(poll_seconds=0.2)
    job, _ = api.store.submit("design", {})
    ended = []
    streams = threading.Thread(
        target=lambda: ended.append(stay(api.url, [job.id], clients=200, seconds=30).ended)
    )
    streams.start()
    metric = re.compile(r"netwright_event_streams 200.0")
    connection = http.client.HTTPConnection(urlsplit(api.url).netloc, timeout=HUNG_SECONDS)
    deadline = time.monotonic() + 60
    while True:
        connection.request("GET", "/metrics")
        if metric.search(connection.getresponse().read().decode()):
            break
        assert time.monotonic() < deadline
        time.sleep(0.1)
    connection.close()
    log = api.end()
    assert log == ""
    streams.join()
    assert ended == [200]
