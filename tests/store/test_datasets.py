"""What every store must do with the data sets that tenants upload."""

import pytest

from store.blobs.collector import collect
from store.blobs.memory import MemoryBlobs
from store.datasets.dataset import KIND, DatasetExists, NoRoomForDataset, Piece, WrongOffset
from store.jobs.job import JobState, NotFound


def test_a_content_arrives_in_pieces_and_the_last_one_orders_its_reading(store):
    made, created = store.begin_dataset("pets", ".zip", 10, sha256="a" * 64)
    assert created and (made.received, made.job_id, made.pieces) == (0, None, ())
    assert store.begin_dataset("pets", ".zip", 10, sha256="a" * 64) == (made, False)
    half = store.add_piece("pets", 0, Piece("1" * 64, 6))
    assert half.received == 6 and half.job_id is None and store.jobs() == ([], False)
    again, created = store.begin_dataset("pets", ".zip", 10, sha256="a" * 64)
    assert not created and again == half
    whole = store.add_piece("pets", 6, Piece("2" * 64, 4))
    assert whole.pieces == (Piece("1" * 64, 6), Piece("2" * 64, 4)) and store.dataset("pets") == whole
    job = store.job(whole.job_id)
    assert job.kind == KIND and job.payload["pieces"] == [["1" * 64, 6], ["2" * 64, 4]]
    (listed,) = store.datasets()
    assert (listed.name, listed.received, listed.job_id) == ("pets", 10, job.id)


@pytest.mark.parametrize(("offset", "size"), [(0, 3), (5, 1), (3, 8), (3, 0), (-1, 4)])
def test_a_piece_that_does_not_fit_changes_nothing(store, offset, size):
    store.begin_dataset("pets", ".zip", 10)
    before = store.add_piece("pets", 0, Piece("1" * 64, 3))
    with pytest.raises(WrongOffset) as wrong:
        store.add_piece("pets", offset, Piece("2" * 64, size))
    assert wrong.value.offset == 3 and store.dataset("pets") == before


def test_data_sets_belong_to_one_tenant_and_are_limited(store):
    store.begin_dataset("b", ".zip", 10)
    store.begin_dataset("a", ".npz", 20)
    store.begin_dataset("b", ".zip", 30, tenant_id="other")
    assert [each.name for each in store.datasets()] == ["a", "b"]
    assert store.dataset("b", tenant_id="other").length == 30
    with pytest.raises(DatasetExists):
        store.begin_dataset("b", ".zip", 11)
    for limits in ({"most": 2}, {"most_bytes": 39}):
        with pytest.raises(NoRoomForDataset):
            store.begin_dataset("c", ".zip", 10, **limits)
    for call in (store.dataset, store.delete_dataset):
        with pytest.raises(NotFound):
            call("a", tenant_id="other")
    with pytest.raises(NotFound):
        store.add_piece("a", 0, Piece("1" * 64, 1), tenant_id="other")


def test_what_jobs_found_is_asked_for_at_once(store):
    read, unread = store.submit(KIND, {"n": 1})[0], store.submit(KIND, {"n": 2})[0]
    other, _ = store.submit(KIND, {"n": 3}, tenant_id="other")
    store.finish(store.claim(read.id, worker="w", lease_seconds=60), JobState.SUCCEEDED, result={"side": 8})
    found = store.readings([read.id, unread.id, other.id, "none"])
    assert {id: (job.state, result) for id, (job, result) in found.items()} == {
        read.id: ("succeeded", {"side": 8}),
        unread.id: ("queued", None),
    }


def test_what_is_deleted_is_gone_with_its_job_and_its_pieces_are_collected(store):
    blobs = MemoryBlobs()
    blob = blobs.put(b"0123456789")
    store.begin_dataset("pets", ".zip", 10)
    whole = store.add_piece("pets", 0, Piece(blob, 10))
    assert store.named_blobs({blob}) == {blob}
    collect(store, blobs, grace_seconds=-1)
    assert blobs.exists(blob)
    store.delete_dataset("pets")
    assert store.datasets() == [] and store.job(whole.job_id).state == "cancelled"
    made, created = store.begin_dataset("pets", ".tar", 4)
    assert created and made.id != whole.id and made.pieces == ()
