"""What threads have freed goes back to the system."""

import asyncio
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.tables import Tables
from service import server
from service.app import create_app
from store.memory import MemoryStore

CODE = """
import sys, threading
from pathlib import Path
if sys.argv[1] == "set":
    from service.http.allocator import give_back_freed_memory
    assert give_back_freed_memory()
kept, gate = [], threading.Barrier(8)
len(b"x" * (16 << 20))  # glibc: blocks of this size now come from heaps

def read():
    gate.wait()
    for megabytes in (15, 9, 4):
        body = b"x" * (megabytes << 20)
        kept.append(bytes(700))  # lies above it in the heap
        del body

for _ in range(2):
    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print(int(Path("/proc/self/statm").read_text().split()[1]) * 4096)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="these settings are glibc's")
def test_threads_keep_less_of_what_they_freed():
    def held(how):
        done = subprocess.run([sys.executable, "-c", CODE, how], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    assert held("set") < held("not") / 2


ENDS_IN_USE = """
import sys
from pathlib import Path
from service.http.allocator import give_back_freed_memory, give_back_whole_pages
give_back_freed_memory()

def held():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

blocks = [bytes(10_000) for _ in range(4_000)]
end = bytes(10_000)  # lies above them in the heap
before = held()
del blocks
if sys.argv[1] == "trimmed":
    give_back_whole_pages()
print(before - held())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="trimming is glibc's")
def test_what_is_free_below_the_end_of_a_heap_is_given_back():
    def given_back(how):
        done = subprocess.run(
            [sys.executable, "-c", ENDS_IN_USE, how], capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    assert given_back("trimmed") > 30_000_000 > 2 * max(given_back("not"), 0)


def test_a_server_gives_memory_back_now_and_then(monkeypatch):
    trimmed = []
    monkeypatch.setattr(server, "give_back_whole_pages", lambda: trimmed.append(True))
    app = create_app(store=MemoryStore(), tables=Tables(Path("unread")))

    async def ticks():
        waiting = server.ApiServer(app, "127.0.0.1", 0)
        for counter in range(1, server.TICKS_A_TRIM + 1):
            await waiting.on_tick(counter)
        await asyncio.get_running_loop().shutdown_default_executor()

    asyncio.run(ticks())
    assert trimmed == [True]
