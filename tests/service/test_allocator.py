"""What threads have freed goes back to the system."""

import platform
import subprocess
import sys

import pytest

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
