"""What every tuned constant was chosen on, so that no goal is evaluated on it.

A constant is registered with the module it stands in. A comparison whose code imports that module, directly
or not, may set no goal that is decided by a column the constant was chosen on: running it is
refused. A constant that was chosen on invented data, or by leaving out what evaluates, names no column.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that was chosen by looking at results.

    Args:
        module: where it stands.
        name: of the constant there, or a few names that were chosen together.
        chosen_on: columns as ``space/metric@task``, ``*`` for any part; empty for invented data.
        how: by which procedure, on which draws.
        decision: number of the note in ``docs/decisions``.
    """

    module: str
    name: str
    chosen_on: tuple[str, ...]
    how: str
    decision: str = ""

    def to_dict(self) -> dict[str, object]:
        """The constant as JSON."""
        return asdict(self) | {"chosen_on": list(self.chosen_on)}


CONSTANTS: tuple[Constant, ...] = ()
"""Every tuned constant that ships."""


def constants_in(modules: Sequence[str]) -> list[Constant]:
    """Constants that stand in one of the modules."""
    known = set(modules)
    return [constant for constant in CONSTANTS if constant.module in known]


def tuned_on(modules: Sequence[str], columns: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pairs of a column and the constant of these modules that was chosen on it."""
    for constant in constants_in(modules):
        for column in columns:
            if any(fnmatchcase(column, pattern) for pattern in constant.chosen_on):
                yield column, f"{constant.module}.{constant.name}"
