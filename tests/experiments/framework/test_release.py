"""What keeps a checkout from a release, and what is made anew."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.framework import figures, release
from experiments.framework.catalogue import comparisons
from experiments.framework.comparison import FORMAT
from experiments.framework.imports import digest_of
from experiments.framework.results import to_text

ROOT = Path(__file__).parents[3]
NAME = "latency"


def git(root: Path, *arguments: str) -> str:
    """Runs git in a folder."""
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    command = ["git", "-C", str(root), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    """A repository with one commit."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    git(tmp_path, "init")
    (tmp_path / "README.md").write_text("Nothing is said.\n")
    (tmp_path / "docs" / "figures").mkdir(parents=True)
    git(tmp_path, "add", "README.md")
    git(tmp_path, "commit", "-m", "First")
    return tmp_path


@pytest.fixture
def of(checkout):
    """What is wrong with a figure that differs from a good one in some fields."""

    def found(**changes):
        rows = [{"id": "1", "seeds": list(range(20))}]
        good = {
            "format": FORMAT, "name": NAME, "rows": rows, "commit": git(checkout, "rev-parse", "HEAD"),
            "digest": digest_of(comparisons()[NAME].module),
        }  # fmt: skip
        path = checkout / "docs" / "figures" / f"{NAME}.json"
        path.write_text(to_text(good | changes))
        return "\n".join(release.of_figure(checkout, path))

    return found


def test_a_figure_of_this_code_passes(of):
    assert of() == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 1}, "old format"),
        ({"commit": "1ab618252895"}, "its commit 1ab618252895 is unknown"),
        ({"commit": "unknown"}, "outside the repository"),
        ({"commit": "0123456789ab-dirty"}, "uncommitted changes"),
        ({"digest": "0123456789ab"}, "of other code than this"),
        ({"name": "other"}, "of no comparison"),
        ({"rows": [{"id": "1", "seeds": [0, 1, 2]}]}, "3 seeds of 20"),
    ],
)
def test_another_one_does_not(of, changes, said):
    assert said in of(**changes)


def test_a_file_that_was_edited_does_not(of, checkout):
    of()
    path = checkout / "docs" / "figures" / f"{NAME}.json"
    path.write_text(json.dumps(json.loads(path.read_text())))
    assert "not as it was printed" in "".join(release.of_figure(checkout, path))
    path.write_text("{")
    assert "is no JSON" in "".join(release.of_figure(checkout, path))


def test_every_failure_is_said_and_counted(checkout, capsys):
    (checkout / "README.md").write_text("It takes 3 seconds.\n")
    assert release.main([str(checkout)]) == 1
    said = capsys.readouterr().out
    assert f"{NAME}.json is missing: netwright compare {NAME} --full" in said
    assert "README.md:1: 'takes 3 seconds'" in said and f"{len(comparisons()) + 1} problems" in said


def test_what_is_of_this_code_is_not_made_again(of, checkout):
    assert NAME in {known.name for known in figures.wanted(checkout, "tables")}
    of()
    assert NAME not in {known.name for known in figures.wanted(checkout, "tables")}
    of(digest="0123456789ab")
    assert NAME in {known.name for known in figures.wanted(checkout, "tables")}


def test_trainings_are_made_apart(checkout):
    tables = {known.name for known in figures.wanted(checkout, "tables")}
    training = {known.name for known in figures.wanted(checkout, "training")}
    drills = {known.name for known in figures.wanted(checkout, "reliability")}
    assert {"training", "closing-circle"} <= training and not tables & training
    assert tables | training | drills == comparisons().keys()


def test_all_tables_together_take_less_than_six_hours():
    assert sum(known.hours for known in comparisons().values() if known.group == "tables") <= 6


def test_figures_are_made_by_the_command_that_prints_them(checkout, monkeypatch):
    """Two beside each other with one process each, then alone those that time something."""
    ran = []

    def run(command, **options):
        name = command[command.index("compare") + 1]
        ran.append((name, command[command.index("--workers") + 1]))
        assert {"--full", "--json"} <= set(command)
        (checkout / "docs" / "figures" / f"{name}.json").write_text("text")
        printed = "other" if name == "calibration" else "text"
        return subprocess.CompletedProcess(command, name == "precision", stdout=printed, stderr="went wrong")

    monkeypatch.setattr(figures.subprocess, "run", run)
    monkeypatch.setattr(figures, "of_figure", lambda root, path: iter(["stale"]))
    said = []
    failed = figures.make(checkout, "tables", said.append)
    assert failed == 2  # one went wrong, and one file is not what was printed
    assert any("precision FAILED" in line and "went wrong" in line for line in said)
    alone = {name for name, known in comparisons().items() if known.alone}
    assert {workers for name, workers in ran if name in alone} == {"2"}
    assert {workers for name, workers in ran if name not in alone} == {"1"}
    assert {name for name, _ in ran[-len(alone & {name for name, _ in ran}) :]} <= alone


def test_make_has_the_three_targets():
    text = (ROOT / "Makefile").read_text()
    assert "-m experiments.framework.figures\n" in text and "figures training" in text
    assert "-m experiments.framework.release" in text
    assert "framework.release" not in text.partition("test: lint")[2].partition("\n\n")[0]


def test_a_changed_checkout_makes_no_figures(monkeypatch, capsys):
    monkeypatch.setattr(figures, "commit", lambda root: "0123-dirty")
    assert figures.main([]) == 2 and "uncommitted" in capsys.readouterr().err
    assert sys.modules["experiments.framework.figures"] is figures
