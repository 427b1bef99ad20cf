"""NAS-Bench-Graph (Qin et al., NeurIPS 2022): graph neural networks on nine data sets, a table for each.

The score is accuracy, on ``proteins`` the area under the ROC curve; both in %. Latency is one call
on one GPU. The validation score is the extra task ``<data set>-valid``.
"""

from typing import final

import numpy as np

from benchmarks.errors import TableDamaged
from benchmarks.packaged import PackagedTable
from benchmarks.restricted_unpickler import load
from benchmarks.table import Column, Rows, register
from spaces.known import get_space
from spaces.metric import Quantity
from spaces.space import Codes

_SOURCE = "NAS-Bench-Graph (Qin et al., NeurIPS 2022), PyPI nas-bench-graph 1.4.0"

# Data set → SHA-256 of its file in nas-bench-graph 1.4.0.
_DIGESTS = {
    "cora": "5e69b2f9bb08d8927d9ffd4921f8494a3cea349c9c3a461334cb9dc9e11701a8",
    "citeseer": "99c7f79b73372636305bf73fb32a58b63c57bd1871a152dd62ec72d984c8c50f",
    "pubmed": "10b4dcf6cfd3a24f6059f7d541a4a872960b4adac0b3dba26abed1bb9a3d904d",
    "cs": "71ae8469930517160b024f52db6000a4897f1aff5d765beb27bb60952ed5bd31",
    "physics": "1e309bafee0b832c8b84fa3c039c36992bc0a910238b128f26b7e9190d7f2aea",
    "photo": "5511b4dc3f63fa988792177227db7901290fb9b27fc6c02e3036b29e134ed6df",
    "computers": "fdb3dc0cf405d62322f0ab9614b2083c2a5e6576c2f43e4f2214be64bc62b1b3",
    "arxiv": "7ee21a7653297a806c0ed1be3efe6ecc06acc84e48e942da0bfde0e5d287debe",
    "proteins": "b9e7fb0902bda44fec32c948e5fde822fb22d38d674c52e43ace5197378f2d21",
}

# The file's field → what turns its unit into the metric's, in the order of a table's columns.
_FIELDS = {"perf": 100.0, "valid_perf": 100.0, "latency": 1000.0, "para": 1.0}


@final
class NasBenchGraph(PackagedTable):
    """The package's file of one data set.

    Args:
        task: the data set.
    """

    space = "gnn"
    distribution = "nas-bench-graph"
    version = "1.4.0"

    def __init__(self, task: str) -> None:
        self.name = f"nas-bench-graph-{task}"
        self.path = f"nas_bench_graph/light/{task}.bench"
        self.sha256 = _DIGESTS[task]
        self.origin = f"package nas-bench-graph 1.4.0, {task}"
        self.columns = (
            Column(Quantity("accuracy", task=task), self.name, _SOURCE, "test"),
            Column(Quantity("accuracy", task=f"{task}-valid"), self.name, _SOURCE, "validation", extra=True),
            Column(Quantity("latency_ms", task=task, device="gpu"), self.name, _SOURCE),
            Column(Quantity("params_m", task=task), self.name, _SOURCE),
        )

    def convert(self, data: bytes) -> Rows:
        """A dictionary of the benchmark's keys → rows."""
        content = load(data)
        if not isinstance(content, dict) or not content:
            raise TableDamaged(f"{self.path} holds no dictionary of architectures")
        values = [
            [_number(entry, field) * scale for entry in content.values()] for field, scale in _FIELDS.items()
        ]
        return Rows.of(_codes(list(content)), np.array(values))


def _codes(keys: list[object]) -> Codes:
    """Codes (n, 5) of the benchmark's keys: topology and four operations as decimal digits."""
    space = get_space("gnn")
    if not all(type(key) is int and 0 <= key < 100_000 for key in keys):
        raise TableDamaged("a key is no number of five digits")
    codes = (np.array(keys)[:, None] // 10 ** np.arange(4, -1, -1) % 10).astype(np.int8)
    for row in codes:
        if (reason := space.reason(row)) is not None:
            raise TableDamaged(f"a key is no architecture: {reason}")
    if not np.array_equal(space.canonical(codes), codes):
        raise TableDamaged("a key is not the canonical one of its architecture")
    return codes


def _number(entry: object, field: str) -> float:
    value = entry.get(field) if isinstance(entry, dict) else None
    if not isinstance(value, float):
        raise TableDamaged(f"an entry has no number {field!r}")
    return value


for _task in _DIGESTS:
    register(NasBenchGraph(_task))
