"""Reading a data set that has arrived: what is in it, checked image by image in a child process."""

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

from encoders.tasks.embedding import VERSION
from networks.images.limits import BadImages
from networks.images.read import REFUSED
from networks.images.sample import Head
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
        with tempfile.TemporaryDirectory(prefix="netwright-sample-") as folder:
            sample = Path(folder) / "sample"
            found = _described(path, sample, context)
            found["task"] = _embedded(found, sample, context)
    return Outcome(JobState.SUCCEEDED, {"digest": f"sha256:{digest}", "bytes": length, **found})


def _sha256(path: Path, context: JobContext) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(8 << 20):
            if context.should_stop():
                raise JobStopped
            digest.update(chunk)
    return digest.hexdigest()


def _described(path: Path, sample: Path, context: JobContext) -> dict[str, Any]:
    """What the child says; it also writes a sample of the images.

    Raises:
        BadImages: it refused the data set, or ended otherwise.
    """
    returncode, out, said = _run(["networks.images.describe", str(path), str(sample)], None, context)
    if returncode == REFUSED:
        refusal = json.loads(said)
        raise BadImages(refusal["message"], refusal["hint"])
    if returncode != 0:
        raise BadImages("reading it took more memory than there is for it", "smaller images or fewer files")
    found: dict[str, Any] = json.loads(out)
    return found


def _embedded(found: dict[str, Any], sample: Path, context: JobContext) -> dict[str, Any]:
    """The blob of the data set's task embedding; or why there is none."""
    if (reason := found.pop("sample")) is not None:
        return {"reason": reason}
    context.on_event("reading", message="embedding a sample of the images")
    with sample.open("rb") as file:
        images = Head.read(file).sampled
    with sample.open("rb") as file:
        returncode, out, said = _run(["encoders.tasks.embed_upload", "images"], file, context)
    if returncode == REFUSED:
        return {"reason": json.loads(said)["message"]}
    if returncode != 0:
        return {"reason": "its images could not be embedded"}
    return {"embedding": context.blobs().put(out), "version": VERSION, "images": images}


def _run(module: list[str], given: BinaryIO | None, context: JobContext) -> tuple[int, bytes, bytes]:
    """Exit status, output and errors of one of our programs.

    Raises:
        JobStopped: when asked to.
    """
    command = [sys.executable, "-m", *module]
    with subprocess.Popen(
        command, stdin=given or subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        try:
            while True:
                try:
                    out, said = child.communicate(timeout=ASK_SECONDS)
                    return child.returncode, out, said
                except subprocess.TimeoutExpired:
                    if context.should_stop():
                        raise JobStopped from None
        finally:
            child.kill()
