"""The frame, run with a small real comparison: the best of a few random cells in AnalogNAS-Bench."""

import json

import numpy as np
import pytest
from rich.console import Console

import experiments
from benchmarks.tables import Tables
from experiments.framework import catalogue, constants, registry
from experiments.framework import run as frame
from experiments.framework.comparison import Comparison
from experiments.framework.constants import Constant
from experiments.framework.context import Context, Origin
from experiments.framework.machine import machine
from experiments.framework.published import Publication
from experiments.framework.report import report
from experiments.framework.results import to_text
from experiments.framework.row import NO_TABLE, Row
from spaces.known import get_space

COLUMN = "nasbench201/accuracy@cifar10-int8-ptq"
PAPER = Publication("Who", 2020, "There, Table 1")

calls = []


def best_of(tables: Tables, evaluations: int, seed: int) -> float:
    """The best int8 accuracy among random cells."""
    calls.append(seed)
    codes = get_space("nasbench201").sample(evaluations, np.random.default_rng(seed))
    return float(tables.values("nasbench201", "accuracy@cifar10-int8-ptq", codes).max())


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """Registers the comparison for one test."""
    catalogue.comparisons()  # a module that is first imported under the patch would be lost behind it
    known = dict(registry.KNOWN)
    registry.KNOWN.clear()
    monkeypatch.setattr(constants, "CONSTANTS", ())
    calls.clear()

    @registry.comparison("tiny", protocol="Best of 8 random cells.", full_seeds=5)
    def tiny(context: Context) -> list[Row]:
        best = []
        for done, seed in enumerate(context.seeds):
            best.append(context.once(f"best of 8, seed {seed}", best_of, context.tables, 8, seed))
            context.progress(done + 1, len(context.seeds), f"seed {seed}")
        rows = [
            Row.measured(
                "1-best",
                best,
                "%",
                goal="> 80",
                evaluated_on=[COLUMN],
                published=PAPER.reports(93.8),
                source="AnalogNAS-Bench",
            ),
            Row.exact("seeds", len(best), "seeds"),
        ]
        reason = context.tables.available("nasbench201", "latency_ms@fpga")
        if reason is not None:
            rows.append(Row.absent("2-fpga", reason, "ms", goal="<= 4"))
        return rows

    yield
    registry.KNOWN.clear()
    registry.KNOWN.update(known)


@pytest.fixture
def run(tables, tmp_path):
    """Runs the comparison with a cache of its own, as if installed outside a checkout."""
    return lambda **options: frame.run(
        "tiny", **({"tables": tables, "cache_dir": tmp_path / "cache", "root": tmp_path} | options)
    )


def test_the_json_has_the_fields_of_the_contract(run, tables):
    done = json.loads(to_text(run().comparison.to_dict()))
    assert list(done) == [
        "format", "name", "protocol", "constants", "rows", "seconds", "machine", "digest", "commit",
    ]  # fmt: skip
    assert (done["name"], done["protocol"]) == ("tiny", "Best of 8 random cells. Seeds 0–2.")
    best = [best_of(tables, 8, seed) for seed in range(3)]
    row = done["rows"][0]
    assert row.pop("protocol").startswith("tiny@") and row.pop("seconds") == done["seconds"]
    assert row == {
        "id": "1-best",
        "kind": "measured",
        "value": pytest.approx(np.mean(best), rel=1e-5),
        "unit": "%",
        "std": pytest.approx(np.std(best, ddof=1), rel=1e-5),
        "standard_error": pytest.approx(np.std(best, ddof=1) / np.sqrt(3), rel=1e-5),
        "n": 3,
        "over": "seeds",
        "goal": "> 80",
        "p": pytest.approx(0, abs=1e-2),
        "verdict": "met",
        "evaluated_on": [COLUMN],
        "published": {"value": 93.8, "author": "Who", "year": 2020, "where": "There, Table 1"},
        "source": "AnalogNAS-Bench",
        "seeds": [0, 1, 2],
        "digest": done["digest"],
        "commit": "unknown",
    }
    assert done["seconds"] > 0 and done["machine"] == machine()


def test_absent_data_is_said_and_does_not_pass(run, tmp_path):
    found = run(tables=Tables(tmp_path)).comparison
    row = found.rows[-1].to_dict()
    assert row["value"] is None and row["verdict"] == "absent"
    assert "nasbench201_latency_ms.csv.gz" in row["reason"]
    assert not found.passes


