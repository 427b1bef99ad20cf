"""Every table behind one object, which is passed down to whoever needs measured truth."""

import functools
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np

from benchmarks import cache
from benchmarks.errors import TableDamaged, TableUnavailable
from benchmarks.table import Column, Rows, Table, all_tables
from spaces.known import get_space
from spaces.space import Codes, Floats

_LOG = logging.getLogger(__name__)

# Raise it when a table's conversion changes, so that older cached files are left alone.
_CONVERSION = 1


@dataclass(frozen=True, slots=True)
class TableStatus:
    """What can be said of a table without converting it.

    Args:
        name: of the table.
        space: whose architectures it measures.
        origin: the package or file that it comes from.
        columns: their keys.
        digest: SHA-256 of its file, hexadecimal; None where unavailable.
        cached: whether the converted arrays lie in the cache.
        rows: architectures in it; None where it is not yet converted.
        unavailable: why it cannot be read; None where it can.
    """

    name: str
    space: str
    origin: str
    columns: tuple[str, ...]
    digest: str | None
    cached: bool
    rows: int | None
    unavailable: str | None


class Tables:
    """Reads tables, each at most once a process, and keeps the converted arrays on disk.

    Safe for several threads, and for several processes that share ``cache_dir``.

    Args:
        cache_dir: where converted tables lie; made when needed.
        data_dir: where the ``.csv.gz`` tables lie; None where there are none.
    """

    def __init__(self, cache_dir: Path, data_dir: Path | None = None) -> None:
        self.cache_dir = cache_dir
        self.data_dir = data_dir
        self._lock = Lock()
        self._rows: dict[str, Rows] = {}
        self._damaged: dict[str, str] = {}  # digest of a file → why it cannot be converted

    # what there is
    def columns(self, space: str) -> tuple[Column, ...]:
        """Every column in a space, also those whose table is absent; reads nothing."""
        return tuple(column for table in all_tables() if table.space == space for column in table.columns)

    def column(self, space: str, key: str) -> Column:
        """The column of a quantity's key.

        Raises:
            KeyError: where no table has it.
        """
        table, index = _find(space, key)
        return table.columns[index]

    def available(self, space: str, key: str) -> str | None:
        """None where the column can be read, else the reason why not.

        Raises:
            KeyError: where no table has such a column.
        """
        return self._reason(_find(space, key)[0])

    # what was measured
    def architectures(self, space: str, key: str) -> Codes:
        """The architectures (n, v) that the column has a value for, sorted by code.

        Raises:
            KeyError: where no table has such a column.
            TableUnavailable: where its table cannot be read here.
        """
        table, index = _find(space, key)
        rows = self._read(table)
        codes: Codes = rows.codes[~np.isnan(rows.values[index])]
        return codes

    def values(self, space: str, key: str, codes: Codes) -> Floats:
        """The measured values (b,) of canonical codes (b, v); NaN where the table has none.

        Raises:
            KeyError: where no table has such a column.
            TableUnavailable: where its table cannot be read here.
        """
        table, index = _find(space, key)
        rows = self._read(table)
        position, found = rows.find(codes)
        return np.where(found, rows.values[index, position], np.nan)

    # care
    def prepare(self, progress: Callable[[TableStatus], None] | None = None) -> list[TableStatus]:
        """Converts every table that is here, so that later reads take milliseconds.

        Args:
            progress: called after each table.
        """
        statuses = []
        for table in all_tables():
            if self._reason(table) is None:
                self._read(table)
            statuses.append(self._status(table))
            if progress is not None:
                progress(statuses[-1])
        return statuses

    def status(self) -> list[TableStatus]:
        """Where each table comes from, and whether it is converted or why it cannot be; converts nothing."""
        return [self._status(table) for table in all_tables()]

    def digest(self) -> str:
        """A SHA-256 that changes when what the tables answer changes."""
        lines = [f"{_CONVERSION}", *(f"{status.name} {status.digest}" for status in self.status())]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    # inside
    def _read(self, table: Table) -> Rows:
        with self._lock:
            if table.name not in self._rows:
                data = table.fetch(self.data_dir)
                self._rows[table.name] = self._convert(table, data, hashlib.sha256(data).hexdigest())
            return self._rows[table.name]

    def _convert(self, table: Table, data: bytes, digest: str) -> Rows:
        if digest in self._damaged:
            raise TableDamaged(self._damaged[digest])
        path = self._path(table, digest)
        if (known := self._cached(table, path)) is not None:
            return known
        try:
            rows = table.convert(data)
        except TableDamaged as error:
            self._damaged[digest] = str(error)
            raise
        try:
            cache.store(path, rows)
        except OSError as error:  # it only costs the next process the conversion
            _LOG.warning("table %s is not cached in %s: %s", table.name, self.cache_dir, error.strerror)
        return rows

    def _cached(self, table: Table, path: Path) -> Rows | None:
        return cache.load(path, len(table.columns), len(get_space(table.space).variables))

    def _path(self, table: Table, digest: str) -> Path:
        """The cached file of one content, conversion and meaning of the space's codes."""
        meaning = (
            _CONVERSION,
            digest,
            get_space(table.space).variables,
            [column.key for column in table.columns],
        )
        name = hashlib.sha256(repr(meaning).encode()).hexdigest()[:16]
        return self.cache_dir / "tables" / f"{table.name}-{name}.npz"

    def _reason(self, table: Table) -> str | None:
        try:
            self._read(table)
        except TableUnavailable as error:
            return str(error)
        return None

    def _status(self, table: Table) -> TableStatus:
        digest, rows, reason = None, None, None
        try:
            data = table.fetch(self.data_dir)
            digest = hashlib.sha256(data).hexdigest()
            rows = self._cached(table, self._path(table, digest))
            reason = self._damaged.get(digest)
        except TableUnavailable as error:
            reason = str(error)
        return TableStatus(
            table.name, table.space, table.origin, tuple(column.key for column in table.columns),
            digest, rows is not None, None if rows is None else len(rows.codes), reason,
        )  # fmt: skip


def _find(space: str, key: str) -> tuple[Table, int]:
    """The table that has a column, and the column's place in it."""
    places = _places()
    if (space, key) not in places:
        raise KeyError(f"no table of {space} has a column {key!r}")
    return places[space, key]


@functools.cache
def _places() -> dict[tuple[str, str], tuple[Table, int]]:
    return {
        (table.space, column.key): (table, index)
        for table in all_tables()
        for index, column in enumerate(table.columns)
    }
