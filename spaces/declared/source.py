"""A declaration as text: TOML or JSON to plain data, and on which line each field stands.

Anyone may send such a text. Its size and nesting are checked before it is parsed, and every pattern runs in
linear time.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import tomli

from spaces.declared.json_structure import Limits, TooMuch, check_structure

MAX_CHARACTERS = 512 * 1024
MAX_DEPTH = 16
"""Tables and lists in each other."""
MAX_PARTS = 8
"""Of a dotted TOML key."""
MAX_SIGNS = 30_000
"""Keys, tables, lists and entries of a TOML text together: the work of its parser."""
JSON_LIMITS = Limits(
    depth=MAX_DEPTH,
    lists=20_000,
    objects=20_000,
    entries=20_000,
    names=1_000,
    members=60_000,
    string_bytes=MAX_CHARACTERS,
)
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


class Source:
    """What a text says.

    Args:
        data: its object.
        text: the text itself; empty where the declaration came as data.
    """

    def __init__(self, data: Mapping[str, object], text: str = "") -> None:
        self.data = dict(data)
        self._unread = _json_lines(text) if _is_json(text) else _toml_lines(text)
        self._lines: dict[Path, int] = {}

    def line(self, path: Path) -> int | None:
        """The line of a field, or of what holds it; None where the declaration came as data."""
        for end in range(len(path), 0, -1):
            if (line := self._line(path[:end])) is not None:
                return line
        return None

    def _line(self, path: Path) -> int | None:
        """Finds the line of a field, lazily: only a refused declaration needs it."""
        if path[0] in self.data and path not in self._lines:
            for known, line in self._unread:
                self._lines.setdefault(known, line)
                if known == path:
                    break
        return self._lines.get(path)


def read_source(text: str) -> Source:
    """The data of a TOML or JSON text; JSON where it begins with a brace.

    Raises:
        DeclarationError: for anything else, with the line; and for more than the limits above.
    """
    if len(text) > MAX_CHARACTERS:
        raise _refused(f"the text has {len(text):,} characters, {MAX_CHARACTERS:,} are allowed")
    try:
        if _is_json(text):
            check_structure(text.encode("utf-8", "surrogatepass"), JSON_LIMITS)
            return Source(json.loads(text, object_pairs_hook=_distinct), text)
        _check_toml(text)
        return Source(tomli.loads(text), text)
    except TooMuch as error:
        raise _refused(f"the text {error}") from None
    except json.JSONDecodeError as error:
        raise _refused(f"no JSON: {error.msg} in column {error.colno}", error.lineno) from None
    except tomli.TOMLDecodeError as error:
        column = "at the end" if error.pos >= len(error.doc) else f"in column {error.colno}"
        raise _refused(f"no TOML: {error.msg} {column}", error.lineno) from None
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


def _is_json(text: str) -> bool:
    return text.lstrip().startswith("{")


def _refused(message: str, line: int | None = None) -> DeclarationError:
    return DeclarationError([DeclarationProblem("", message, "see docs/spaces.md for an example", line)])


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result: dict[str, object] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"the key {key[:100]!r} is given twice")
        result[key] = value
    return result


_JSON = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[{}\[\],:]|[^\s{}\[\],:"]++')


def _json_lines(text: str) -> Iterator[tuple[Path, int]]:
    """Every key and entry of a valid JSON text, with its line."""
    stack: list[list[str | int | None]] = []  # the key or index at hand, of each open object or array
    kinds: list[str] = []
    line, last, fresh = 1, 0, False
    for token in _JSON.finditer(text):
        line += text.count("\n", last, token.start())
        last = token.start()
        sign = token[0]
        if fresh and sign not in "]}":
            stack[-1][0] = json.loads(sign) if kinds[-1] == "{" else stack[-1][0]
            yield tuple(part[0] for part in stack if part[0] is not None), line
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


# A string without an end goes to the end of its line or of the text; the parser refuses it there.
_TEXT = (
    r'"""(?:[^"\\]++|\\.|"(?!""))*+(?:"{3,5})?'
    r"|'''(?:[^']++|'(?!''))*+(?:'{3,5})?"
    r'|"(?:[^"\\\n]++|\\[^\n])*+"?'
    r"|'[^'\n]*+'?"
)
_COMMENT = r"#[^\n]*+"
_QUIET = re.compile(rf"{_COMMENT}|{_TEXT}", re.DOTALL)
_TOKEN = re.compile(
    rf"""{_COMMENT}|(?P<text>{_TEXT})|(?P<sign>[\[\]{{}}=,.\n])|(?P<bare>[^\s"'#\[\]{{}}=,.]++)""", re.DOTALL
)
_LONG_KEY = re.compile(rf"(?:\.[^.,=\[\]{{}}\n]*+){{{MAX_PARTS}}}")
_NO_BRACKETS = re.compile(r"[^\[\]{}]++")


def _check_toml(text: str) -> None:
    """Refuses a text whose parsing takes long: long keys, deep nesting, very many values.

    Raises:
        TooMuch: it passes one of the limits.
    """
    bare = _QUIET.sub("", text)
    if sum(map(bare.count, "=,[{")) > MAX_SIGNS:
        raise TooMuch(f"has more than {MAX_SIGNS:,} keys, tables, lists and entries")
    if _LONG_KEY.search(bare):
        raise TooMuch(f"has a key of more than {MAX_PARTS} parts")
    depth = 0
    for bracket in _NO_BRACKETS.sub("", bare):
        depth += 1 if bracket in "[{" else -1
        if depth > MAX_DEPTH:
            raise TooMuch(f"is nested too deeply: {MAX_DEPTH} levels at most")


def _toml_lines(text: str) -> Iterator[tuple[Path, int]]:
    """Every table and key of a valid TOML text, with its line; what stands in a value has its key's line."""
    table: Path = ()
    counts: dict[Path, int] = {}
    for line, brackets, name in _toml_statements(text):
        if not brackets:
            for end in range(1, len(name) + 1):
                yield table + name[:end], line
            continue
        table = name
        yield table, line
        if brackets == 2:
            counts[table] = counts.get(table, -1) + 1
            table = (*table, counts[table])
            yield table, line


def _toml_statements(text: str) -> Iterator[tuple[int, int, Path]]:
    """Line, brackets and name of every ``key = …`` (no bracket), ``[table]`` (1) and ``[[table]]`` (2)."""
    line, brackets, depth, in_value = 1, 0, 0, False
    name: list[str] = []
    for token in _TOKEN.finditer(text + "\n"):
        word, kind = token[0], token.lastgroup
        if word == "\n":
            if brackets:
                yield line, brackets, tuple(name)
            if depth <= 0:  # a list goes on over lines
                brackets, depth, in_value, name = 0, 0, False, []
        elif in_value:
            depth += (word in "[{") - (word in "]}")
        elif word == "=":
            yield line, 0, tuple(name)
            in_value = True
        elif word == "[":
            brackets += 1
        elif kind == "text" or kind == "bare":
            name.append(word[1:-1] if kind == "text" else word)
        line += word.count("\n")
