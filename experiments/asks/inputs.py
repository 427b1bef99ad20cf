"""What people type: short ids, quantities as keys, and files of measurements as spreadsheets write them."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from experiments.framework.context import Context
from experiments.framework.row import NO_TABLE, Row

CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|none~2|"
OTHER = CELL.replace("skip_connect", "none")
FILES = (
    f"\ufeff{CELL},12.5\n{OTHER},3\n",
    f"architecture,latency_ms\n{CELL},12.5\n{OTHER},3\n",
    f"{CELL},12.5\r\n{OTHER},3\r\n",
    f"{CELL};12,5\n{OTHER};3,0\n",
    f"sep=;\r\nArchitecture;Latency (ms)\r\n{CELL};12,5\r\n{OTHER};3\r\n",
    f'"{CELL}","12,5"\n"{OTHER}","3"\n',
)
"""One device: a byte-order mark, a header, CRLF, semicolons with decimal commas, all of it, quotes."""
JOBS = 50


def input_rows(context: Context) -> list[Row]:
    """Shares of what is typed that is understood."""
    answers = {"short-ids": _short_ids(), "quantity-keys": _keys(), "device-files": _files()}
    return [
        Row.measured(f"inputs-{name}", found, "of 1", over="inputs", goal="== 1", evaluated_on=NO_TABLE)
        for name, found in answers.items()
    ]


def _short_ids() -> list[float]:
    from service.operations.short_ids import whole_id
    from store.database.ids import short_id
    from store.memory import MemoryStore

    store = MemoryStore()
    ids = [store.submit("design", {"seed": seed})[0].id for seed in range(JOBS)]
    return [float(whole_id(store, "default", "job", short_id(job_id)) == job_id) for job_id in ids]


def _keys() -> list[float]:
    from service.schemas.designs import DesignCreate

    parts = ({"metric": "accuracy", "task": "cifar10-fp32"}, {"metric": "params_m"})
    found = []
    for key, quantity in zip(("accuracy@cifar10-fp32", "params_m"), parts, strict=True):
        payloads = []
        for written in (key, {"metric": key}, quantity):
            bound = {**(written if isinstance(written, dict) else {"metric": key}), "max": 90.0}
            order = {"space": "nasbench201", "task": "cifar10-fp32", "objectives": [written]}
            design = DesignCreate.model_validate(order | {"constraints": [bound]})
            payloads.append(design.model_dump())
        found += [float(payload == payloads[-1]) for payload in payloads]
    return found


def _files() -> list[float]:
    """Each read as the command line reads it, which lies above this room."""
    read = (
        "import json, pathlib, sys\n"
        "from netwright.cli.measurements import read_measurements, read_text\n"
        "found = [read_measurements(read_text(pathlib.Path(each)), 'latency_ms') for each in sys.argv[1:]]\n"
        "print(json.dumps(found))"
    )
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.csv" for number in range(len(FILES))]
        for path, text in zip(paths, FILES, strict=True):
            path.write_bytes(text.encode())
        command = [sys.executable, "-c", read, *map(str, paths)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(found == [[CELL, 12.5], [OTHER, 3.0]]) for found in json.loads(answer.stdout)]
