"""NAS-Bench-201 (Dong & Yang, ICLR 2020) in the data directory: official accuracies, measured latencies."""

from typing import final

from benchmarks.csv_table import CsvTable, Text
from benchmarks.table import Column, register
from spaces.families.nasbench201 import NasBench201
from spaces.metric import Quantity
from spaces.space import Codes


class NasBench201Table(CsvTable):
    """A file whose column ``arch`` holds the cells' strings."""

    space = NasBench201.name

    @final
    def architectures(self, text: Text) -> Codes:
        """The codes (n, 6) of the column ``arch``."""
        return NasBench201().parse_many(text.column("arch"))


_ACCURACY_SOURCE = "NAS-Bench-201 (Dong & Yang, ICLR 2020), as collected in github.com/hzf1174/RoBoT"


@final
class Accuracies(NasBench201Table):
    """Test accuracy after 200 epochs, mean of the trained seeds; CIFAR-10 after 12 epochs besides."""

    name = "nasbench201-accuracy"
    file = "nasbench201_accuracy.csv.gz"
    origin = f"file {file}"
    fields = {
        "cifar10_test": Column(
            Quantity("accuracy", task="cifar10"),
            name,
            _ACCURACY_SOURCE,
            "test",
            description="after 200 epochs",
        ),
        "cifar100_test": Column(
            Quantity("accuracy", task="cifar100"),
            name,
            _ACCURACY_SOURCE,
            "test",
            description="after 200 epochs",
        ),
        "cifar10_valid_12ep": Column(
            Quantity("accuracy", task="cifar10-valid-12ep"),
            name,
            _ACCURACY_SOURCE,
            "validation",
            extra=True,
            description="after 12 epochs",
        ),
        "cifar10_train_seconds_12ep": Column(
            Quantity("train_seconds", task="cifar10-valid-12ep"),
            name,
            _ACCURACY_SOURCE,
            extra=True,
            description="what the 12 epochs took",
        ),
    }
    columns = tuple(fields.values())


@final
class Latencies(NasBench201Table):
    """Milliseconds a call; a device's suffix is the batch size."""

    name = "nasbench201-latency"
    file = "nasbench201_latency_ms.csv.gz"
    origin = f"file {file}"
    fields = {
        device: Column(
            Quantity("latency_ms", device=device),
            "nasbench201-latency",
            "HELP (Lee et al., NeurIPS 2021), github.com/HayeonLee/HELP; in part HW-NAS-Bench and LatBench",
        )
        for device in NasBench201.devices
    }
    columns = tuple(fields.values())


register(Accuracies())
register(Latencies())