def test_a_goal_that_is_missed_does_not_pass():
    def of(*rows):
        origins = (Origin((0,), 1.0),) * len(rows)
        return Comparison("x", "y", (), rows, origins, 1.0, {}, "0", "unknown")

    rows = [
        Row.measured("a", [2.0, 2.1, 1.9], "%", goal=">= 1.5", evaluated_on=NO_TABLE),
        Row.exact("b", 3.0, "%"),
    ]
    assert of(*rows).passes
    missed = Row.measured("c", [3.0, 3.1, 3.05], "%", goal="< 3", evaluated_on=NO_TABLE)
    assert not of(*rows, missed).passes


def test_a_comparison_needs_rows_with_ids_of_their_own():
    row = Row.exact("a", 1.0, "%")
    for rows in ((), (row, row)):
        with pytest.raises(ValueError, match="id of its own"):
            Comparison("x", "y", (), rows, (Origin((), 1.0),) * len(rows), 1.0, {}, "0", "unknown")


def test_a_goal_that_a_constant_was_chosen_on_is_refused(run, monkeypatch):
    assert run().comparison.to_dict()["rows"][0]["verdict"] == "met"
    seen = Constant("spaces.space", "SOME", ("nasbench201/accuracy@cifar10-*",), "by looking")
    monkeypatch.setattr(constants, "CONSTANTS", (seen,))
    found = run().comparison
    row = found.to_dict()["rows"][0]
    assert row["verdict"] == "refused" and row["refused"] == [f"{COLUMN}: spaces.space.SOME"]
    assert not found.passes and Comparison.from_dict(found.to_dict()) == found
    assert "refused" not in found.to_dict()["rows"][1]  # it has no goal
    elsewhere = Constant("search.design", "SOME", seen.chosen_on, "in code that is not imported")
    monkeypatch.setattr(constants, "CONSTANTS", (elsewhere,))
    assert run().comparison.to_dict()["rows"][0]["verdict"] == "met"
    invented = Constant("spaces.space", "SOME", (), "on invented data")
    monkeypatch.setattr(constants, "CONSTANTS", (invented,))
    found = run(fresh=True).comparison
    assert found.constants == [invented.to_dict()] and found.to_dict()["rows"][0]["verdict"] == "met"


def test_two_runs_in_fresh_caches_differ_in_seconds_alone(run, tmp_path):
    def text(name):
        found = run(cache_dir=tmp_path / name, workers=1).comparison.to_dict()
        return to_text(without_seconds(found))

    assert text("one") == text("two")


def without_seconds(value):
    """JSON with every architecture called ``seconds`` removed."""
    if isinstance(value, dict):
        return {key: without_seconds(each) for key, each in value.items() if key != "seconds"}
    return [without_seconds(each) for each in value] if isinstance(value, list) else value


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
    monkeypatch.setattr(frame, "digest_of", lambda module: "other code")
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
    assert outcome.figure.read_text() == to_text(outcome.comparison.to_dict())
    assert outcome.comparison.rows[0].n == 5
    assert run().figure is None and run(full=True, seeds=2).figure is None


def test_progress_is_told(run):
    reported = []
    run(progress=lambda done, total, message: reported.append((done, total, message)))
    assert reported == [(1, 3, "seed 0"), (2, 3, "seed 1"), (3, 3, "seed 2")]


def test_an_unknown_name_lists_the_known(tables, tmp_path):
    with pytest.raises(KeyError, match=r"unknown comparison 'other'; known are .*tiny"):
        frame.run("other", tables=tables, cache_dir=tmp_path)


def test_a_new_module_is_found(tmp_path, monkeypatch):
    (tmp_path / "newcomer.py").write_text(
        "from experiments.framework.registry import comparison\n"
        "comparison('new', protocol='A newcomer.')(lambda context: [])\n"
    )
    monkeypatch.setattr(experiments, "__path__", [*experiments.__path__, str(tmp_path)])
    assert {"new", "tiny"} <= catalogue.comparisons().keys()


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
        "met",
        "absent",
        "NETWRIGHT_DATA",
        "commit unknown",
    ):
        assert part in text
