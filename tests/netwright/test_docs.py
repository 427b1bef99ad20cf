"""What the documentation says is what there is: settings, routes, commands, and the README's examples."""

import importlib
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from pkgutil import resolve_name

import httpx
import pytest
from typer.main import get_command

from netwright.cli import app
from netwright.registries import REGISTRIES
from netwright.settings import PREFIX, Settings
from predictors.kinds import KINDS
from search.evaluators import EVALUATORS
from search.strategies import STRATEGIES
from spaces.image_space import ImageSpace

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_setting_is_described():
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    described = set(re.findall(r"`(NETWRIGHT_\w+)`", text)) - {"NETWRIGHT_URL"}
    assert described == {PREFIX + name.upper() for name in Settings.model_fields}


def test_every_route_is_described(server):
    text = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
    for path in server.http.get("/openapi.json").json()["paths"]:
        assert re.sub(r"\{\w+_id\}", "{id}", path) in text, path


def test_every_command_is_described():
    text = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    hidden = {name for name, command in get_command(app).commands.items() if command.hidden}
    assert hidden == {"relay", "api"}
    for name, command in get_command(app).commands.items():
        if name not in hidden:
            assert f"`{name}" in text, name
        for inner in getattr(command, "commands", {}):
            assert inner in text, f"{name} {inner}"


def test_the_lists_of_the_pages_are_those_of_the_registries():
    """In docs/extending.md a row for each registry, in docs/http.md the choices of requests."""
    extending = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    rows = {
        row[3]: row
        for row in (line.strip("| ").split(" | ") for line in extending.splitlines())
        if len(row) == 6
    }
    for registry in REGISTRIES:
        row = rows[f"`{registry.group}`"]
        assert set(re.findall(r"`(\w+)`", row[5])) == registry.built_in(), registry.what
        assert row[1] == f"`{registry.base.replace(':', '.')}`"
        module, _, attribute = row[2].strip("`").rpartition(".")
        assert getattr(importlib.import_module(module), attribute) is registry
    http = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
    for field, registry in (("strategy", STRATEGIES), ("evaluator", EVALUATORS), ("kind", KINDS)):
        (row,) = re.findall(rf"^\| `{field}` \|.*", http, flags=re.MULTILINE)
        assert registry.built_in() <= set(re.findall(r"`(\w+)`", row)), field
    for kind in map(KINDS.get, KINDS.built_in()):
        assert f"{kind.most_labels:,}" in http and (
            not kind.inline_labels or f"{kind.inline_labels:,}" in http
        )


def test_what_the_page_on_extending_shows_is_in_the_examples():
    extending = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    examples = "\n".join(
        path.read_text(encoding="utf-8")
        for ending in ("py", "toml")
        for path in (ROOT / "examples" / "plugins").rglob(f"*.{ending}")
    )
    shown = re.findall(r"```(?:python|toml)\n(.*?)```", extending, flags=re.DOTALL)
    assert len(shown) >= 8 and all(block in examples for block in shown)


def test_the_methods_of_the_page_on_extending_take_what_it_says():
    """The methods of the tables are there and take these arguments; no abstract one is left out."""
    extending = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    tables = re.findall(
        r"^\| method of `([\w.]+)` \|.*\n\|[-|]+\n((?:\|.*\n)+)", extending, flags=re.MULTILINE
    )
    assert len(tables) == 5
    for base, rows in tables:
        cls = resolve_name(base)
        named = {}
        for cell in re.findall(r"^\| `(\w+(?:\([^)]*\))?)` \|", rows, flags=re.MULTILINE):
            name, _, arguments = cell.rstrip(")").partition("(")
            named[name] = [each for each in arguments.split(", ") if each]
            if callable(getattr(cls, name)):
                taken = list(inspect.signature(getattr(cls, name)).parameters)
                assert [each for each in taken if each != "self"] == named[name], f"{base}.{cell}"
        if cls is not ImageSpace:  # a chain defines the rest
            assert cls.__abstractmethods__ <= named.keys(), base


@pytest.mark.parametrize("body", re.findall(r"-d '(\{.*?\})'", README, flags=re.DOTALL))
def test_the_readmes_requests_are_accepted(server, body):
    order = json.loads(body)
    route = "/v1/predict" if "metrics" in order else "/v1/designs"
    answer = httpx.post(server.url + route, json=order, timeout=30)
    assert answer.status_code == (200 if route == "/v1/predict" else 202), answer.text


def test_the_readmes_python_runs(stack):
    _, url, environment = stack
    code = "\n".join(re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL))
    code = code.replace("http://127.0.0.1:8000", url)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "1 0|" in done.stdout and "nor_conv_3x3" in done.stdout.splitlines()[-1]


def test_decisions_are_numbered_without_gaps_and_have_one_form():
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    notes = sorted(folder.glob("[0-9]*.md"))
    assert [note.name[:4] for note in notes] == [f"{number:04}" for number in range(1, len(notes) + 1)]
    for note in notes:
        text = note.read_text(encoding="utf-8")
        title, status = re.match(
            r"# (?:\d{4}) (.+)\n\nStatus: (proposed|accepted|superseded by \d{4})", text
        ).groups()
        assert text.startswith(f"# {note.name[:4]} "), note.name
        assert f"| [{note.name[:4]}]({note.name}) | {title} | {status} |" in index, (
            f"{note.name} in the index"
        )
        sections = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
        assert [each for each in sections if each in ("Context", "Decision", "Consequences")] == [
            "Context",
            "Decision",
            "Consequences",
        ], note.name
