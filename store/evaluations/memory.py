"""Findings of evaluations in memory: a part of :class:`store.memory.MemoryStore`."""

import threading
from collections.abc import Mapping

from store.database import strict_json
from store.evaluations.port import EvaluationStore, Found


class MemoryEvaluations(EvaluationStore):
    """The store that it is mixed into brings the lock."""

    _lock: threading.RLock

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[str, str]] = {}

    def found(self, key: str, *, tenant_id: str = "default") -> Found | None:
        with self._lock:
            kept = self._found.get((tenant_id, key))
        return None if kept is None else Found(kept[0], strict_json.load(kept[1]))

    def keep_found(
        self, key: str, content: Mapping[str, object], *, job_id: str, tenant_id: str = "default"
    ) -> Found:
        text = strict_json.dump(content)
        with self._lock:
            origin, text = self._found.setdefault((tenant_id, key), (job_id, text))
        return Found(origin, strict_json.load(text))
