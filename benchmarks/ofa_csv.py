"""Latencies of Once-for-All's MobileNetV3 networks (HELP, Lee et al., NeurIPS 2021) in the data directory."""

from typing import final

import numpy as np

from benchmarks.csv_table import CsvTable, Text
from benchmarks.table import Column, register
from spaces.families.ofa_mobilenetv3 import OfaMobileNetV3
from spaces.known import get_space
from spaces.metric import Quantity
from spaces.space import Codes


@final
class OfaLatencies(CsvTable):
    """Milliseconds a call; a device's suffix is the batch size. Each network has a resolution of its own."""

    name = "ofa-latency"
    space = OfaMobileNetV3.name
    file = "ofa_latency_ms.csv.gz"
    origin = f"file {file}"
    fields = {
        device: Column(
            Quantity("latency_ms", device=device),
            "ofa-latency",
            "HELP (Lee et al., NeurIPS 2021), github.com/HayeonLee/HELP",
        )
        for device in OfaMobileNetV3.devices
    }
    columns = tuple(fields.values())

    def architectures(self, text: Text) -> Codes:
        """The codes (n, 21) of kernels, expansions, depths and resolutions."""
        space = get_space(self.space)
        assert isinstance(space, OfaMobileNetV3)
        rows = zip(*(text.column(name) for name in ("ks", "e", "d", "r")), strict=True)
        return np.stack(
            [
                space.from_settings(_numbers(kernels), _numbers(expansions), _numbers(depths), int(side))
                for kernels, expansions, depths, side in rows
            ]
        )


def _numbers(entry: str) -> list[int]:
    """The whole numbers of a field.

    >>> _numbers("7|5|3")
    [7, 5, 3]
    """
    return [int(part) for part in entry.split("|")]


register(OfaLatencies())
