"""Parts: computed once, by several processes, with the seconds that each cost."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.tables import Tables
from experiments.framework.context import Context
from experiments.framework.pool import Part
from experiments.framework.results import Results
from experiments.framework.row import Row


def context(tmp_path: Path, seeds: int = 3, reported: list[str] | None = None, **options: object) -> Context:
    return Context(
        Tables(tmp_path), tuple(range(seeds)), False, tmp_path,
        lambda done, total, message: None if reported is None else reported.append(message),
        Results(tmp_path / "kept", ["test"]), **options,
    )  # type: ignore[arg-type]  # fmt: skip


def cubed(tables: Tables, number: int) -> list[object]:
    """A part: its number, and where the tables of the process lie."""
    return [number**3, str(tables.cache_dir)]


def varied(tables: Tables, offset: float, seed: int) -> dict[str, float]:
    """What depends on its seed."""
    return {"a": offset + 0.25 * seed, "b": 0.5}


def same(tables: Tables, seed: int) -> dict[str, float]:
    """What does not, though it is given one."""
    return {"a": 0.25, "b": 0.5}


def timed(tables: Tables, seed: int) -> dict[str, object]:
    """One search, whatever the seed, that takes another time each time."""
    return {"scores": [[0.25], [0.5]], "seconds": [0.001 * seed]}


def slow(tables: Tables, seed: int) -> float:
    """Takes a while."""
    time.sleep(0.05)
    return float(seed)


def test_parts_are_worked_out_once_by_other_processes(tmp_path: Path) -> None:
    reported: list[str] = []
    found = context(tmp_path, reported=reported)
    parts = [Part("a", cubed, (2,)), Part("b", cubed, (3,))]
    expected = {"a": [8, str(tmp_path)], "b": [27, str(tmp_path)]}
    assert found.all(parts, "cubes") == expected
    assert len(reported) == 2
    assert found.all(parts, "cubes") == expected
    assert len(reported) == 2


def test_processes_of_a_run_that_was_killed_end(tmp_path: Path) -> None:
    """A killed run leaves no process behind that waits for the next part for ever."""
    program = f"""
import os
from pathlib import Path
from benchmarks.tables import Tables
from experiments.framework.pool import Part, compute_all
from tests.experiments.framework.test_context import endless
if __name__ == "__main__":
    parts = [Part(str(n), endless, (n, {str(tmp_path)!r})) for n in range(2)]
    list(compute_all(Tables(Path({str(tmp_path)!r})), parts, 2))
"""
    (tmp_path / "run.py").write_text(program)
    root = Path(__file__).parents[3]
    environment = os.environ | {"PYTHONPATH": str(root)}
    run = subprocess.Popen([sys.executable, str(tmp_path / "run.py")], env=environment)
    try:
        pids = [int(name.name) for name in wait_for(lambda: sorted(tmp_path.glob("[0-9]*")), 2)]
    finally:
        run.kill()
        run.wait()
    wait_for(lambda: [pid for pid in pids if not psutil.pid_exists(pid)], 2)


def endless(tables: Tables, number: int, folder: str) -> None:
    """A part that says which process computes it and does not end."""
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(600)


def wait_for(found: Callable[[], list[Any]], count: int) -> list[Any]:
    """What is found once it is so many; two minutes at most, for a busy machine."""
    deadline = time.monotonic() + 120
    while len(found()) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(found()) >= count
    return found()


def test_an_interrupted_run_keeps_the_parts_it_had(tmp_path: Path) -> None:
    first = context(tmp_path)
    first.once("slow seed 0", slow, first.tables, 0)
    reported: list[str] = []
    assert context(tmp_path, reported=reported, workers=1).each("slow", slow) == [0.0, 1.0, 2.0]
    assert reported == ["slow: slow seed 1", "slow: slow seed 2"]


def test_a_part_belongs_to_its_function(tmp_path: Path) -> None:
    found = context(tmp_path)
    assert found.once("x", varied, found.tables, 1.0, 1) == {"a": 1.25, "b": 0.5}
    assert found.once("x", same, found.tables, 1) == {"a": 0.25, "b": 0.5}


def test_every_seed_gives_an_answer_in_order(tmp_path: Path) -> None:
    found = context(tmp_path, workers=1).each("varied", varied, 2.0)
    assert [each["a"] for each in found] == [2.0, 2.25, 2.5]


def test_a_deterministic_run_is_not_repeated_over_seeds(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="deterministic"):
        context(tmp_path, workers=1).each("same", same)
    with pytest.raises(ValueError, match="deterministic"):
        context(tmp_path, workers=1).each("timed", timed)
    assert context(tmp_path, seeds=1, workers=1).each("same", same) == [{"a": 0.25, "b": 0.5}]


def test_a_section_costs_what_its_own_parts_cost(tmp_path: Path) -> None:
    def part(given: Context) -> list[Row]:
        return [Row.measured("1-slow", given.each("slow", slow), "s")]

    def other(given: Context) -> list[Row]:
        return [Row.exact("2-nothing", 1.0, "s")]

    for workers in (1, 2):  # computed here; from the cache, in which it has cost as much
        found = context(tmp_path, workers=workers)
        found.section(part)
        found.section(other)
        assert found.origins["1-slow"].seeds == (0, 1, 2)
        assert found.origins["1-slow"].seconds >= 0.15
        assert found.origins["2-nothing"].seeds == ()
        assert found.origins["2-nothing"].seconds < 0.1
