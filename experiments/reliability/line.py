"""A line between a client and the service that breaks where it is told to, and counts what went over it."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from experiments.reliability.target import Target

CHUNK = 1 << 16
_RESET = struct.pack("ii", 1, 0)  # lingers for no time: the other side sees a reset, as of a cut line


@dataclass
class Line:
    """What a line does, and did.

    Args:
        cuts: after how many bytes towards the service it breaks, ascending; each one once.
        on_cut: called with the number of the cut just before it.
        url: what the client calls.
        sent: bytes that went towards the service.
        broken: how often it broke.
    """

    cuts: Sequence[int]
    on_cut: Callable[[int], None] = lambda _: None
    url: str = ""
    sent: int = 0
    broken: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def _passes(self, count: int) -> bool:
        """Counts what is about to go; False where the line breaks instead."""
        with self._lock:
            if self.broken < len(self.cuts) and self.sent + count > self.cuts[self.broken]:
                self.broken += 1
                self.on_cut(self.broken)
                return False
            self.sent += count
            return True

    def _forth(self, client: socket.socket, service: socket.socket) -> None:
        with suppress(OSError):
            while content := client.recv(CHUNK):
                if not self._passes(len(content)):
                    break
                service.sendall(content)
        _cut(client, service)

    @staticmethod
    def _back(client: socket.socket, service: socket.socket) -> None:
        with suppress(OSError):
            while content := service.recv(CHUNK):
                client.sendall(content)
        _cut(client, service)


def _cut(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            end.shutdown(socket.SHUT_RD)  # wakes who reads from it
        end.close()


@contextmanager
def line(
    target: Target, cuts: Sequence[int], on_cut: Callable[[int], None] = lambda _: None
) -> Iterator[Line]:
    """A line to a service on a port of its own; gone behind the block."""
    made = Line(cuts, on_cut)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made.url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    try:
                        ends = client, target.connect()
                    except OSError:
                        client.close()
                        continue
                    for pump in (made._forth, made._back):
                        threading.Thread(target=pump, args=ends, daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
