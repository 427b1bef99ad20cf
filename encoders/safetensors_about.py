"""The description in our safetensors files, written so that equal content has equal bytes.

The library writes several entries of a description in an order that changes from process to process.
"""

import json
from typing import Any


def about_of(data: bytes) -> dict[str, Any]:
    """The description in the bytes of a safetensors file that is known to be whole.

    Raises:
        KeyError: where there is none; TypeError or ValueError where it is damaged.
    """
    length = int.from_bytes(data[:8], "little")
    about: dict[str, Any] = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["about"])
    return about


def in_order(data: bytes) -> bytes:
    """The bytes of a safetensors file with its description's entries in alphabetical order.

    >>> header = b'{"__metadata__":{"b":"2","a":"1"}}'
    >>> in_order(len(header).to_bytes(8, "little") + header)[8:]
    b'{"__metadata__":{"a":"1","b":"2"}}      '
    """
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header.get("__metadata__", {}).items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # what follows begins at a multiple of eight, as the format asks
    return len(text).to_bytes(8, "little") + text + data[8 + length :]
