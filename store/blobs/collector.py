"""The collector of blobs: mark and sweep, with a second chance, beside everything that works.

Nobody deletes a blob by hand, since equal content of others has the same name. A pass of the collector

1. lists what is set aside, and the blobs that were last put longer ago than the grace time;
2. asks the store which of these names any row has;
3. brings back what is set aside and named, and purges what is not named and was aside for the grace time;
4. sets aside the listed blobs that are not named and were not put again since.

What is asked for while it is set aside comes back by itself. So a blob is lost only if its name is committed
in a row more than the grace time after the blob was put, or after the name was read from a row that had it:
decision 31 has the argument. Two collectors at once do no more harm than one.

Slots of jobs that have ended are dropped; as nothing else writes them, no second chance is needed.
"""

from dataclasses import dataclass

import structlog

from store.blobs.blobs import Blobs, Entry
from store.jobs.job import StoreError
from store.port import Store

log = structlog.get_logger(__name__)

GRACE_SECONDS = 3600.0
"""Far more than lies between putting a blob and committing the row that names it."""
OWNER = "owner"
"""The slot that says whose blobs these are."""


class ForeignBlobs(StoreError):
    """The blobs belong to another database, whose rows are not seen here; set another place, or adopt them.

    A retry changes nothing.
    """


@dataclass(frozen=True, slots=True)
class Collected:
    """What one pass did, or would have done.

    Args:
        blobs: how many there were, without those that were set aside before.
        bytes: their length.
        set_aside: blobs that no row named.
        restored: blobs that were set aside, and that a row names.
        purged: blobs that were removed for good.
        purged_bytes: their length.
        dropped_slots: slots of jobs that have ended.
    """

    blobs: int
    bytes: int
    set_aside: int
    restored: int
    purged: int
    purged_bytes: int
    dropped_slots: int


def collect(
    store: Store,
    blobs: Blobs,
    *,
    grace_seconds: float = GRACE_SECONDS,
    dry_run: bool = False,
    adopt: bool = False,
) -> Collected:
    """One pass.

    Args:
        grace_seconds: how long a blob stays that no row names, and how long again once it is set aside.
        dry_run: whether everything stays as it is.
        adopt: whether to take over blobs of another database, which must be gone.

    Raises:
        ForeignBlobs: the place belongs to another database.
    """
    _claim(store, blobs, dry_run, adopt)
    count = length = 0
    old: set[str] = set()
    for entry in blobs.entries():
        count, length = count + 1, length + entry.length
        if entry.age_seconds > grace_seconds:
            old.add(entry.name)
    aside = {entry.name: entry for entry in blobs.aside()}
    named = store.named_blobs(old | aside.keys())
    restored = sorted(named & aside.keys())
    purged = [
        entry for name, entry in aside.items() if name not in named and entry.age_seconds > grace_seconds
    ]
    unnamed = sorted(old - named)
    slots = _ended_slots(store, blobs, grace_seconds)
    if not dry_run:
        for name in restored:
            log.warning("a blob that was set aside is named; it is back", blob=name)
            blobs.restore(name)
        for entry in purged:
            blobs.purge(entry.name)
        unnamed = [name for name in unnamed if blobs.set_aside(name, grace_seconds)]
        for slot in slots:
            blobs.drop_slot(slot)
    freed = sum(entry.length for entry in purged)
    return Collected(count, length, len(unnamed), len(restored), len(purged), freed, len(slots))


def slot_of(job_id: str, key: str) -> str:
    """The slot in which a job keeps something under a key of hexadecimal digits."""
    return f"{job_id}.{key}"


def _claim(store: Store, blobs: Blobs, dry_run: bool, adopt: bool) -> None:
    mine = store.identity()
    owner = blobs.read_slot(OWNER)
    if owner is not None and owner != mine.encode() and not adopt:
        raise ForeignBlobs(
            "these blobs belong to another database, which removes what its own rows do not name: set "
            "NETWRIGHT_BLOB_URL to a place of its own, or, if that database is gone, run "
            "`netwright data collect --adopt`"
        )
    if owner != mine.encode() and not dry_run:
        blobs.write_slot(OWNER, mine.encode())


def _ended_slots(store: Store, blobs: Blobs, grace_seconds: float) -> list[str]:
    """Slots of jobs that have ended, or that are not known."""
    by_job: dict[str, list[Entry]] = {}
    for entry in blobs.slots():
        if entry.name != OWNER and entry.age_seconds > grace_seconds:
            by_job.setdefault(entry.name.partition(".")[0], []).append(entry)
    unfinished = store.unfinished_jobs(by_job.keys())
    return [entry.name for job, found in by_job.items() if job not in unfinished for entry in found]
