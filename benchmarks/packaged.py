"""Tables that come inside an installed Python package, whose code is never imported."""

import hashlib
import importlib.metadata
from pathlib import Path
from typing import final

from benchmarks.errors import TableDamaged, TableUnavailable
from benchmarks.restricted_unpickler import Limits
from benchmarks.table import Table


class PackagedTable(Table):
    """A named file of a pinned version of a package, known by its SHA-256.

    Args:
        distribution: the package's name on PyPI.
        version: the version whose file is known.
        path: the file inside the package.
        sha256: hexadecimal digest of the file.
    """

    distribution: str
    version: str
    path: str
    sha256: str

    @final
    def fetch(self, data_dir: Path | None) -> bytes:
        """The package's file, its digest checked before anything else looks at it."""
        try:
            installed = importlib.metadata.distribution(self.distribution)
        except importlib.metadata.PackageNotFoundError:
            raise TableUnavailable(
                f"the package {self.distribution} is not installed; version {self.version} holds the table"
            ) from None
        data = read_file(Path(str(installed.locate_file(self.path))), Limits().size)
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise TableDamaged(
                f"{self.path} is not the file of {self.distribution} {self.version} (installed is "
                f"{installed.version}): its SHA-256 differs, so it was not opened; reinstall that version"
            )
        return data


def read_file(path: Path, limit: int) -> bytes:
    """A whole file of at most ``limit`` bytes.

    Raises:
        TableUnavailable: where there is no such file, or it may not be read.
        TableDamaged: where it is larger.
    """
    if not path.is_file():
        raise TableUnavailable(f"the file {path.name} is absent")
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise TableUnavailable(f"the file {path.name} cannot be read: {error.strerror}") from None
    if len(data) > limit:
        raise TableDamaged(f"{path.name} has more than the {limit} bytes admitted")
    return data
