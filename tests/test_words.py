"""The code speaks in the field's words: what DESIGN's table replaced comes up nowhere again.

Every Python file is read whole (identifiers, messages, docstrings, JSON keys, comments), then the OpenAPI
document, the command line as it is built, and the pages that people read.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer

from benchmarks.tables import Tables
from netwright.cli import app as command_line
from service.app import create_app
from store.memory import MemoryStore

ROOT = Path(__file__).parents[1]
ROOMS = (
    "netwright", "experiments", "service", "workers", "search", "generator", "predictors", "encoders",
    "benchmarks", "networks", "store", "spaces", "artifacts", "tests", "examples",
)  # fmt: skip
REPLACED = re.compile(
    r"foretell(s|ing)?|foretold|foresees?|foresaw|foreseen|foreseeing"
    r"|beliefs?|believ(e|es|ed|er|ers|ing)|crews?|merits?|keepers?|placements?|widening"
)
"""Whole words, in lower case; `replacement`, as in "drawn with replacement", is another word."""
ALLOWED = {
    ("netwright/settings.py", "keeper"): "NETWRIGHT_KEEPER_POLL_SECONDS, as 0.1 called the reaper's setting",
    ("predictors/kinds/gp.py", "widening"): "the inflation of models that 0.1 stored",
    ("predictors/kinds/neural.py", "widening"): "the inflation of models that 0.1 stored",
    ("service/schemas/predictors.py", "foretold"): "the prequential errors of versions that 0.1 stored",
    ("predictors/gaussian_processes/exact_gp.py", "believer"): '"kriging believer", a heuristic\'s own name',
    ("tests/test_words.py", ""): "this list",
}
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def words(text: str) -> Iterator[str]:
    """The words of a sentence, of `snake_case` and of `CamelCase`, in lower case."""
    return (word.lower() for word in WORD.findall(text))


def sources() -> list[Path]:
    return sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def replaced(where: str, text: str) -> list[str]:
    return [
        word
        for word in words(text)
        if REPLACED.fullmatch(word) and not {(where, word), (where, "")} & ALLOWED.keys()
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_no_replaced_word_in_the_code(room):
    found = []
    for path in (path for path in sources() if path.relative_to(ROOT).parts[0] == room):
        where = path.relative_to(ROOT).as_posix()
        for number, line in enumerate([where, *path.read_text(encoding="utf-8").splitlines()]):
            found += [f"{where}:{number}: {word}" for word in replaced(where, line)]
    assert found == []


def test_what_is_allowed_is_still_needed():
    for where, word in ALLOWED:
        assert word in words((ROOT / where).read_text(encoding="utf-8")) or not word, (where, word)


def json_names(schema: object) -> Iterator[str]:
    """Every key and every string of a JSON document."""
    if isinstance(schema, dict):
        for key, value in schema.items():
            yield key
            yield from json_names(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from json_names(value)
    elif isinstance(schema, str):
        yield schema


def test_no_replaced_word_in_the_openapi_document():
    document = create_app(store=MemoryStore(), tables=Tables(Path("unread"))).openapi()
    assert "observations" in set(json_names(document))
    assert [word for text in json_names(document) for word in replaced("openapi", text)] == []


def commands(group: click.Command) -> Iterator[click.Command]:
    yield group
    for command in getattr(group, "commands", {}).values():
        yield from commands(command)


def test_no_replaced_word_in_commands_options_and_their_help():
    texts_of_all = [
        text
        for command in commands(typer.main.get_command(command_line))
        for text in (
            command.name,
            command.help,
            *(option for parameter in command.params for option in parameter.opts),
            *(getattr(parameter, "help", None) for parameter in command.params),
        )
        if text
    ]
    assert "--confidence" in texts_of_all
    assert [word for text in texts_of_all for word in replaced("command line", text)] == []


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda p: p.name
)
def test_no_replaced_word_in_the_pages(page):
    assert [word for word in words(page.read_text(encoding="utf-8")) if REPLACED.fullmatch(word)] == []


def test_words_of_all_spellings_are_found():
    assert list(words("_keeperSeconds NETWRIGHT_KEEPER the BeliefOf HTTPCrew")) == [
        "keeper", "seconds", "netwright", "keeper", "the", "belief", "of", "http", "crew",
    ]  # fmt: skip
    assert replaced("anywhere", "JobCrew with replacement") == ["crew"]
