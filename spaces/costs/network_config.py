"""Which network of an architecture is meant: one value that costs, trainings and exports share.

An architecture leaves open how many classes its network distinguishes, for images of which size, and in which
skeleton its blocks or cells stand. ``Space.network_config`` fills in what a request does not say.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

FULL, SMALL = "full", "small"
SKELETONS = (FULL, SMALL)
RESOLUTIONS = (8, 1024)
"""Smallest and largest side of an image that can be asked for, in pixels."""
MOST_CLASSES = 100_000
"""That can be asked for."""


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """What decides a network besides the architecture.

    Args:
        task: of the space, whose version of the network it is; None: of no task that the space knows.
        classes: width of the output; None where the space's costs do not depend on it.
        resolution: side of the square images in pixels; None: each architecture's own, where the space has it
            as a variable, or no images.
        skeleton: ``full``, or ``small``: the space's reduced one, narrower and shallower.
    """

    task: str | None = None
    classes: int | None = None
    resolution: int | None = None
    skeleton: str = FULL

    def described(self) -> str:
        """In words.

        >>> NetworkConfig(None, 5, 96).described(), NetworkConfig(None, 2, None, SMALL).described()
        ('5 classes, 96×96 pixels', '2 classes, small skeleton')
        """
        parts = [] if self.classes is None else [f"{self.classes:,} classes"]
        parts += [] if self.resolution is None else [f"{self.resolution}×{self.resolution} pixels"]
        return ", ".join([*parts, *([] if self.skeleton == FULL else [f"{self.skeleton} skeleton"])])

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, what a result says under ``costs_for``."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Reads what :meth:`to_dict` wrote."""
        return cls(**content)
