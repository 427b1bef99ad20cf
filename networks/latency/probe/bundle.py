"""The folder: a network a file, the script that times them, and the list that its CSV follows."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

from networks.latency.onnx_file import onnx_bytes
from networks.plan import plan_network
from spaces.known import get_space

SCRIPT = "measure.py"
NOTE = """\
Measure a device
================

On any machine with Python, onnxruntime and numpy:

    python measure.py --threads 1

It writes latency.csv: an architecture and the median of its times in milliseconds, a line each. Then, where
Netwright runs:

    netwright devices add NAME --space {space} --file latency.csv

Leave the machine to itself while it measures, and say as many threads as the network will have.

Android: run the same files with ONNX Runtime's onnxruntime_perf_test, which its Android build holds
(adb push the folder to /data/local/tmp, then ./onnxruntime_perf_test -I -x 1 -r 50 NN.onnx for each), and
write the times into latency.csv by hand, in the order of architectures.csv.

Micro-controllers: convert each file with your vendor's tool for ONNX, time it there, and write latency.csv
the same way. A network that does not fit may be left out; three measurements are the fewest that make a
device, ten make a good one.
"""


def write_bundle(
    folder: Path,
    space_name: str,
    architectures: Sequence[str],
    *,
    progress: Callable[[int, int, str], None] = lambda done, total, message: None,
) -> None:
    """Writes the networks ``01.onnx`` …, ``architectures.csv``, ``measure.py`` and ``README.txt``.

    Each network is the space's own for its first task, at the architecture's resolution where that is a
    variable; weights are random, which times do not depend on.

    Args:
        folder: made where it is not there; what it holds of these names is replaced.
        space_name: of the architectures.
        architectures: canonical strings.
        progress: called with networks written, all of them, and a file's name.

    Raises:
        NoNetwork: the space has no networks.
    """
    space = get_space(space_name)
    network = space.network_config()
    plan_network(space_name, space.parse(architectures[0]), network)  # refuses before anything is written
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, architecture in enumerate(architectures, 1):
        name = f"{number:02}.onnx"
        progress(number - 1, len(architectures), name)
        (folder / name).write_bytes(onnx_bytes(space_name, architecture, network))
        rows.append((name, architecture))
    with (folder / "architectures.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "architecture"))
        writer.writerows(rows)
    (folder / SCRIPT).write_text(
        Path(__file__).with_name(SCRIPT).read_text(encoding="utf-8"), encoding="utf-8"
    )
    (folder / "README.txt").write_text(NOTE.format(space=space_name), encoding="utf-8")
