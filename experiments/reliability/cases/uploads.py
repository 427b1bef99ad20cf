"""D1: a whole data set over a line that is cut five times, to an API that is killed meanwhile."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from experiments.reliability.case import Measured, case
from experiments.reliability.stack import serving
from experiments.reliability.uploads import CUTS, archive, read, upload, watched

MEGABYTES, SHORT_MEGABYTES = 1000, 100
READER = "networks.images.describe"


@case(
    "D1",
    "a data set over a line that is cut five times, the API killed",
    {
        "breaks": ("of the line", f"== {CUTS}"),
        "sent-twice": ("MB a break", "<= 9"),
        "acknowledged-lost": ("answers", "== 0"),
        "right": ("of 1", "== 1"),
        "api-memory": ("MB", "<= 300"),
        "worker-memory": ("MB", "<= 300"),
        "reader-memory": ("MB", "<= 300"),
        "upload-seconds": ("s", None),
        "read-seconds": ("s", None),
    },
    attack=False,
)
def uploads(stack: str, full: bool) -> Measured:
    """1 GB; the short form has 100 MB. The reader is the child in which a worker looks at every image."""
    with TemporaryDirectory(prefix="netwright-upload-") as folder, serving(stack) as served:
        path = Path(folder) / "large.zip"
        counts = archive(path, MEGABYTES if full else SHORT_MEGABYTES)
        with watched(served) as seen:
            arrived = upload(served, path)
            begin = time.monotonic()
            shown = read(served)
            read_seconds = time.monotonic() - begin
    figures = {
        "breaks": arrived.breaks,
        "sent-twice": arrived.sent_twice_mb,
        "acknowledged-lost": seen.lost,
        "right": shown["state"] == "ready" and shown["images"] == {"train": counts},
        "api-memory": seen.memory_mb["api"],
        "worker-memory": seen.memory_mb["worker"],
        "reader-memory": seen.memory_mb.get(READER, 0.0),
        "upload-seconds": arrived.seconds,
        "read-seconds": read_seconds,
    }
    peaks = ", ".join(f"{name} {peak:.0f} MB" for name, peak in sorted(seen.memory_mb.items()) if name)
    got = f"{shown['state']} {shown['reason'] or ''}; the API killed {arrived.kills} times; peaks: {peaks}"
    return Measured({name: float(value) for name, value in figures.items()}, got)
