"""The description that our safetensors files carry: one JSON text, as several have no fixed order."""

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
