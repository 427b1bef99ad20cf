"""Declared spaces in memory: a part of :class:`store.memory.MemoryStore`."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from store import strictjson
from store.job import NotFound
from store.space import SpaceExists, StoredSpace, TooManySpaces
from store.spaces_port import SpaceStore


class MemorySpaces(SpaceStore):
    """The store that it is mixed into brings the lock and the clock."""

    _lock: threading.RLock
    _clock: Callable[[], float]

    def __init__(self) -> None:
        self._spaces: dict[tuple[str, str], StoredSpace] = {}

    def put_space(
        self, name: str, digest: str, declaration: str, *, tenant_id: str = "default", most: int = 100
    ) -> tuple[StoredSpace, bool]:
        with self._lock:
            known = self._spaces.get((tenant_id, name))
            if known is not None:
                if known.digest != digest:
                    raise SpaceExists(f"there is another space {name!r}")
                return known, False
            if len(self.spaces(tenant_id=tenant_id)) >= most:
                raise TooManySpaces(f"there are {most} spaces already")
            at = datetime.fromtimestamp(self._clock(), UTC)
            made = StoredSpace(tenant_id, name, digest, declaration, None, at)
            self._spaces[tenant_id, name] = made
            return made, True

    def set_space_job(self, name: str, digest: str, job_id: str, *, tenant_id: str = "default") -> None:
        with self._lock:
            known = self._spaces.get((tenant_id, name))
            if known is not None and known.digest == digest:
                self._spaces[tenant_id, name] = replace(known, job_id=job_id)

    def space(self, name: str, *, tenant_id: str = "default") -> StoredSpace:
        with self._lock:
            if (tenant_id, name) not in self._spaces:
                raise NotFound(f"no space {strictjson.clean(name, 64)!r}")
            return self._spaces[tenant_id, name]

    def spaces(self, *, tenant_id: str = "default") -> list[StoredSpace]:
        with self._lock:
            found = [space for (owner, _), space in self._spaces.items() if owner == tenant_id]
        return sorted(found, key=lambda space: space.name)

    def delete_space(self, name: str, *, tenant_id: str = "default") -> None:
        with self._lock:
            self.space(name, tenant_id=tenant_id)
            del self._spaces[tenant_id, name]
