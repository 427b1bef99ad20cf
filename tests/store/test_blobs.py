"""One contract for all places of blobs. A new one joins with one line in ``PLACES``."""

import errno
import hashlib
import io
import os
import subprocess
import sys
import threading
import time
from urllib.parse import quote

import pytest

from store.blobs import folder as blobs_folder
from store.blobs import s3 as blobs_s3
from store.blobs.blobs import Area, BlobDamaged, BlobNotFound, Blobs, BlobTooLarge, is_name
from store.blobs.folder import FolderBlobs
from store.blobs.memory import MemoryBlobs
from store.blobs.urls import open_blobs
from store.jobs.job import NotFound, StoreFull, StoreUnavailable
from tests import servers

MAX_BYTES = 3_000_000


class Place:
    """Blobs, and ways to put something wrong under a name and to let a blob seem old."""

    def __init__(self, blobs, overwrite, grow_old):
        self.blobs, self.overwrite, self.grow_old = blobs, overwrite, grow_old


def memory(request, tmp_path):
    blobs = MemoryBlobs(MAX_BYTES)

    def overwrite(name, content, at=0.0):
        blobs._content[Area.KEPT, name] = at, content

    def grow_old(name):
        overwrite(name, blobs.get(name), time.monotonic() - 1000)

    return Place(blobs, overwrite, grow_old)


def folder(request, tmp_path):
    root = tmp_path / "a folder ü"
    blobs = open_blobs(root.as_uri(), max_bytes=MAX_BYTES)
    long_ago = time.time() - 1000
    return Place(
        blobs,
        lambda name, content: (root / name[:2] / name).write_bytes(content),
        lambda name: os.utime(root / name[:2] / name, (long_ago, long_ago)),
    )


def s3(request, tmp_path):
    endpoint, client = request.getfixturevalue("s3_server")
    bucket = f"blobs-{time.time_ns()}"
    client.create_bucket(Bucket=bucket)
    blobs = open_blobs(servers.s3_url(endpoint, bucket), max_bytes=MAX_BYTES)
    real, old = blobs_s3._age, set()
    request.getfixturevalue("monkeypatch").setattr(
        blobs_s3, "_age", lambda answer, at: 1000.0 if at.replace(microsecond=0) in old else real(answer, at)
    )

    def grow_old(name):
        """What was last written until now; times are whole seconds here."""
        found = client.head_object(Bucket=bucket, Key=f"some/where/{name}")["LastModified"]
        old.add(found.replace(microsecond=0))
        time.sleep(1.1)

    return Place(
        blobs,
        lambda name, content: client.put_object(Bucket=bucket, Key=f"some/where/{name}", Body=content),
        grow_old,
    )


PLACES = {"memory": memory, "folder": folder, "s3": s3}


@pytest.fixture(scope="module")
def s3_server(tmp_path_factory):
    """An S3-compatible server of our own, a process that is spoken to over HTTP."""
    with servers.s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(params=PLACES)
def place(request, tmp_path):
    return PLACES[request.param](request, tmp_path)


@pytest.fixture
def blobs(place):
    return place.blobs


@pytest.mark.parametrize("content", [b"", b"weights", os.urandom(2_500_000)], ids=["empty", "short", "long"])
def test_what_was_put_is_got_by_its_digest(blobs, content):
    name = blobs.put(content)
    assert name == hashlib.sha256(content).hexdigest()
    assert blobs.get(name) == content
    assert b"".join(blobs.chunks(name)) == content
    assert blobs.put(io.BytesIO(content)) == name
    assert list(blobs.names()) == [name]


def gone(blobs, name):
    """Removes a blob for good, as the collector does."""
    assert blobs.set_aside(name, -1)
    blobs.purge(name)


def test_a_blob_exists_until_it_is_purged(blobs):
    name, other = blobs.put(b"one"), blobs.put(b"other")
    assert blobs.exists(name)
    gone(blobs, name)
    blobs.purge(name)
    assert not blobs.exists(name) and not blobs.restore(name) and not blobs.set_aside(name, -1)
    assert list(blobs.names()) == [other]
    with pytest.raises(BlobNotFound):
        blobs.get(name)


def test_only_the_collector_can_remove_a_blob():
    assert not hasattr(Blobs, "delete")


def test_what_is_set_aside_is_not_listed_and_comes_back_when_it_is_asked_for(blobs):
    for ask in (blobs.get, lambda name: b"".join(blobs.chunks(name)), blobs.exists, blobs.restore):
        name = blobs.put(b"weights")
        assert blobs.set_aside(name, -1)
        assert list(blobs.names()) == [] and [entry.name for entry in blobs.aside()] == [name]
        assert ask(name)
        assert list(blobs.names()) == [name] and list(blobs.aside()) == []


