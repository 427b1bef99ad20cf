"""Every regular expression that sees text from outside takes time in proportion to the text.

The patterns are found in the code, with the way in which it uses them, and run so over texts made of their
own characters. What goes over the same characters again takes seconds there, all else milliseconds.
"""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bounded_time import processor_time

ROOT = Path(__file__).parents[1]
ROOMS = ("spaces", "store", "search", "networks", "service", "workers", "netwright")
METHODS = frozenset({"match", "fullmatch", "search", "finditer", "findall", "split", "sub"})
CHARACTERS = 30_000
SECONDS = 0.5
"""Of processor time for one text: most take a millisecond, what is quadratic takes several times as long."""
NOT_FROM_OUTSIDE = {
    "netwright/cli/quantities.py": "a person's own command line",
    "netwright/settings.py": "the operator's settings",
    "service/http/docs_page.py": "a page that a package brings",
}
COMMON = "a0 \n"

Use = tuple[str, "re.Pattern[str]", str]


def uses() -> Iterator[Use]:
    """File, pattern and method of every use."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            where = str(path.relative_to(ROOT))
            text = path.read_text(encoding="utf-8")
            if where in NOT_FROM_OUTSIDE or not re.search(r"^import re$|^from re import", text, re.MULTILINE):
                continue
            module = importlib.import_module(where.removesuffix(".py").replace("/", "."))
            yield from uses_in(where, ast.parse(text), vars(module))


def uses_in(where: str, tree: ast.Module, known: dict[str, object]) -> Iterator[Use]:
    top = {
        id(node) for statement in tree.body if isinstance(statement, ast.Assign) for node in [statement.value]
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner, method = node.func.value, node.func.attr
        if not isinstance(owner, ast.Name):
            continue
        if owner.id == "re" and method == "compile":
            assert id(node) in top, f"{where}:{node.lineno}: compile patterns at the top of a module"
        elif owner.id == "re" and method in METHODS:
            first = node.args[0]
            pattern = known[first.id] if isinstance(first, ast.Name) else ast.literal_eval(first)
            yield where, re.compile(pattern), method
        elif method in METHODS and isinstance(pattern := known.get(owner.id), re.Pattern):
            yield where, pattern, method


def hostile_texts(pattern: str) -> Iterator[str]:
    """Runs of every two of a pattern's characters, with an end that it cannot match."""
    alphabet = sorted(
        {sign for sign in pattern if not sign.isalnum() and sign not in "()|*+?^$"} | set(COMMON)
    )
    half = CHARACTERS // 2
    for one in alphabet:
        for other in alphabet:
            for text in (one + other * CHARACTERS, (one + other) * half, one * half + other * half):
                yield text + "\0"


USES = list(dict.fromkeys(uses()))


def run(pattern: "re.Pattern[str]", method: str, text: str) -> None:
    if method == "sub":
        pattern.sub("", text)
    elif method == "finditer":
        for _ in pattern.finditer(text):
            pass
    else:
        getattr(pattern, method)(text)


def test_the_patterns_of_all_rooms_are_found():
    found = {where for where, _, _ in USES}
    assert {
        "spaces/expression/syntax.py",
        "spaces/declared/source.py",
        "service/http/strict_json.py",
    } <= found
    assert {"store/database/ids.py", "search/run/reasons.py"} <= found


@pytest.mark.parametrize(
    ("where", "pattern", "method"),
    [pytest.param(*use, id=f"{use[0]}-{use[1].pattern[:30]}-{use[2]}") for use in USES],
)
def test_a_pattern_takes_time_in_proportion_to_its_text(where, pattern, method):
    for text in hostile_texts(pattern.pattern):
        with processor_time(SECONDS):
            run(pattern, method, text)


def test_what_goes_over_its_text_again_and_again_is_noticed():
    former = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
    with pytest.raises(TimeoutError):
        for text in hostile_texts(former.pattern):
            with processor_time(SECONDS):
                run(former, "match", text)
