"""The frame, run with a small real comparison: the best of a few random cells in AnalogNAS-Bench."""

import json
import platform
import shutil
import subprocess

import numpy as np
import pytest
from rich.console import Console

import experiments
from benchmarks.tables import Tables
from experiments import frame
from experiments.comparison import Comparison
from experiments.machine import commit, machine
from experiments.report import report
from experiments.row import Goal, Row
from spaces.space import get_space

calls = []


def best_of(tables: Tables, evaluations: int, seed: int) -> float:
    """The best int8 accuracy among random cells."""
    calls.append(seed)
    codes = get_space("nasbench201").sample(evaluations, np.random.default_rng(seed))
    return float(tables.values("nasbench201", "accuracy@cifar10-int8-ptq", codes).max())


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """Registers the comparison for one test."""
    frame.comparisons()  # a module that is first imported under the patch would be lost behind it
    monkeypatch.setattr(frame, "_COMPARISONS", {})
    calls.clear()

    @frame.comparison(
        "tiny", protocol="Best of 8 random cells.", full_seeds=5, packages=("spaces", "benchmarks")
    )
    def tiny(context: frame.Context) -> list[Row]:
        best = []
        for done, seed in enumerate(context.seeds):
            best.append(context.once(f"best of 8, seed {seed}", best_of, context.tables, 8, seed))
            context.progress(done + 1, len(context.seeds), f"seed {seed}")
        rows = [
            Row.measured("1-best", best, "%", goal="> 80", published=93.8, source="AnalogNAS-Bench"),
            Row.measured("seeds", len(best), "seeds"),
        ]
        reason = context.tables.available("nasbench201", "latency_ms@fpga")
        if reason is not None:
            rows.append(Row.absent("2-fpga", reason, "ms", goal="<= 4"))
        return rows


@pytest.fixture
def run(tables, tmp_path):
    """Runs the comparison with a cache of its own, as if installed outside a checkout."""
    return lambda **options: frame.run(
        "tiny", **({"tables": tables, "cache_dir": tmp_path / "cache", "root": tmp_path} | options)
    )


def test_the_json_has_the_fields_of_the_contract(run, tables):
    done = json.loads(json.dumps(run().comparison.to_dict(), allow_nan=False))
    assert list(done) == ["name", "protocol", "rows", "seconds", "machine", "commit"]
    assert (done["name"], done["protocol"]) == ("tiny", "Best of 8 random cells. Seeds 0–2.")
    best = [best_of(tables, 8, seed) for seed in range(3)]
    assert done["rows"][0] == {
        "id": "1-best",
        "value": pytest.approx(np.mean(best)),
        "std": pytest.approx(np.std(best, ddof=1)),
        "n": 3,
        "unit": "%",
        "goal": "> 80",
        "published": 93.8,
        "source": "AnalogNAS-Bench",
        "holds": True,
    }
    assert done["seconds"] > 0 and done["machine"] == machine()


def test_absent_data_is_said_and_does_not_pass(run, tmp_path):
    found = run(tables=Tables(tmp_path)).comparison
    row = found.rows[-1].to_dict()
    assert row["value"] is None and row["holds"] is None
    assert "nasbench201_latency_ms.csv.gz" in row["reason"]
    assert not found.passes


def test_a_goal_that_is_missed_does_not_pass():
    rows = [Row.measured("a", [1.0, 2.0], "%", goal=">= 1.5"), Row.measured("b", 3.0, "%")]
    whole = {"name": "x", "protocol": "y", "seconds": 1.0, "machine": {}, "commit": "unknown"}
    assert Comparison(rows=tuple(rows), **whole).passes
    missed = Row.measured("c", 3.0, "%", goal="< 3")
    assert missed.holds is False
    assert not Comparison(rows=(*rows, missed), **whole).passes


def test_results_are_cached_by_content(run):
    first = run()
    assert not first.cached and calls == [0, 1, 2]
    second = run()
    assert second.cached and second.comparison == first.comparison and calls == [0, 1, 2]
    assert not run(seeds=4).cached and calls == [0, 1, 2, 3]  # only the new seed is computed
    assert not run(fresh=True).cached and calls == [0, 1, 2, 3, 0, 1, 2]


def test_seconds_count_parts_that_came_from_the_cache(run, tmp_path):
    run(seeds=2)
    for path in (tmp_path / "cache" / "compare" / "tiny").iterdir():
        stored = json.loads(path.read_text())
        if "answer" in stored:
            path.write_text(json.dumps(stored | {"seconds": 1000.0}))
    assert 2000.0 <= run(seeds=3).comparison.seconds < 3000.0
    assert calls == [0, 1, 2]


