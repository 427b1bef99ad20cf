"""What the documentation says is what there is: settings, routes, commands, and the README's examples."""

import json
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from typer.main import get_command

from netwright.cli import app
from netwright.settings import PREFIX, Settings

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
