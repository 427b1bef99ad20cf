"""Parts of payloads that many jobs have in common: kept once, as blobs that the payloads name.

A batch of a thousand designs in a declared space would else hold its declaration a thousand times. Which
parts are kept so stands under a name of its own at the top of the payload, where no client writes.
"""

import hashlib
import json
from collections.abc import Mapping

from store.blobs.blobs import Blobs

SHARED = "shared"
"""In a payload: name of a part → the blob that holds it as JSON."""
LEAST = 8 * 1024
"""Bytes of JSON of the smallest part that is kept apart."""


class Sharing:
    """Takes large parts out of the payloads of one call, each put once.

    Args:
        blobs: where they are kept, the same as the workers'.
    """

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._put: set[str] = set()
        self._texts: dict[str, str] = {}
        """Blob of each large part that is a text: a declaration is written down once for all that name it."""

    def without_large(self, payload: Mapping[str, object]) -> dict[str, object]:
        """The payload with the names of blobs in place of its large parts; :func:`whole` brings them back."""
        small: dict[str, object] = {}
        shared: dict[str, str] = {}
        for name, part in payload.items():
            if isinstance(part, str) and part in self._texts:
                shared[name] = self._texts[part]
                continue
            text = json.dumps(part, ensure_ascii=False, allow_nan=False).encode()
            if len(text) < LEAST:
                small[name] = part
            else:
                shared[name] = self._kept(text)
                if isinstance(part, str):
                    self._texts[part] = shared[name]
        return small | ({SHARED: shared} if shared else {})

    def _kept(self, text: bytes) -> str:
        name = hashlib.sha256(text).hexdigest()
        if name not in self._put:
            self._put.add(self._blobs.put(text))
        return name


def whole(payload: Mapping[str, object], blobs: Blobs) -> dict[str, object]:
    """A payload with all its parts; one that holds them itself, as older versions wrote it, as it is.

    Raises:
        BlobNotFound, BlobDamaged: a part is lost.
    """
    parts = dict(payload)
    shared = parts.pop(SHARED, {})
    assert isinstance(shared, Mapping)
    return parts | {name: json.loads(blobs.get(str(blob))) for name, blob in shared.items()}
