"""What is used last is kept."""

import threading

from spaces.recently_used import RecentlyUsed


def test_the_oldest_goes_when_the_sizes_exceed_the_limit():
    cache = RecentlyUsed[str, bytes](10, size=len)
    assert cache.put("a", b"1234") == [] and cache.put("b", b"1234") == []
    assert cache.get("a") == b"1234"
    assert cache.put("c", b"1234") == ["b"]
    assert list(cache) == ["a", "c"] and "b" not in cache and cache.get("b") is None


def test_the_entry_used_last_stays_however_large():
    cache = RecentlyUsed[str, bytes](10, size=len)
    cache.put("a", b"1")
    assert cache.put("b", bytes(100)) == ["a"] and len(cache) == 1


def test_what_has_grown_is_counted_when_it_is_trimmed():
    cache = RecentlyUsed[str, list[int]](3, size=len)
    first = cache.get_or_put("a", list)
    second = cache.get_or_put("b", list)
    first += [1, 2]
    second += [1, 2]
    assert cache.trim() == ["a"]


def test_a_busy_entry_stays():
    cache = RecentlyUsed[str, list[int]](1, busy=bool)
    cache.put("a", [1])
    assert cache.put("b", []) == [] and cache.put("c", []) == ["b"]
    assert list(cache) == ["a", "c"]


def test_threads_that_ask_at_once_get_one_entry():
    cache, made, start = RecentlyUsed[str, object](2), [], threading.Barrier(8)

    def make():
        made.append(object())
        return made[-1]

    def ask():
        start.wait()
        found.append(cache.get_or_put("a", make))

    found: list[object] = []
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1 and found == made * 8
