"""Files of measurements: lines of ARCHITECTURE,VALUE as people and spreadsheets write them.

Columns are parted by a tab, else by a semicolon, else by the line's last comma. A byte-order mark, a header,
quotes, any line ending and, where no comma parts the columns, decimal commas are read. A line that can be
read in two ways is refused, and the message says which line.
"""

import codecs
import csv
import math
import re
import sys
from pathlib import Path

import typer

from spaces.metric import METRICS, value_fault

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_WORDS = re.compile(r"[A-Za-z][A-Za-z _\-()/.#]*[0-9]?")
_NO_HEADINGS = {"nan", "inf", "infinity", "none", "null", "n/a", "na"}
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+(?:[eE][+-]?[0-9]+)?")
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?:(?:,[0-9]{3})+\.[0-9]+|(?:\.[0-9]{3})+,[0-9]+|(?:,[0-9]{3}){2,})")


def read_text(file: Path) -> str:
    """A file's text, or standard input's; an error of the command where it cannot be read."""
    try:
        if str(file) == "-":
            return sys.stdin.read()
        content = file.read_bytes()
        coding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8")
        return content.decode(coding)
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error}") from None
    except UnicodeDecodeError as error:
        raise typer.BadParameter(
            f"{file} cannot be read: it is no UTF-8 text ({error.reason} at byte {error.start}); save it as "
            "CSV UTF-8"
        ) from None


def read_measurements(text: str, metric: str | None = None) -> list[tuple[str, float]]:
    """Architectures and values of lines.

    Args:
        metric: what the values are of; None where only the server knows.

    >>> read_measurements("architecture,value\\nk3_e1 skip,2.5\\n", "latency_ms")
    [('k3_e1 skip', 2.5)]
    >>> read_measurements("\\ufeffnet;latency (ms)\\r\\nk3_e1;2,5\\r\\n", "latency_ms")
    [('k3_e1', 2.5)]

    Raises:
        typer.BadParameter: naming the line that is none.
    """
    lines = [
        (number, line.strip())
        for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1)
        if line.strip()
    ]
    if lines and lines[0][1].lower() in ("sep=;", "sep=,", "sep=\t"):
        del lines[0]  # a spreadsheet's word to itself
    rows = [(number, *_cells(number, line)) for number, line in lines]
    if len(rows) > 1 and all(_is_heading(cell) for cell in rows[0][1:]):
        del rows[0]
    return [(architecture, _value(number, value, metric)) for number, architecture, value in rows]


def _cells(number: int, line: str) -> tuple[str, str]:
    """Architecture and value of a line."""
    mark = next((mark for mark in "\t;" if mark in line), ",")
    cells = next(csv.reader([line], delimiter=mark, skipinitialspace=True)) if '"' in line else []
    if not cells:
        # An architecture may hold commas, never a tab or a semicolon.
        cells = line.rsplit(mark, 1) if mark == "," else line.split(mark)
    if len(cells) > 2:
        raise typer.BadParameter(
            f"line {number} has {len(cells)} columns; two are read, ARCHITECTURE and VALUE: {line[:80]!r}"
        )
    if len(cells) < 2 or not cells[0].strip():
        raise typer.BadParameter(f"line {number} is not ARCHITECTURE,VALUE: {line[:80]!r}")
    architecture, value = (cell.strip() for cell in cells)
    if mark == "," and "=" not in architecture and re.search(r",[0-9]+$", architecture):
        raise typer.BadParameter(
            f"line {number} has a decimal comma or thousands separators, and commas between its columns: "
            f"{line[:80]!r} (write 12.5, or semicolons between the columns)"
        )
    return architecture, value


def _is_heading(cell: str) -> bool:
    return _WORDS.fullmatch(cell) is not None and cell.lower() not in _NO_HEADINGS


def _value(number: int, text: str, metric: str | None) -> float:
    if _THOUSANDS.fullmatch(text):
        raise typer.BadParameter(f"line {number} has thousands separators in {text!r}: leave them out")
    if _DECIMAL_COMMA.fullmatch(text):
        text = text.replace(",", ".")
    try:
        measured = float(text)
    except ValueError:
        measured = math.nan
    if not math.isfinite(measured):
        raise typer.BadParameter(f"line {number} is not ARCHITECTURE,VALUE: {text[:80]!r} is no number")
    # A metric that is not known the server refuses, with those that are.
    fault = value_fault(metric, measured) if metric in METRICS and metric is not None else None
    if fault is not None:
        raise typer.BadParameter(f"line {number}: the value {fault}")
    return measured
