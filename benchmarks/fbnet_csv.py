"""Latencies of FBNet's networks (HELP, Lee et al., NeurIPS 2021) in the data directory.

They are of the version for 32×32 pixels; see :mod:`spaces.families.fbnet` for how that shows.
"""

from typing import final

from benchmarks.csv_table import CsvTable, Text
from benchmarks.table import Column, register
from spaces.families.fbnet import FbNet
from spaces.known import get_space
from spaces.metric import Quantity
from spaces.space import Codes


@final
class FbNetLatencies(CsvTable):
    """Milliseconds a call; a device's suffix is the batch size."""

    name = "fbnet-latency"
    space = FbNet.name
    file = "fbnet_latency_ms.csv.gz"
    origin = f"file {file}"
    fields = {
        device: Column(
            Quantity("latency_ms", device=device),
            "fbnet-latency",
            "HELP (Lee et al., NeurIPS 2021), github.com/HayeonLee/HELP; networks of HW-NAS-Bench",
            description="32×32 pixels",
        )
        for device in FbNet.devices
    }
    columns = tuple(fields.values())

    def architectures(self, text: Text) -> Codes:
        """The codes (n, 22) of the column ``blocks``."""
        return get_space(self.space).parse_many(text.column("blocks"))


register(FbNetLatencies())
