"""Which contents of a NAS-Bench-Graph file are refused, and how its numbers agree with the space's."""

import pickle

import numpy as np
import pytest

from benchmarks.errors import TableDamaged
from benchmarks.nas_bench_graph import NasBenchGraph
from spaces.known import get_space

ENTRY = {"valid_perf": 0.5, "perf": 0.5, "latency": 0.1, "para": 1.0}


def test_a_good_file_is_read():
    rows = NasBenchGraph("cora").convert(pickle.dumps({0: ENTRY, 11111: ENTRY}, 3))
    assert rows.codes.tolist() == [[0, 0, 0, 0, 0], [1, 1, 1, 1, 1]]
    assert rows.values.tolist() == [[50.0, 50.0], [50.0, 50.0], [100.0, 100.0], [1.0, 1.0]]


@pytest.mark.parametrize(
    "content",
    [
        None,
        {},
        {"0": ENTRY},
        {0.5: ENTRY},
        {-1: ENTRY},
        {100_000: ENTRY},
        {9: ENTRY},  # an operation that there is not
        {90_000: ENTRY},  # a topology that there is not
        {8888: ENTRY},  # four skips
        {10: ENTRY},  # the canonical key of this one is 1
        {0: ENTRY | {"perf": "high"}},
        {0: ENTRY | {"perf": float("inf")}},
        {0: {"perf": 0.5}},
        {0: [0.5, 0.5, 0.1, 1.0]},
    ],
)
def test_other_content_is_damaged(content):
    with pytest.raises(TableDamaged):
        NasBenchGraph("cora").convert(pickle.dumps(content, 3))


@pytest.mark.parametrize(
    "task", ["cora", "citeseer", "pubmed", "cs", "photo", "computers", "arxiv", "proteins"]
)
def test_parameters_agree_with_the_space_s(task, tables):
    """On ``physics`` they do not: its table holds means over networks of different widths."""
    codes = tables.architectures("gnn", f"params_m@{task}")
    exact = get_space("gnn").statistics(codes, task)["params_m"]
    np.testing.assert_allclose(tables.values("gnn", f"params_m@{task}", codes), exact, rtol=1e-9)
