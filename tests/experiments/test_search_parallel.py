"""Parts of a comparison that several processes work out."""

from pathlib import Path

from benchmarks.tables import Tables
from experiments.frame import Context
from experiments.results import Results
from experiments.search_parallel import Part, work_out


def test_parts_are_worked_out_once_by_other_processes(tmp_path: Path) -> None:
    told: list[str] = []
    context = Context(
        Tables(tmp_path), (0,), False, tmp_path, lambda done, total, message: told.append(message),
        Results(tmp_path / "kept", ["test"]),
    )  # fmt: skip
    parts = [Part("a", cubed, (2,)), Part("b", cubed, (3,))]
    expected = {"a": [8, str(tmp_path)], "b": [27, str(tmp_path)]}
    assert work_out(context, parts, "cubes") == expected
    assert len(told) == 2
    assert work_out(context, parts, "cubes") == expected
    assert len(told) == 2
    assert context.knows("a")
    assert not context.knows("c")


def cubed(tables: Tables, number: int) -> list[object]:
    """A part: its number, and where the tables of the process lie."""
    return [number**3, str(tables.cache_dir)]
