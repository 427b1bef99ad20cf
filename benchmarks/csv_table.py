"""Tables that lie as ``.csv.gz`` in a data directory: UTF-8, one header line, missing = empty."""

import csv
import gzip
import io
import zlib
from abc import abstractmethod
from pathlib import Path
from typing import final

import numpy as np

from benchmarks.errors import TableDamaged, TableUnavailable
from benchmarks.packaged import read_file
from benchmarks.table import Column, Rows, Table
from spaces.space import Codes, Floats

_MOST_PACKED = 16 * 2**20
_MOST_UNPACKED = 64 * 2**20


class CsvTable(Table):
    """One file of the data directory.

    Args:
        file: its name.
        fields: the file's column for each of the table's columns, in the order of ``columns``; other columns
            of the file are ignored. A table that makes several columns of one overrides :meth:`values`.
    """

    file: str
    fields: dict[str, Column]

    @abstractmethod
    def architectures(self, text: "Text") -> Codes:
        """The codes (n, v) of the file's lines.

        Raises:
            InvalidArchitecture: for an entry that is not an architecture of the space.
        """

    def values(self, text: "Text") -> Floats:
        """The numbers (c, n) of the file's lines, in the order of ``columns``: those of ``fields``."""
        return np.stack([text.numbers(field) for field in self.fields])

    @final
    def fetch(self, data_dir: Path | None) -> bytes:
        """The packed file."""
        if data_dir is None:
            raise TableUnavailable(f"no data directory is set (NETWRIGHT_DATA); it would hold {self.file}")
        return read_file(data_dir / self.file, _MOST_PACKED)

    @final
    def convert(self, data: bytes) -> Rows:
        """Parses the packed file."""
        text = Text(self.file, data)
        try:
            values, codes = self.values(text), self.architectures(text)
        except ValueError as error:
            raise TableDamaged(f"{self.file}: {error}") from None
        return Rows.of(codes, values)


class Text:
    """The columns of a file, still as text.

    Raises:
        TableDamaged: where it is no gzip of UTF-8, a line has not the header's number of fields, or it
            unpacks to more than is sensible.
    """

    def __init__(self, file: str, data: bytes) -> None:
        self.file = file
        try:
            with gzip.open(io.BytesIO(data)) as packed:
                raw = packed.read(_MOST_UNPACKED + 1)
            if len(raw) > _MOST_UNPACKED:
                raise TableDamaged(f"{file} unpacks to more than {_MOST_UNPACKED} bytes")
            header, *lines = csv.reader(io.StringIO(raw.decode("utf-8")), strict=True)
            self._columns = dict(zip(header, zip(*lines, strict=True), strict=True))
        except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error, ValueError) as error:
            raise TableDamaged(f"{file} is no table: {error}") from None

    def column(self, field: str) -> tuple[str, ...]:
        """One column's entries, from top to bottom.

        Raises:
            TableDamaged: where the header does not name it.
        """
        if field not in self._columns:
            raise TableDamaged(f"{self.file} has no column {field!r}")
        return self._columns[field]

    def numbers(self, field: str) -> Floats:
        """One column's numbers; NaN where the entry is empty.

        Raises:
            TableDamaged: for an entry that is no number.
        """
        try:
            return np.array([float(entry) if entry else np.nan for entry in self.column(field)])
        except ValueError as error:
            raise TableDamaged(f"{self.file}, column {field!r}: {error}") from None
