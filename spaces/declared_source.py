"""A declaration as text: TOML or JSON to plain data, and on which line each field stands."""

import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass

MAX_CHARACTERS = 512 * 1024
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class DeclarationProblem:
    """One thing wrong with a declaration: where, what, and what would be right.

    Args:
        field: path such as ``costs.params_m`` or ``rules[0].require``; empty for the whole.
        message: what is wrong.
        hint: what would be right.
        line: of the text, from 1; None where the declaration came as data.
    """

    field: str
    message: str
    hint: str = ""
    line: int | None = None

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line is not None else ""
        return f"{where}{self.field + ': ' if self.field else ''}{self.message}"


class DeclarationError(ValueError):
    """The declaration makes no space; never worth a retry as it stands."""

    def __init__(self, problems: Sequence[DeclarationProblem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = list(problems)


@dataclass(frozen=True, slots=True)
class Source:
    """What a text says.

    Args:
        data: its object.
        lines: line of each field that could be found, by path.
    """

    data: dict[str, object]
    lines: dict[Path, int]

    def line(self, path: Path) -> int | None:
        """The line of a field, or of what holds it."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return None


def read_source(text: str) -> Source:
    """The data of a TOML or JSON text; JSON where it begins with a brace.

    Raises:
        DeclarationError: for anything else, with the line.
    """
    if len(text) > MAX_CHARACTERS:
        raise _refused(f"the text has {len(text):,} characters, {MAX_CHARACTERS:,} are allowed")
    try:
        if text.lstrip().startswith("{"):
            data = json.loads(text, object_pairs_hook=_distinct)
            return Source(data, _json_lines(text))
        return Source(tomllib.loads(text), _toml_lines(text))
    except json.JSONDecodeError as error:
        raise _refused(f"no JSON: {error.msg} in column {error.colno}", error.lineno) from None
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        said = str(error).split(" (at ")[0]
        line = int(found[1]) if found else text.count("\n") + 1
        column = f" in column {found[2]}" if found else " at the end"
        raise _refused(f"no TOML: {said}{column}", line) from None
    except RecursionError:
        raise _refused("nested too deeply") from None
    except ValueError as error:  # numbers of thousands of digits, impossible dates
        raise _refused(str(error)) from None


def path_text(path: Path) -> str:
    """A readable path.

    >>> path_text(("rules", 0, "require"))
    'rules[0].require'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text.encode("utf-8", "backslashreplace").decode()


def _refused(message: str, line: int | None = None) -> DeclarationError:
    return DeclarationError([DeclarationProblem("", message, "see docs/spaces.md for an example", line)])


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) < len(pairs):
        twice = next(key for index, (key, _) in enumerate(pairs) if key in dict(pairs[:index]))
        raise ValueError(f"the key {twice[:100]!r} is given twice")
    return result


_JSON = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def _json_lines(text: str) -> dict[Path, int]:
    """The line of every key and entry of a valid JSON text, without recursion."""
    lines: dict[Path, int] = {}
    stack: list[list[str | int | None]] = []  # the key or index at hand, of each open object or array
    kinds: list[str] = []
    line, last, fresh = 1, 0, False
    for token in _JSON.finditer(text):
        line += text.count("\n", last, token.start())
        last = token.start()
        sign = token[0]
        if fresh and sign not in "]}":
            stack[-1][0] = json.loads(sign) if kinds[-1] == "{" else stack[-1][0]
            lines.setdefault(tuple(part[0] for part in stack if part[0] is not None), line)
            fresh = False
            if kinds[-1] == "{":
                continue
        if sign in "{[":
            stack.append([None if sign == "{" else 0])
            kinds.append(sign)
            fresh = True
        elif sign in "}]":
            stack.pop()
            kinds.pop()
            fresh = False
        elif sign == ",":
            if kinds[-1] == "[":
                stack[-1][0] = int(stack[-1][0] or 0) + 1
            fresh = True
    return lines


_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(
    r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")


def _toml_lines(text: str) -> dict[Path, int]:
    """The line of every table and key of a valid TOML text; what stands inside a value has its key's line."""
    lines: dict[Path, int] = {}
    table: Path = ()
    counts: dict[Path, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if header := _HEADER.match(line):
            table = _parts(header[2])
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                lines.setdefault(table, number)
                table = (*table, counts[table])
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            whole = table + _parts(key[1])
            for end in range(len(table) + 1, len(whole) + 1):
                lines.setdefault(whole[:end], number)
    return lines


def _parts(dotted: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))
