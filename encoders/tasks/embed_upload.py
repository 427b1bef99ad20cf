"""Embeds a task for a process that loads no torch: ``python -m encoders.tasks.embed_upload images|imagenet``.

Standard input holds a sample (:mod:`networks.images.sample`), or WordNet ids as a JSON list; the embedding's
bytes go to standard output. A task that cannot be embedded ends it with status 3 and the reason as JSON on
standard error.
"""

import json
import os
import sys
from typing import BinaryIO

import numpy as np

from encoders.tasks.embedding import (
    BadTask,
    TaskEmbedding,
    TaskSample,
    embed_imagenet_classes,
    embed_sample,
)
from encoders.tasks.imagenet_classes import UnknownClass
from networks.images.read import refuse
from networks.images.sample import Head, read_images

NICE = 5
"""Computing gives way to the process that answers everybody."""


def read_sample(stream: BinaryIO) -> TaskSample:
    """The sample of a stream.

    Raises:
        BadTask: it is none that a task can be made of.
    """
    head = Head.read(stream)
    images, labels = zip(*read_images(stream, head.sampled), strict=True)
    return TaskSample(images, np.array(labels, dtype=np.int64), head.classes)


def embed(kind: str, stream: BinaryIO) -> TaskEmbedding:
    """The embedding of what a stream holds.

    Raises:
        BadTask, UnknownClass: nothing can be made of it.
    """
    if kind == "images":
        return embed_sample(read_sample(stream))
    return embed_imagenet_classes([str(name) for name in json.load(stream)])


def main() -> None:
    """Reads standard input."""
    os.nice(NICE)
    try:
        with open(0, "rb", closefd=False) as stream:
            content = embed(sys.argv[1], stream).to_bytes()
    except (BadTask, UnknownClass) as error:
        refuse(str(error), "")
    with open(1, "wb", closefd=False) as out:
        out.write(content)


if __name__ == "__main__":
    main()
