"""A cache that keeps what was used last."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class RecentlyUsed(Generic[K, V]):
    """Entries by their key; those used the longest ago go when the sizes add up to more than the limit.

    The entry used last always stays. Threads may share one.

    Args:
        limit: of the sizes' sum.
        size: of an entry; 1 each unless said otherwise. Call :meth:`trim` when it has grown.
        busy: whether an entry must stay for now, whatever its age.

    >>> cache = RecentlyUsed[str, int](2)
    >>> cache.put("a", 1), cache.put("b", 2), cache.get("a"), cache.put("c", 3)
    ([], [], 1, ['b'])
    """

    def __init__(
        self,
        limit: int,
        *,
        size: Callable[[V], int] = lambda entry: 1,
        busy: Callable[[V], bool] = lambda entry: False,
    ) -> None:
        self._limit, self._size, self._busy = limit, size, busy
        self._entries: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.RLock()

    def get(self, key: K) -> V | None:
        """What is kept under a key, used just now; None where nothing is."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def put(self, key: K, entry: V) -> list[K]:
        """Keeps an entry in the place of what its key had; returns the keys of those that went."""
        with self._lock:
            self._entries[key] = entry
            self._entries.move_to_end(key)
            return self.trim()

    def get_or_put(self, key: K, make: Callable[[], V]) -> V:
        """What is kept under a key, made at the first call, while other threads wait."""
        with self._lock:
            if key not in self._entries:
                self.put(key, make())
            self._entries.move_to_end(key)
            return self._entries[key]

    def trim(self) -> list[K]:
        """Lets the oldest go until the limit is kept; returns their keys."""
        gone: list[K] = []
        with self._lock:
            total = sum(map(self._size, self._entries.values()))
            for key in list(self._entries)[:-1]:
                if total <= self._limit:
                    break
                if not self._busy(self._entries[key]):
                    total -= self._size(self._entries.pop(key))
                    gone.append(key)
        return gone

    def pop(self, key: K) -> V | None:
        """Lets an entry go and returns it; None where there was none."""
        with self._lock:
            return self._entries.pop(key, None)

    def __iter__(self) -> Iterator[K]:
        """The keys, those used the longest ago first."""
        with self._lock:
            return iter(list(self._entries))

    def __contains__(self, key: K) -> bool:
        """Whether something is kept; this is no use of it."""
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)
