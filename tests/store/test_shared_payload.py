"""Large parts of payloads: kept once, brought back whole; payloads of older versions stay readable."""

import pytest

from store.blobs.blobs import BlobNotFound
from store.blobs.memory import MemoryBlobs
from store.blobs.shared_payload import LEAST, SHARED, Sharing, whole


class Counting(MemoryBlobs):
    """Counts what is put."""

    puts = 0

    def put(self, content):
        self.puts += 1
        return super().put(content)


@pytest.mark.parametrize("part", ["ä" * LEAST, [["a", 0.5]] * LEAST, {"a": [None, True] * LEAST}])
def test_a_large_part_is_kept_once_and_comes_back(part):
    blobs = Counting()
    sharing = Sharing(blobs)
    payloads = [{"seed": seed, "task": "x", "measured": part} for seed in range(100)]
    small = [sharing.without_large(payload) for payload in payloads]
    assert blobs.puts == 1 and all(set(payload) == {"seed", "task", SHARED} for payload in small)
    assert [whole(payload, blobs) for payload in small] == payloads


def test_small_parts_stay_and_a_payload_of_an_older_version_is_as_it_is():
    blobs = Counting()
    payload = {"declaration": "x" * (LEAST - 3), "generator": None}
    assert Sharing(blobs).without_large(payload) == payload and blobs.puts == 0
    old = {"declaration": "x" * 10 * LEAST}
    assert whole(old, blobs) == old


def test_what_a_client_writes_into_a_part_names_no_blob():
    blobs = Counting()
    theirs = blobs.put(b'"secret"')
    payload = {"evaluator_options": {SHARED: {"training": theirs}}}
    assert whole(Sharing(blobs).without_large(payload), blobs) == payload


def test_a_lost_part_is_an_error():
    with pytest.raises(BlobNotFound):
        whole({SHARED: {"declaration": "0" * 64}}, MemoryBlobs())