def test_what_was_put_again_survives_the_purge_of_what_was_set_aside(blobs):
    name = blobs.put(b"weights")
    blobs.set_aside(name, -1)
    assert blobs.put(b"weights") == name
    blobs.purge(name)
    assert blobs.get(name) == b"weights"


def test_the_age_of_a_blob_begins_anew_when_it_is_put_again_or_moved(place):
    blobs = place.blobs
    name = blobs.put(b"weights")
    place.grow_old(name)
    (entry,) = blobs.entries()
    assert entry.age_seconds > 500 and entry.length == 7
    blobs.put(b"weights")
    (entry,) = blobs.entries()
    assert entry.age_seconds < 400
    assert not blobs.set_aside(name, 500), "it was put since the collector listed it"
    place.grow_old(name)
    assert blobs.set_aside(name, 500)
    (entry,) = blobs.aside()
    assert entry.age_seconds < 400, "it has its second chance before it"


def test_a_slot_holds_what_was_written_last(blobs):
    assert blobs.read_slot("a.1") is None
    blobs.drop_slot("a.1")
    blobs.write_slot("a.1", b"one")
    blobs.write_slot("a.1", b"two")
    blobs.write_slot("b-2", b"")
    assert (blobs.read_slot("a.1"), blobs.read_slot("b-2")) == (b"two", b"")
    assert sorted(entry.name for entry in blobs.slots()) == ["a.1", "b-2"]
    assert list(blobs.names()) == list(blobs.aside()) == []
    blobs.drop_slot("a.1")
    assert blobs.read_slot("a.1") is None
    for name in ("", "../a", "a/b", ".", "a" * 101, "a\n", "a\0"):
        with pytest.raises(ValueError, match="slot"):
            blobs.write_slot(name, b"")
    with pytest.raises(BlobTooLarge):
        blobs.write_slot("c", b"0" * (MAX_BYTES + 1))


def test_what_is_not_there_is_not_found(blobs):
    name = hashlib.sha256(b"never put").hexdigest()
    assert not blobs.exists(name)
    assert issubclass(BlobNotFound, NotFound)
    with pytest.raises(BlobNotFound):
        blobs.get(name)
    with pytest.raises(BlobNotFound):
        next(blobs.chunks(name))


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../" + "a" * 61,
        "/" + "a" * 63,
        "a" * 63,
        "a" * 65,
        "A" * 64,
        "g" * 64,
        "a" * 64 + "\n",
        "a" * 63 + "\0",
        "%2e%2e%2f" + "a" * 55,
        "sha256:" + "a" * 57,
        "a" * 31 + "/../" + "a" * 29,
        "٣" * 64,
    ],
)
def test_a_name_is_hexadecimal_digits_and_nothing_else(blobs, name):
    assert not is_name(name)
    assert not blobs.exists(name)
    for act in (blobs.get, lambda name: next(blobs.chunks(name)), blobs.purge, blobs.restore):
        with pytest.raises(BlobNotFound):
            act(name)


@pytest.mark.parametrize("wrong", [b"", b"weight", b"weights and more"])
def test_what_is_not_what_its_name_says_is_refused_and_can_be_mended(place, wrong):
    name = place.blobs.put(b"weights")
    place.overwrite(name, wrong)
    with pytest.raises(BlobDamaged):
        place.blobs.get(name)
    with pytest.raises(BlobDamaged):
        list(place.blobs.chunks(name))
    assert place.blobs.put(b"weights") == name
    assert place.blobs.get(name) == b"weights"


class Endless:
    """A file without end that counts what was read of it."""

    taken = 0

    def read(self, size):
        self.taken += size
        return b"\0" * size


def test_content_beyond_the_limit_is_neither_kept_nor_read_on(blobs):
    endless = Endless()
    with pytest.raises(BlobTooLarge):
        blobs.put(endless)
    assert endless.taken <= MAX_BYTES + 2_000_000
    with pytest.raises(BlobTooLarge):
        blobs.put(b"\0" * (MAX_BYTES + 1))
    assert list(blobs.names()) == []
    assert blobs.exists(blobs.put(b"\0" * MAX_BYTES))


def test_a_blob_that_grew_is_not_read_beyond_the_limit(place):
    name = place.blobs.put(b"weights")
    place.overwrite(name, b"\0" * (MAX_BYTES + 1))
    with pytest.raises(BlobTooLarge):
        place.blobs.get(name)


def test_a_source_that_breaks_leaves_nothing(blobs):
    class Broken:
        pieces = [b"begin"]

        def read(self, size):
            if self.pieces:
                return self.pieces.pop()
            raise ConnectionResetError("the client went away")

    with pytest.raises(ConnectionResetError):
        blobs.put(Broken())
    assert list(blobs.names()) == []


