"""A figure that someone else reported, with who reported it and where."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Publication:
    """Where figures were published.

    Args:
        author: the first author or authors.
        year: of the publication.
        where: title or venue, and the table or figure.

    Raises:
        ValueError: where one of them is missing.

    >>> Publication("Lee et al.", 2021, "HELP, NeurIPS, Table 3").reports(0.925).value
    0.925
    """

    author: str
    year: int
    where: str

    def __post_init__(self) -> None:
        if not self.author.strip() or not self.where.strip() or not 1900 < self.year < 2200:
            raise ValueError(f"a publication needs author, year and where (venue, table), not {self}")

    def reports(self, value: float) -> "Published":
        """A figure of this publication."""
        return Published(value, self.author, self.year, self.where)


@dataclass(frozen=True, slots=True)
class Published:
    """A published figure; made by :meth:`Publication.reports`."""

    value: float
    author: str
    year: int
    where: str

    def __post_init__(self) -> None:
        Publication(self.author, self.year, self.where)
        if not math.isfinite(self.value):
            raise ValueError("a published figure is a finite number")

    def __str__(self) -> str:
        return f"{self.value:g} ({self.author} {self.year}, {self.where})"

    def to_dict(self) -> dict[str, object]:
        """The figure as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """What :meth:`to_dict` gave."""
        return cls(**fields)
