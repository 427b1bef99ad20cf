"""A table: measured truth for many architectures, read from one file.

A new table is one file in this package: subclass :class:`Table` (or one of its two abstract kinds,
``packaged.PackagedTable`` and ``csv_table.CsvTable``) and call :func:`register` below the class.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.errors import TableDamaged
from spaces.metric import METRICS, Quantity
from spaces.registry import import_modules
from spaces.space import Codes, Floats

Split = Literal["test", "validation"]


@dataclass(frozen=True, slots=True)
class Column:
    """One measured quantity of a table; known even where the table's file is absent.

    Args:
        quantity: what was measured, in the metric's unit.
        table: name of the table that holds it.
        source: whom to quote.
        split: the examples that an accuracy was measured on; None for a cost.
        extra: its task is none of the space's, but another reading of one (fewer epochs, validation
            examples, a network that has aged): for comparisons, never for a design request.
        description: what was done, where the key does not say it all.
    """

    quantity: Quantity
    table: str
    source: str
    split: Split | None = None
    extra: bool = False
    description: str = ""

    @property
    def key(self) -> str:
        """The quantity's key, unique in the space."""
        return self.quantity.key

    @property
    def unit(self) -> str:
        """Unit of the values."""
        return METRICS[self.quantity.metric].unit


def architecture_keys(codes: Codes) -> NDArray[np.bytes_]:
    """One sortable byte string an architecture, whatever the number of its variables.

    Codes count from 0; adding 1 keeps numpy from cutting zeros off the end.

    Shapes:
        codes: (b, v)
        returns: (b,) of v bytes

    >>> architecture_keys(np.array([[0, 2], [1, 0]], dtype=np.int8)).tolist()
    [b'\\x01\\x03', b'\\x02\\x01']
    """
    raw = np.ascontiguousarray(codes.astype(np.uint8) + np.uint8(1))
    return raw.view(f"S{codes.shape[1]}")[:, 0]


@dataclass(frozen=True, slots=True)
class Rows:
    """A table's content, each architecture once, sorted by its key.

    Shapes:
        codes: (n, v), canonical
        values: (c, n), a line for each of the table's columns; NaN where nothing was measured
    """

    codes: Codes
    values: Floats

    @classmethod
    def of(cls, codes: Codes, values: Floats) -> "Rows":
        """Sorts and checks; an architecture that was measured several times keeps the mean.

        Raises:
            TableDamaged: for an infinite value.
        """
        if np.isinf(values).any():
            raise TableDamaged("a value is infinite")
        _, first, group = np.unique(architecture_keys(codes), return_index=True, return_inverse=True)
        known = ~np.isnan(values)
        counts = np.stack([np.bincount(group, row, len(first)) for row in known])
        sums: Floats = np.stack(
            [np.bincount(group, row, len(first)).astype(np.float64) for row in np.where(known, values, 0.0)]
        )
        means = np.full_like(sums, np.nan)
        np.divide(sums, counts, out=means, where=counts > 0)
        return cls(codes[first], means)

    def find(self, codes: Codes) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Index of each of codes (b, v), and whether it is there at all (else the index means nothing)."""
        keys, wanted = architecture_keys(self.codes), architecture_keys(codes)
        index = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return index, keys[index] == wanted


class Table(ABC):
    """A file of measurements in one space."""

    name: str
    space: str
    origin: str
    """The package or file that it comes from, as a person would name it."""
    columns: tuple[Column, ...]

    @abstractmethod
    def fetch(self, data_dir: Path | None) -> bytes:
        """The file as it is.

        Raises:
            TableUnavailable: where it is absent; the message says what would bring it.
            TableDamaged: where it is not the file that was expected.
        """

    @abstractmethod
    def convert(self, data: bytes) -> Rows:
        """The file's measurements, values in the order of ``columns``.

        Raises:
            TableDamaged: where the file's content is not what it should be.
        """


_TABLES: dict[str, Table] = {}


def register(table: Table) -> Table:
    """Makes a table known.

    Raises:
        ValueError: where the name or one of the columns is taken.
    """
    taken = {
        column.key for other in _TABLES.values() if other.space == table.space for column in other.columns
    }
    keys = [column.key for column in table.columns]
    if table.name in _TABLES or taken.intersection(keys) or len(set(keys)) < len(keys):
        raise ValueError(f"the name or a column of table {table.name} is taken")
    _TABLES[table.name] = table
    return table


@cache
def all_tables() -> Sequence[Table]:
    """Every registered table; imports this package's modules, once."""
    import_modules("benchmarks")
    return tuple(_TABLES.values())