def test_many_may_put_the_same_at_once(blobs):
    content, names = os.urandom(300_000), []
    threads = [threading.Thread(target=lambda: names.append(blobs.put(content))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names == [hashlib.sha256(content).hexdigest()] * 8
    assert blobs.get(names[0]) == content


# what is particular to a folder
def test_a_folder_keeps_nothing_but_blobs_and_shows_them_to_its_owner_alone(tmp_path):
    blobs = FolderBlobs(tmp_path / "blobs", 10)
    name = blobs.put(b"weights")
    with pytest.raises(BlobTooLarge):
        blobs.put(b"more than ten bytes")
    files = [path for path in (tmp_path / "blobs").rglob("*") if not path.is_dir()]
    assert [path.name for path in files] == [name]
    for path in (tmp_path / "blobs").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0


def test_a_link_in_the_place_of_a_blob_is_not_followed(tmp_path):
    blobs = FolderBlobs(tmp_path / "blobs")
    name = blobs.put(b"weights")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"weights")
    place = tmp_path / "blobs" / name[:2] / name
    place.unlink()
    place.symlink_to(elsewhere)
    with pytest.raises(BlobDamaged):
        blobs.get(name)
    blobs.put(b"weights")
    assert blobs.get(name) == b"weights"
    assert not place.is_symlink()
    assert elsewhere.read_bytes() == b"weights"


def test_what_killed_processes_left_is_swept_and_what_is_being_written_is_not(tmp_path):
    FolderBlobs(tmp_path)
    old, new = tmp_path / "incoming" / "old", tmp_path / "incoming" / "new"
    old.touch()
    new.touch()
    long_ago = time.time() - blobs_folder.STALE_SECONDS - 60
    os.utime(old, (long_ago, long_ago))
    FolderBlobs(tmp_path)
    assert not old.exists()
    assert new.exists()


def test_a_writer_killed_in_the_middle_leaves_no_blob(tmp_path):
    """The content arrives through a pipe that never ends; the writer is killed while it waits."""
    script = (
        "import sys; from pathlib import Path; from store.blobs.folder import FolderBlobs;"
        "FolderBlobs(Path(sys.argv[1])).put(sys.stdin.buffer)"
    )
    writer = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE)
    writer.stdin.write(b"\0" * 3_000_000)
    writer.stdin.flush()
    deadline = time.monotonic() + 30
    while not any(path.stat().st_size for path in (tmp_path / "incoming").glob("*")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    writer.kill()
    writer.communicate()
    assert list(FolderBlobs(tmp_path).names()) == []


def test_a_full_disk_is_told_apart_from_one_that_is_away(tmp_path, monkeypatch):
    blobs = FolderBlobs(tmp_path)
    for number, expected in (
        (errno.ENOSPC, StoreFull),
        (errno.EDQUOT, StoreFull),
        (errno.EIO, StoreUnavailable),
    ):

        def refuse(descriptor, number=number):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(blobs_folder.os, "fsync", refuse)
        with pytest.raises(expected):
            blobs.put(b"weights")
    monkeypatch.undo()
    assert list(blobs.names()) == []
    assert list((tmp_path / "incoming").iterdir()) == []


# URLs
@pytest.mark.parametrize(
    "url",
    [
        "",
        "blobs",
        "/blobs",
        "file:blobs",
        "file://host/blobs",
        "file:///a%00b",
        "http://host/blobs",
        "s3://",
        "s3:///prefix",
        "s3://bucket?unknown=1",
        "s3://bucket:80/prefix",
        "s3://bucket/prefix#fragment",
    ],
)
def test_other_urls_are_refused(url):
    with pytest.raises(ValueError):
        open_blobs(url)


def test_a_secret_is_in_no_refusal():
    with pytest.raises(ValueError) as caught:
        open_blobs("s3://key:hush@bucket?unknown=1")
    assert "hush" not in str(caught.value)


def test_a_store_that_is_away_is_unavailable():
    away = open_blobs(
        f"s3://key:secret@bucket?endpoint=http://127.0.0.1:{servers.free_port()}&region=us-east-1"
    )
    for act in (lambda: away.put(b"x"), lambda: away.get("a" * 64), lambda: away.exists("a" * 64)):
        with pytest.raises(StoreUnavailable):
            act()


def test_a_bucket_that_is_not_there_is_an_error_not_an_absent_blob(s3_server):
    endpoint, _ = s3_server
    wrong = open_blobs(f"s3://key:secret@no-such-bucket?endpoint={quote(endpoint)}&region=us-east-1")
    with pytest.raises(StoreUnavailable):
        wrong.get("a" * 64)
    with pytest.raises(StoreUnavailable):
        wrong.put(b"weights")
