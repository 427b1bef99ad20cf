"""Cells trained on random 20-class subsets of ImageNet: what is measured about many tasks.

DiffusionNAG (An et al., ICLR 2024), github.com/CownowAn/DiffusionNAG, from MetaD2A (Lee et al., ICLR 2021).
No table of one task: a line is a pair of a task and a cell.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.csv_table import Text
from benchmarks.errors import TableDamaged, TableUnavailable
from benchmarks.packaged import read_file
from spaces.families.nasbench201 import NasBench201
from spaces.space import Codes, Floats

FILE = "nasbench201_imagenet_subset_tasks.csv.gz"
SOURCE = "DiffusionNAG (An et al., ICLR 2024), github.com/CownowAn/DiffusionNAG, from MetaD2A"
_MOST = 4 * 2**20


@dataclass(frozen=True, slots=True)
class TaskPairs:
    """Measured pairs.

    Shapes:
        codes: (n, 6), cells of ``nasbench201``
        values: (n,), accuracy in %
        tasks: (n,), index of ``classes``
    """

    codes: Codes
    values: Floats
    tasks: NDArray[np.int64]
    classes: tuple[tuple[str, ...], ...]
    """WordNet ids of each task's classes."""

    def of(self, tasks: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which pairs (n,) are of some of the tasks."""
        return np.isin(self.tasks, tasks)


def read_pairs(data_dir: Path | None) -> TaskPairs:
    """The pairs in the data directory.

    Raises:
        TableUnavailable: where the file is absent.
        TableDamaged: where it is not what it should be.
    """
    if data_dir is None:
        raise TableUnavailable(f"no data directory is set (NETWRIGHT_DATA); it would hold {FILE}")
    text = Text(FILE, read_file(data_dir / FILE, _MOST))
    try:
        codes = NasBench201().parse_many(text.column("arch"))
        names, first, tasks = np.unique(text.numbers("task"), return_index=True, return_inverse=True)
        lists = text.column("classes")
    except ValueError as error:
        raise TableDamaged(f"{FILE}: {error}") from None
    classes = tuple(tuple(lists[index].split("|")) for index in first)
    if len(classes) != len(names) or any(
        set(line.split("|")) != set(classes[task]) for line, task in zip(lists, tasks, strict=True)
    ):
        raise TableDamaged(f"{FILE}: lines of one task name different classes")
    return TaskPairs(codes, text.numbers("accuracy"), tasks.astype(np.int64), classes)
