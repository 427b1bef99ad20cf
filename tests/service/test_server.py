"""The server's process ends when it is asked to, whatever still runs in it."""

import signal
import subprocess
import sys
import time

import httpx

PATIENCE = 120
SERVER = """
import sys, threading, time
from pathlib import Path
from benchmarks.tables import Tables
from service.app import create_app
from service.server import ApiServer
from store.memory import MemoryStore

app = create_app(store=MemoryStore(), tables=Tables(Path("unread")))
begun = threading.Event()

def stuck():
    begun.set()
    time.sleep(600)

app.add_api_route("/stuck", stuck)
app.add_api_route("/begun", begun.is_set)
ApiServer(app, "127.0.0.1", 0, lambda url: print(url, flush=True)).run()
"""


def test_a_thread_that_does_not_end_does_not_keep_the_process():
    process = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    try:
        url = process.stdout.readline().strip()
        with httpx.Client(base_url=url, timeout=PATIENCE) as http, httpx.Client(timeout=0.2) as leaving:
            deadline = time.monotonic() + PATIENCE
            while not http.get("/begun").json() and time.monotonic() < deadline:
                try:
                    leaving.get(f"{url}/stuck")
                except httpx.TimeoutException:
                    continue
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
