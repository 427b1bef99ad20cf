"""Accel-NASBench (Ahmad et al. 2024) in the data directory: MnasNet-like networks trained on ImageNet.

The authors' split goes by line. Ten of the 4,616 networks were trained twice, one of these for both splits.
:func:`in_split` says who belongs where; the columns ``accuracy@imagenet-split-train`` and ``…-valid`` hold
what was measured in each, so that the mean over two trainings never carries a value across.
"""

from typing import Literal, final

import numpy as np

from benchmarks.csv_table import CsvTable, Text
from benchmarks.table import Column, register
from benchmarks.tables import Tables
from spaces.families.mnasnet import MnasNet
from spaces.known import get_space
from spaces.metric import Quantity
from spaces.space import Bools, Codes, Floats

_NAME = "mnasnet-imagenet"
_SOURCE = "Accel-NASBench (Ahmad et al. 2024), github.com/afzalxo/Accel-NASBench"
_SPLITS = ("train", "valid")


def _accuracy(task: str, description: str) -> Column:
    """A column of top-1 accuracies."""
    return Column(
        Quantity("accuracy", task=task),
        _NAME,
        _SOURCE,
        "validation",
        extra=task != "imagenet",
        description=description,
    )


def _cost(metric: str, device: str | None = None, description: str = "") -> Column:
    return Column(Quantity(metric, device=device), _NAME, _SOURCE, description=description)


@final
class MnasNetTable(CsvTable):
    """Top-1 accuracy after a shortened training, what that took, costs, and speed on four devices."""

    name = _NAME
    space = MnasNet.name
    file = "mnasnet_imagenet.csv.gz"
    origin = f"file {file}"
    fields = {
        "imagenet_top1": _accuracy("imagenet", "top-1 after a shortened training"),
        "latency_zcu102": _cost("latency_ms", "zcu102"),
        **{
            f"throughput_{device}": _cost("throughput_ips", device)
            for device in ("3090", "a100", "tpuv2", "zcu102")
        },
        "params_m": _cost("params_m"),
        "macs_m": _cost("table_macs_m", description="convolutions, linear layers, batch norms and poolings"),
        "train_seconds": _cost("train_seconds"),
    }
    columns = (
        *fields.values(),
        *(_accuracy(f"imagenet-split-{split}", f"trained for the split {split}") for split in _SPLITS),
    )

    def values(self, text: Text) -> Floats:
        """The numbers of ``fields``, then the accuracies of each split, NaN in the other's lines."""
        splits = np.array(text.column("split"))
        if unknown := set(splits.tolist()) - set(_SPLITS):
            raise ValueError(f"column 'split': {sorted(unknown)[0]!r} is no split")
        accuracy = text.numbers("imagenet_top1")
        return np.stack(
            [
                *(text.numbers(field) for field in self.fields),
                *(np.where(splits == split, accuracy, np.nan) for split in _SPLITS),
            ]
        )

    def architectures(self, text: Text) -> Codes:
        """The codes (n, 28) of the columns ``block0_e`` to ``block6_se``."""
        columns = []
        for variable in get_space(self.space).variables:
            places = {str(int(choice)): index for index, choice in enumerate(variable.choices)}
            entries = text.column(variable.name)
            if unknown := set(entries) - set(places):
                raise ValueError(f"column {variable.name!r}: {sorted(unknown)[0]!r} is no choice")
            columns.append(np.array([places[entry] for entry in entries], dtype=np.int8))
        return np.stack(columns, axis=1)


def in_split(tables: Tables, codes: Codes, split: Literal["train", "valid"]) -> Bools:
    """Which of codes (b, 28) the authors put into a split, (b,).

    The one network that was trained for both is in ``train``, so that no model is evaluated on what it
    learned from.

    Raises:
        TableUnavailable: where the table cannot be read here.
    """
    trained, held_out = (
        ~np.isnan(tables.values(MnasNet.name, f"accuracy@imagenet-split-{name}", codes)) for name in _SPLITS
    )
    chosen: Bools = trained if split == "train" else held_out & ~trained
    return chosen


register(MnasNetTable())
