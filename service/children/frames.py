"""JSON values over a pipe, each preceded by its length: the protocol with child processes."""

import json
from typing import IO, Any

MAX_BYTES = 64 << 20
"""Of one frame; a longer one is a fault."""


def write_frame(file: IO[bytes], value: object) -> None:
    """Writes one value and hands it on.

    Raises:
        OSError: nobody reads any more.
    """
    content = json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    if len(content) > MAX_BYTES:
        raise ValueError(f"a frame of {len(content):,} bytes; at most {MAX_BYTES:,}")
    file.write(len(content).to_bytes(8, "big") + content)
    file.flush()


def read_frame(file: IO[bytes]) -> Any:
    """The next value.

    Raises:
        EOFError: the other side has ended.
    """
    length = int.from_bytes(_exactly(file, 8), "big")
    if length > MAX_BYTES:
        raise EOFError(f"a frame of {length:,} bytes")
    return json.loads(_exactly(file, length))


def _exactly(file: IO[bytes], count: int) -> bytes:
    content = file.read(count)
    if len(content) < count:
        raise EOFError("the other side has ended")
    return content
