"""Times the networks of this folder on this machine and writes what `netwright devices add` reads.

It needs onnxruntime and numpy alone:

    python measure.py                  # writes latency.csv, one thread
    python measure.py --threads 4 --seconds 2
"""

import argparse
import csv
import statistics
import time
from pathlib import Path

import numpy as np
import onnxruntime

HERE = Path(__file__).resolve().parent
WARM_UP_RUNS, WARM_UP_SECONDS, LEAST_RUNS = 10, 0.3, 20


def latency_ms(path: Path, threads: int, seconds: float) -> float:
    """Median of one inference, in milliseconds, after a warm-up."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    feed = {x.name: rng.standard_normal(x.shape).astype(np.float32) for x in session.get_inputs()}
    count, end = 0, time.perf_counter() + WARM_UP_SECONDS
    while count < WARM_UP_RUNS or time.perf_counter() < end:
        session.run(None, feed)
        count += 1
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < LEAST_RUNS or time.perf_counter() < end:
        start = time.perf_counter()
        session.run(None, feed)
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def main() -> None:
    """Measures every network of architectures.csv."""
    parser = argparse.ArgumentParser(description="Times the networks of this folder.")
    parser.add_argument("--threads", type=int, default=1, help="that compute one inference")
    parser.add_argument("--seconds", type=float, default=2.0, help="for which each network is timed")
    parser.add_argument("--out", type=Path, default=HERE / "latency.csv", help="file to write")
    asked = parser.parse_args()
    with (HERE / "architectures.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    measured = []
    for row in rows:
        value = latency_ms(HERE / row["file"], asked.threads, asked.seconds)
        measured.append((row["architecture"], f"{value:.4f}"))
        print(f"{row['file']}: {value:.3f} ms", flush=True)  # noqa: T201
    with asked.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("architecture", "latency_ms"))
        writer.writerows(measured)


if __name__ == "__main__":
    main()
