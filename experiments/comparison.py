"""The result of a comparison: rows, and everything that says where they come from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from experiments.row import Row


@dataclass(frozen=True, slots=True)
class Comparison:
    """Figures with their protocol.

    Args:
        name: of the comparison.
        protocol: what was compared with what, and the seeds.
        rows: the figures.
        seconds: what computing them cost.
        machine: processor, cores, memory and versions.
        commit: of the code; ``-dirty`` with changes, ``unknown`` outside a checkout.

    Raises:
        ValueError: without rows, or where two have one id.
    """

    name: str
    protocol: str
    rows: tuple[Row, ...]
    seconds: float
    machine: Mapping[str, object]
    commit: str

    def __post_init__(self) -> None:
        ids = [row.id for row in self.rows]
        if not ids or len(set(ids)) < len(ids):
            raise ValueError(f"comparison {self.name} needs rows, each with an id of its own")

    @property
    def passes(self) -> bool:
        """Whether every row that has a goal meets it."""
        return all(row.passes for row in self.rows)

    def to_dict(self) -> dict[str, object]:
        """The comparison as JSON."""
        return {
            "name": self.name,
            "protocol": self.protocol,
            "rows": [row.to_dict() for row in self.rows],
            "seconds": self.seconds,
            "machine": dict(self.machine),
            "commit": self.commit,
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """What :meth:`to_dict` gave.

        Raises:
            ValueError: for anything else; KeyError or TypeError likewise.
        """
        return cls(**(dict(fields) | {"rows": tuple(Row.from_dict(row) for row in fields["rows"])}))
