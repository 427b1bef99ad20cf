"""Reads an upload from standard input and writes its sample to standard output, held to little memory.

A program (``python -m networks.images.read``), because only a process of its own can be held to limits:
what it reads was made by strangers, and the libraries that read it were written in C. It limits itself before
the first byte is read, and writes nothing but the stream that it was given.
"""

import json
import os
import resource
import sys
from typing import BinaryIO

MEMORY_BYTES = 256 << 20
"""Of addresses, libraries included; it needs about 120 MB with nothing to read."""
PROCESSOR_SECONDS = 20
MOST_WRITTEN = 192 << 20
"""Of a sample: 1,000 classes with an image of 224×224 in colour each are 144 MB."""
REFUSED = 3
"""Exit status of an upload that cannot be used; standard error then holds ``{"message", "hint"}``."""


def write_sample(file: BinaryIO, out: BinaryIO, *, a_class: int, in_all: int) -> None:
    """Writes the sample of an upload.

    Args:
        file: the upload, seekable.
        out: where the stream of :mod:`networks.images.sample` goes.
        a_class, in_all: images taken of each class and of all, at least one of each.

    Raises:
        BadImages: naming what is wrong in it.
    """
    from networks.images.arrays import is_npz, write_arrays
    from networks.images.folders import write_folders
    from networks.images.zips import open_zip

    with open_zip(file) as archive:
        write = write_arrays if is_npz(archive) else write_folders
        write(archive, out, a_class=a_class, in_all=in_all)


def limit_this_process() -> None:
    """Little memory, little time, no file that grows beyond a sample, no core dump."""
    os.nice(5)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_WRITTEN, MOST_WRITTEN))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Reads standard input."""
    # Loaded before the limit, so that what is left of it belongs to the upload.
    import networks.images.arrays
    import networks.images.folders  # noqa: F401
    from networks.images.limits import IMAGES, IMAGES_A_CLASS, BadImages

    limit_this_process()
    try:
        with open(0, "rb", closefd=False) as file, open(1, "wb", closefd=False) as out:
            write_sample(file, out, a_class=IMAGES_A_CLASS, in_all=IMAGES)
    except BadImages as error:
        refuse(error.message, error.hint)
    except MemoryError:
        refuse(
            f"reading it takes more than {MEMORY_BYTES >> 20} MB", "a few small images of each class suffice"
        )


def refuse(message: str, hint: str) -> None:
    """Ends the process with the reason."""
    sys.stderr.write(json.dumps({"message": message, "hint": hint}))
    sys.exit(REFUSED)


if __name__ == "__main__":
    main()
