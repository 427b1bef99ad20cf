"""The demo's own parts on a small order; the whole of it is ``make demo``."""

from netwright.picture import draw_pareto
from netwright.truth import Truth
from search.problem import Problem
from search.request import parse_request


def test_what_the_table_knows_judges_and_is_drawn(tables, tmp_path):
    body = {
        "space": "gnn",
        "task": "arxiv",
        "constraints": [{"metric": "latency_ms", "device": "gpu", "max": 40.0}],
        "evaluations": 30,
        "evaluator": "table",
    }
    problem = Problem.of(parse_request(body))
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
