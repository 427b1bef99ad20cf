"""Uploaded data sets on a worker: their pieces put together in its cache, once for each content."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from networks.images.catalog import ImageCatalog, Uploaded
from store.blobs.blobs import Blobs
from store.datasets.dataset import DATASETS
from workers.handlers import JobContext, JobStopped

FOLDER = "datasets"


@contextmanager
def images_of(payload: dict[str, Any], context: JobContext) -> Iterator[ImageCatalog | None]:
    """What a job trains on: the worker's folder, and the data sets that its payload brings.

    Args:
        payload: of the job; what it says of data sets is taken out.
        context: the job's.
    """
    with ExitStack() as files:
        uploaded = {}
        for name, about in payload.pop(DATASETS, {}).items():
            file = dataset_file(about, context.blobs(), context.cache_dir, context.should_stop)
            path = files.enter_context(file)
            uploaded[name] = Uploaded(int(about["classes"]), int(about["side"]), path)
        catalog = ImageCatalog(context.images, uploaded)
        yield catalog if catalog else None


class DamagedDataset(ValueError):
    """The content is not what its client said it is; worth no retry: send it again."""


@contextmanager
def dataset_file(
    about: Mapping[str, Any],
    blobs: Blobs,
    cache_dir: Path | None,
    should_stop: Callable[[], bool],
    on_bytes: Callable[[int], None] = lambda _: None,
) -> Iterator[Path]:
    """The file of a data set, ``NAME.zip`` or the like in a folder of its own; whole or absent.

    Without a cache it is gone behind the block.

    Args:
        about: what :meth:`store.datasets.dataset.StoredDataset.payload` says.
        blobs: where the pieces lie.
        cache_dir: where it is kept for the next job.
        should_stop: asked between pieces.
        on_bytes: told how many bytes are there.

    Raises:
        JobStopped: when asked to.
        BlobNotFound, BlobDamaged: a piece is gone.
    """
    pieces = [(str(blob), int(size)) for blob, size in about["pieces"]]
    name = f"{about['name']}{about['ending']}"
    if cache_dir is None:
        with tempfile.TemporaryDirectory(prefix="netwright-dataset-") as passing:
            path = Path(passing) / name
            _write(path, pieces, blobs, should_stop, on_bytes)
            yield path
        return
    folder = cache_dir / FOLDER / _digest(pieces)
    path = folder / name
    if not path.exists() or path.stat().st_size != int(about["length"]):
        folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".", dir=folder))
        try:
            _write(temporary / name, pieces, blobs, should_stop, on_bytes)
            (temporary / name).replace(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    yield path


def _digest(pieces: Sequence[tuple[str, int]]) -> str:
    return hashlib.sha256(repr(pieces).encode()).hexdigest()[:32]


def _write(
    path: Path,
    pieces: Sequence[tuple[str, int]],
    blobs: Blobs,
    should_stop: Callable[[], bool],
    on_bytes: Callable[[int], None],
) -> None:
    count = 0
    with path.open("wb") as file:
        for blob, size in pieces:
            if should_stop():
                raise JobStopped
            for chunk in blobs.chunks(blob):
                file.write(chunk)
            count += size
            on_bytes(count)
        file.flush()
        os.fsync(file.fileno())