def test_other_tables_or_other_code_are_computed_anew(run, tmp_path, monkeypatch):
    run()
    assert run().cached
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    (data_dir / "nasbench201_accuracy.csv.gz").write_bytes(b"other")
    assert not run(tables=Tables(tmp_path / "tables", data_dir)).cached
    monkeypatch.setattr(frame, "code_digest", lambda packages: "other code")
    assert not run().cached


def test_a_damaged_cache_is_computed_anew(run, tmp_path):
    first = run()
    files = list((tmp_path / "cache" / "compare" / "tiny").iterdir())
    assert len(files) == 4  # three seeds and the whole
    for content in ("{", "[]", '{"rows": [{"id": 1}]}', "null"):
        for file in files:
            file.write_text(content)
        again = run()
        assert not again.cached and again.comparison.rows == first.comparison.rows


def test_full_runs_all_seeds_and_writes_the_figure(run, tmp_path):
    outcome = run(full=True)
    assert outcome.figure == tmp_path / "docs" / "figures" / "tiny.json"
    assert json.loads(outcome.figure.read_text()) == outcome.comparison.to_dict()
    assert outcome.comparison.rows[0].n == 5
    assert run().figure is None and run(full=True, seeds=2).figure is None


def test_progress_is_told(run):
    told = []
    run(progress=lambda done, total, message: told.append((done, total, message)))
    assert told == [(1, 3, "seed 0"), (2, 3, "seed 1"), (3, 3, "seed 2")]


def test_an_unknown_name_lists_the_known(tables, tmp_path):
    with pytest.raises(KeyError, match=r"unknown comparison 'other'; known are .*tiny"):
        frame.run("other", tables=tables, cache_dir=tmp_path)


def test_a_new_module_is_found(tmp_path, monkeypatch):
    (tmp_path / "newcomer.py").write_text(
        "from experiments.frame import comparison\n"
        "comparison('new', protocol='A newcomer.')(lambda context: [])\n"
    )
    monkeypatch.setattr(experiments, "__path__", [*experiments.__path__, str(tmp_path)])
    assert {"new", "tiny"} <= frame.comparisons().keys()


def test_no_seed_is_refused(run):
    with pytest.raises(ValueError, match="at least one seed"):
        run(seeds=0)


def test_the_report_shows_every_row(run, tmp_path):
    console = Console(width=200, record=True, file=(tmp_path / "out").open("w"))
    console.print(report(run(tables=Tables(tmp_path)).comparison))
    console.file.close()
    text = console.export_text()
    for part in (
        "Seeds 0–2",
        "1-best",
        "> 80",
        "93.8",
        "yes",
        "not judged",
        "NETWRIGHT_DATA",
        "commit unknown",
    ):
        assert part in text


# rows
def test_rows_come_back_from_json():
    for row in (
        Row.measured("a", [1.0, 2.0], "%", goal=">= 1.5", published=1.0, source="them"),
        Row.measured("b", 3, "ms"),
        Row.absent("c", "no data", "%", goal="< 3"),
    ):
        assert Row.from_dict(json.loads(json.dumps(row.to_dict()))) == row


@pytest.mark.parametrize("text", ["0.75", ">=0.75x", "~ 3", ">= nan", "", ">= high"])
def test_a_goal_is_a_relation_and_a_number(text):
    with pytest.raises(ValueError):
        Goal.parse(text)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_row_is_finite(value):
    with pytest.raises(ValueError, match="not finite"):
        Row.measured("a", value, "%")


def test_a_comparison_needs_rows_with_ids_of_their_own():
    row = Row.measured("a", 1.0, "%")
    for rows in ((), (row, row)):
        with pytest.raises(ValueError, match="id of its own"):
            Comparison("x", "y", rows, 1.0, {}, "unknown")


# machine and commit
def test_the_machine_is_described_without_its_name():
    described = machine()
    assert {"cpu", "cores", "memory_gb", "system", "python", "numpy", "torch"} <= described.keys()
    assert described["cores"] >= 1 and described["memory_gb"] > 0
    assert platform.node() not in described.values()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_commit_says_when_there_are_changes(tmp_path):
    def git(*arguments):
        identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    assert commit(None) == "unknown" and commit(tmp_path) == "unknown"
    git("init")
    assert commit(tmp_path) == "unknown"
    (tmp_path / "code.py").write_text("1")
    git("add", "code.py")
    git("commit", "-m", "First")
    head = git("rev-parse", "--short=12", "HEAD")
    assert commit(tmp_path) == head
    (tmp_path / "docs" / "figures").mkdir(parents=True)
    (tmp_path / "docs" / "figures" / "tiny.json").write_text("{}")
    assert commit(tmp_path) == head
    (tmp_path / "code.py").write_text("2")
    assert commit(tmp_path) == f"{head}-dirty"
