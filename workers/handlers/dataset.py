"""Reading a data set that has arrived: what is in it, checked image by image in a child process."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from networks.images.limits import BadImages
from networks.images.read import REFUSED
from store.jobs.job import JobState
from workers.datasets import DamagedDataset, dataset_file
from workers.handlers import JobContext, JobStopped, Outcome, handles

ASK_SECONDS = 0.5


@handles("dataset")
def dataset(context: JobContext) -> Outcome:
    """Puts the payload's pieces together and describes them; a successor begins again."""
    about = context.job.payload
    length = int(str(about["length"]))

    def arrived(count: int) -> None:
        context.on_event("reading", message=f"{count:,} of {length:,} bytes put together")

    with dataset_file(about, context.blobs(), context.cache_dir, context.should_stop, arrived) as path:
        digest = _sha256(path, context)
        if about["sha256"] not in (None, digest):
            raise DamagedDataset(f"the content's SHA-256 is {digest}, not {about['sha256']}")
        context.on_event("reading", message="looking at every image")
        found = _described(path, context)
    return Outcome(JobState.SUCCEEDED, {"digest": f"sha256:{digest}", "bytes": length, **found})


def _sha256(path: Path, context: JobContext) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(8 << 20):
            if context.should_stop():
                raise JobStopped
            digest.update(chunk)
    return digest.hexdigest()


def _described(path: Path, context: JobContext) -> dict[str, Any]:
    """What the child says.

    Raises:
        BadImages: it refused the data set, or ended otherwise.
        JobStopped: when asked to.
    """
    command = [sys.executable, "-m", "networks.images.describe", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        try:
            while True:
                try:
                    out, said = child.communicate(timeout=ASK_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    if context.should_stop():
                        raise JobStopped from None
        finally:
            child.kill()
    if child.returncode == REFUSED:
        refusal = json.loads(said)
        raise BadImages(refusal["message"], refusal["hint"])
    if child.returncode != 0:
        raise BadImages("reading it took more memory than there is for it", "smaller images or fewer files")
    found: dict[str, Any] = json.loads(out)
    return found
