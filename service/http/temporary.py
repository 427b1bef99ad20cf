"""Temporary files of requests: without names, in one folder, with a bound on their total size.

A file without a name takes no room once its process has ended, however that ended.
"""

import errno
import logging
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

from service.http.budget import Budget, Full
from service.http.problems import Problem

STALE_SECONDS = 3600.0
"""Longer than any request takes; where a file system knows no files without names, older ones are removed."""
PREFIX = "netwright-"
RETRY_AFTER_SECONDS = 10

_log = logging.getLogger(__name__)


class TemporaryFiles:
    """The temporary files of one API process.

    Args:
        folder: where they are, made when it is needed; None: the system's folder for such files.
        budget: what uploads may hold there together.
    """

    def __init__(self, folder: Path | None, budget: Budget) -> None:
        self.folder = folder or Path(tempfile.gettempdir())
        self.budget = budget
        self._sweep()

    def open(self) -> BinaryIO:
        """An empty file, for what this process and its children make.

        Raises:
            OSError: ENOSPC where the disk is full.
            Problem: 503 where the folder cannot be used.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            return cast(BinaryIO, tempfile.TemporaryFile(dir=self.folder, prefix=PREFIX))
        except OSError as error:
            if is_full(error):
                raise
            _log.error("no temporary file in %s: %s", self.folder, error)
            raise Problem(503, "the service cannot keep uploads at this moment", kind="no-folder") from None

    def hold(self, client: str) -> "HeldFile":
        """An empty file for what a client sends; as :meth:`open`."""
        return HeldFile(self.open(), self.budget, client)

    def _sweep(self) -> None:
        latest = time.time() - STALE_SECONDS
        for path in self.folder.glob(f"{PREFIX}*"):
            with suppress(OSError):  # another process was faster, or it is not ours
                if path.is_file() and path.lstat().st_mtime < latest:
                    path.unlink()


class HeldFile:
    """A file whose bytes count against a budget until it is closed."""

    def __init__(self, file: BinaryIO, budget: Budget, client: str) -> None:
        self._file = file
        self._budget = budget
        self._client = client
        self._held = 0

    def write(self, data: bytes) -> int:
        """Adds bytes.

        Raises:
            OSError: ENOSPC where the disk is full.
            Problem: 503 where all uploads together hold too much.
        """
        try:
            self._budget.take(self._client, len(data))
        except Full:
            raise Problem(
                503,
                "other uploads take all the room that there is for them",
                kind="busy",
                headers={"Retry-After": str(RETRY_AFTER_SECONDS), "Connection": "close"},
            ) from None
        self._held += len(data)
        written = self._file.write(data)
        self._file.flush()  # a full disk is found now, while the client can still be answered
        return written

    def seek(self, offset: int, whence: int = 0) -> int:
        """As of any file."""
        return self._file.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        """As of any file."""
        return self._file.read(size)

    def flush(self) -> None:
        """As of any file."""
        self._file.flush()

    def fileno(self) -> int:
        """As of any file."""
        return self._file.fileno()

    def close(self) -> None:
        """Gives the room back; may be called twice."""
        with suppress(OSError):  # what did not fit on the disk is flushed once more, in vain
            self._file.close()
        self._budget.give_back(self._client, self._held)
        self._held = 0

    def __del__(self) -> None:
        self.close()


def is_full(error: OSError) -> bool:
    """Whether it says that a disk or a quota is used up."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)
