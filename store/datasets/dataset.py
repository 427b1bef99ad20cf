"""A data set that a tenant uploads: its content as it arrives, and the job that reads it. Plain data."""

from dataclasses import dataclass, field
from datetime import datetime

KIND = "dataset"
"""Of the job that reads a data set once it is there."""
DATASETS = "datasets"
"""What a job's payload says of the data sets that it trains on: name → :meth:`StoredDataset.payload` and
size."""


class DatasetExists(ValueError):
    """The tenant has another data set of this name; delete it, or choose a name."""


class NoRoomForDataset(ValueError):
    """The tenant holds as many data sets or bytes as one may; worth a retry once one is deleted."""


class WrongOffset(ValueError):
    """A piece that does not begin where the content ends; go on from :attr:`offset`.

    Args:
        offset: bytes that are there.
    """

    def __init__(self, offset: int) -> None:
        super().__init__(f"the content goes on at byte {offset}")
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a content: the blob that holds it, and how many bytes it has."""

    blob: str
    size: int


@dataclass(frozen=True, slots=True)
class StoredDataset:
    """A data set; unique for each tenant and name.

    Args:
        id: of this upload; another one of the same name has another.
        tenant_id: whose it is.
        name: as it was given.
        ending: of the file, such as ``.zip``.
        length: bytes of the whole content.
        received: bytes that are kept; the content is whole when these are all.
        sha256: of the whole content, as the client said it; None where it did not.
        job_id: of the job that reads it; None while it arrives.
        created_at: by the store's clock.
        pieces: of the content, in order.
    """

    id: str
    tenant_id: str
    name: str
    ending: str
    length: int
    received: int
    sha256: str | None
    job_id: str | None
    created_at: datetime
    pieces: tuple[Piece, ...] = field(default=(), repr=False)

    def payload(self) -> dict[str, object]:
        """What a job must know to read it."""
        return {
            "name": self.name,
            "ending": self.ending,
            "length": self.length,
            "sha256": self.sha256,
            "pieces": [[piece.blob, piece.size] for piece in self.pieces],
        }
