"""A named file of an installed package, read without importing the package and known by its SHA-256."""

import hashlib
import importlib.metadata
from dataclasses import dataclass
from pathlib import Path


class BackboneUnavailable(RuntimeError):
    """The file of a pretrained network is absent or another one; never retry, install the package."""


@dataclass(frozen=True, slots=True)
class PackagedFile:
    """Where a file lies and what it must hold.

    Args:
        distribution, version: on PyPI.
        path: inside the package.
        sha256: hexadecimal digest of the file.
        size: of the file in bytes.
    """

    distribution: str
    version: str
    path: str
    sha256: str
    size: int

    def read(self) -> bytes:
        """The file, its digest checked before anything else looks at it.

        Raises:
            BackboneUnavailable: where it is absent or another one.
        """
        wanted = f"{self.distribution}=={self.version}"
        try:
            installed = importlib.metadata.distribution(self.distribution)
            with Path(str(installed.locate_file(self.path))).open("rb") as file:
                data = file.read(self.size + 1)
        except (importlib.metadata.PackageNotFoundError, OSError):
            raise BackboneUnavailable(f"{wanted} is not installed; pip install {wanted}") from None
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise BackboneUnavailable(
                f"{self.path} is not the file of {wanted}: its SHA-256 differs, so it was not opened; "
                f"pip install --force-reinstall {wanted}"
            )
        return data
