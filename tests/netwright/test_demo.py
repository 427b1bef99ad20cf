"""The demo: its own parts on a small order, and the whole of it as a person starts it."""

import json
import os
import subprocess
import sys

from netwright.picture import draw_pareto
from netwright.truth import Truth
from search.request.design_request import parse_request


def test_what_the_table_knows_judges_and_is_drawn(tables, tmp_path):
    body = {
        "space": "gnn",
        "task": "arxiv",
        "constraints": [{"metric": "latency_ms", "device": "gpu", "max": 40.0}],
        "evaluations": 30,
        "evaluator": "table",
    }
    problem = parse_request(body).problem()
    truth = Truth.of(problem, tables)
    assert len(truth.codes) == 26_206
    assert truth.best == truth.objective[truth.holds].max() < truth.objective.max()
    winner = problem.space.format(truth.codes[truth.holds & (truth.objective == truth.best)])
    values, holds = truth.of_strings(winner)
    assert holds.all() and (values["accuracy@arxiv"] == truth.best).all()
    assert truth.distance(problem.space.parse_many(winner)) == 0
    draw = truth.random_search(30, seed=0)
    assert len({row.tobytes() for row in draw}) == 30
    assert truth.distance(draw) > 0
    outside = truth.codes[~truth.holds][:5]
    assert truth.distance(outside) != truth.distance(outside)  # NaN: nothing within the bounds
    file = tmp_path / "picture.png"
    strings = problem.space.format(draw)
    draw_pareto(truth, strings, strings[:3], draw, file)
    assert file.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_whole_demo(tables, tmp_path):
    environment = {**os.environ, "NETWRIGHT_CACHE_DIR": str(tables.cache_dir), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "netwright", "demo", "--json", "--out", str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    designs = json.loads(done.stdout)["designs"]
    assert [len(design["architectures"]) for design in designs] == [8, 8]
    for design in designs:
        assert design["bounds_hold"]
        assert design["distance"] < design["random_distance_mean"] + 2 * design["random_distance_std"]
    assert len(list(tmp_path.glob("*.png"))) == 2
