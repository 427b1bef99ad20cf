"""Requests to an API that is ready wait for no collection, no thread that computes and no connecting."""

import os
import subprocess
import sys

import pytest

from store.database.engine import POOL_SIZE

CODE = """
import gc, os, signal, sys
from netwright.api import api
from netwright.settings import Settings

def ready(url):
    opened = [os.path.realpath(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd")]
    connections = sum(path.endswith("netwright.db") for path in opened)
    print(gc.get_freeze_count(), len(gc.get_objects()), sys.getswitchinterval(), connections)
    os.kill(os.getpid(), signal.SIGTERM)

api(Settings(), ready)
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What an API process says of itself when it is ready."""
    folder = tmp_path_factory.mktemp("api")
    environment = {**os.environ, "NETWRIGHT_DATA_DIR": str(folder), "NETWRIGHT_PORT": "0"}
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_full_collection_looks_at_few_of_the_objects_that_were_loaded(said):
    passed_over, looked_at = int(said[0]), int(said[1])
    assert looked_at < passed_over / 10


def test_a_thread_that_computes_hands_over_within_a_millisecond(said):
    assert float(said[2]) <= 0.001


def test_connections_are_there_before_the_first_request(said):
    assert int(said[3]) >= POOL_SIZE
