"""The result of a comparison: rows, and everything that says where they come from."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from experiments.framework.context import Origin
from experiments.framework.row import Row, Verdict

FORMAT = 2
"""Of the JSON; files without it were made before rows carried where they come from."""
_WRITTEN = ("seeds", "seconds", "refused", "protocol", "digest", "commit")
"""What the frame adds to each row."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Figures with their protocol.

    Args:
        name: of the comparison.
        protocol: what was compared with what, and the seeds.
        constants: tuned constants in the code that made the rows, and what each was chosen on.
        rows: the figures.
        origins: of each row.
        seconds: what computing them cost.
        machine: processor, cores, memory and versions.
        digest: of the modules that the comparison imports.
        commit: of the code; ``-dirty`` with changes, ``unknown`` outside a checkout.

    Raises:
        ValueError: without rows, or where two have one id.
    """

    name: str
    protocol: str
    constants: Sequence[Mapping[str, object]]
    rows: tuple[Row, ...]
    origins: tuple[Origin, ...]
    seconds: float
    machine: Mapping[str, object]
    digest: str
    commit: str

    def __post_init__(self) -> None:
        ids = [row.id for row in self.rows]
        if not ids or len(set(ids)) < len(ids):
            again = sorted({id for id in ids if ids.count(id) > 1})
            raise ValueError(f"comparison {self.name} needs rows, each with an id of its own {again}".strip())
        if len(self.origins) != len(ids):
            raise ValueError(f"comparison {self.name} needs an origin for each row")

    @property
    def passes(self) -> bool:
        """Whether every row that has a goal meets it; a refused goal is not met."""
        return not any(
            row.goal is not None and self.verdict(row, origin) is not Verdict.MET
            for row, origin in zip(self.rows, self.origins, strict=True)
        )

    @staticmethod
    def verdict(row: Row, origin: Origin) -> Verdict | None:
        """The row's verdict, unless its goal is refused."""
        return Verdict.REFUSED if origin.refused else row.verdict

    def to_dict(self) -> dict[str, object]:
        """The comparison as JSON; every row carries where it comes from."""
        shared = {
            "protocol": f"{self.name}@{hashlib.sha256(self.protocol.encode()).hexdigest()[:12]}",
            "digest": self.digest,
            "commit": self.commit,
        }
        rows = [
            row.to_dict() | _origin(row, origin) | shared
            for row, origin in zip(self.rows, self.origins, strict=True)
        ]
        return {
            "format": FORMAT,
            "name": self.name,
            "protocol": self.protocol,
            "constants": [dict(constant) for constant in self.constants],
            "rows": rows,
            "seconds": self.seconds,
            "machine": dict(self.machine),
            "digest": self.digest,
            "commit": self.commit,
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """What :meth:`to_dict` gave.

        Raises:
            ValueError: for anything else; KeyError or TypeError likewise.
        """
        if fields["format"] != FORMAT:
            raise ValueError(f"figures of format {fields['format']} are of another time")
        rows = fields["rows"]
        own = {name: value for name, value in fields.items() if name not in ("format", "rows")}
        return cls(
            **own,
            rows=tuple(
                Row.from_dict({key: value for key, value in row.items() if key not in _WRITTEN})
                for row in rows
            ),
            origins=tuple(
                Origin(tuple(row["seeds"]), row["seconds"], tuple(row.get("refused", ()))) for row in rows
            ),
        )


def _origin(row: Row, origin: Origin) -> dict[str, object]:
    """What the frame adds to one row."""
    fields: dict[str, object] = {"seeds": list(origin.seeds), "seconds": origin.seconds}
    if origin.refused:
        fields |= {"verdict": str(Verdict.REFUSED), "refused": list(origin.refused)}
    return fields
