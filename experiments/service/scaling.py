"""What the stack itself costs, and how it grows: with workers, with queued jobs, with nothing to do.

Row ids: 0 the machine, 1 work that waits on more and more workers, 2 the stack's overhead, 3 a long queue,
4 memory, 5 processor time. All of it with the real processes, over HTTP where a client would use HTTP.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np

from experiments.framework.context import Context
from experiments.framework.registry import comparison
from experiments.framework.row import NO_TABLE, Row
from experiments.service import servers, waiting
from store.jobs.job import Job
from store.sql import SqlStore
from workers.stack import Stack, StackOptions

STACKS = ("sqlite-valkey", "postgresql-redis")
WORKERS = (1, 2, 4, 8)
WAIT_SECONDS = 0.2
JOBS_PER_WORKER = 4
EVALUATIONS = 12
"""A job of the first part takes 12 × 0.2 s."""
FREE_EVALUATIONS = 500
FREE_JOBS = 100
QUEUED = 10_000
PAGE = 20
REQUESTS = 400
IDLE_SECONDS = 10.0
DESIGNS = 5
TIMEOUT_SECONDS = 300.0

DESIGN: dict[str, object] = {
    "space": "nasbench201",
    "task": "cifar10-int8-ptq",
    "constraints": [{"metric": "params_m", "max": 0.8}],
    "count": 4,
    "evaluations": 6,
    "evaluator": "table",
    "knowledge": "none",
}

PROTOCOL = f"""\
Real processes on one machine: SQLite with the bundled Valkey; PostgreSQL (syncing) with Redis (append-only).
1: evaluations that wait {WAIT_SECONDS:g} s, {JOBS_PER_WORKER} jobs of {EVALUATIONS} for each worker;
evaluations a second from the first start to the last finish, by the database's clock, over as many times that
of one worker. 2: one worker; a job of {FREE_EVALUATIONS} evaluations that cost nothing, and {FREE_JOBS} jobs
of one; time from the first start to the last finish over their number. 3: two stacks without workers, one
with {QUEUED:,} queued designs, one with two pages of them; {REQUESTS} designs submitted to and {REQUESTS}
pages read from each, in turn, over HTTP. 4: resident memory, of a worker before any design, then after
{DESIGNS + 1} designs on nasbench201 with 6 table evaluations and a prediction. 5: processor time while idle
for {IDLE_SECONDS:g} s, and of a worker for one such design."""


@comparison("scaling", protocol=PROTOCOL, seeds=1, full_seeds=3, alone=True, hours=0.4)
def scaling(context: Context) -> Sequence[Row]:
    """All parts on both stacks; a seed is one repetition."""
    load = [context.once(f"load-{seed}", lambda: os.getloadavg()[0]) for seed in context.seeds]
    rows = [Row.measured("0-load-average-at-the-start", load, "processes")]
    for name in STACKS:
        reason = None if name == "sqlite-valkey" else servers.missing()
        measured: list[dict[str, float]] = []
        for seed in context.seeds if reason is None else ():
            context.progress(seed, len(context.seeds), name)
            measured.append(context.once(f"{name}-{seed}", measure, name))
        rows += [
            _row(f"{number}-{name}-{what}", [m[what] for m in measured], unit, goal, reason)
            for (number, what), (unit, goal) in FIGURES.items()
        ]
    return rows


FIGURES: dict[tuple[int, str], tuple[str, str | None]] = {
    (1, "1-worker"): ("evaluations/s", None),
    **{(1, f"{count}-workers"): ("of linear", ">= 0.9") for count in WORKERS[1:]},
    (2, "evaluation"): ("ms", "<= 15"),
    (2, "job-of-one-evaluation"): ("ms", "<= 15"),
    (3, "submit-p95"): ("ms", "<= 50"),
    (3, "submit-times-empty"): ("times", "<= 1.2"),
    (3, "page-p95"): ("ms", "<= 100"),
    (3, "page-times-empty"): ("times", "<= 1.2"),
    (3, "page-in-the-middle-p95"): ("ms", "<= 100"),
    **{(4, f"{role}-memory"): ("MB", None) for role in ("api", "relay", "worker", "idle-worker")},
    **{(5, f"{role}-idle"): ("% of a core", None) for role in ("api", "relay", "worker")},
    (5, "worker-per-design"): ("s", None),
}
"""Every figure of a stack: its number and name, its unit and its goal."""


def _row(id: str, values: Sequence[float], unit: str, goal: str | None, reason: str | None) -> Row:
    if reason is not None:
        return Row.absent(id, reason, unit, goal=goal)
    return Row.measured(id, values, unit, goal=goal, evaluated_on=NO_TABLE)


def measure(name: str) -> dict[str, float]:
    """All figures of one kind of stack, by name."""
    speeds = {count: speed(name, count) for count in WORKERS}
    figures = {"1-worker": speeds[1]}
    figures |= {f"{count}-workers": speeds[count] / (count * speeds[1]) for count in WORKERS[1:]}
    return figures | overhead(name) | long_queue(name) | needs(name)


@contextmanager
def running(name: str, **options: object) -> Iterator[tuple[Stack, SqlStore]]:
    """A stack of a kind in an empty folder, on servers of its own, and the store that it uses."""
    with TemporaryDirectory(prefix="netwright-scaling-") as folder:
        if name == "sqlite-valkey":
            with _stack(Path(folder), None, None, options) as pair:
                yield pair
        else:
            with (
                servers.postgres() as database,
                servers.redis() as broker,
                _stack(Path(folder), database, broker, options) as pair,
            ):
                yield pair


@contextmanager
def _stack(
    folder: Path, database_url: str | None, broker_url: str | None, options: dict[str, object]
) -> Iterator[tuple[Stack, SqlStore]]:
    environment = {"NETWRIGHT_LOG_LEVEL": "WARNING", "OMP_NUM_THREADS": "1"}
    chosen = StackOptions(
        data_dir=folder,
        database_url=database_url,
        broker_url=broker_url,
        environment=environment,
        command=waiting.COMMAND,
        log_dir=folder / "logs",
        start_seconds=TIMEOUT_SECONDS,
        **options,  # type: ignore[arg-type]
    )
    with Stack(chosen) as stack:
        store = SqlStore(stack.database_url)
        try:
            yield stack, store
        finally:
            store.close()


def speed(name: str, workers: int) -> float:
    """Evaluations a second that so many workers make when each evaluation waits."""
    with running(name, workers=workers, api=False) as (_, store):
        _work(store, workers, 1, WAIT_SECONDS)  # what is loaded at the first job is not measured
        jobs = _work(store, workers * JOBS_PER_WORKER, EVALUATIONS, WAIT_SECONDS)
    return len(jobs) * EVALUATIONS / _seconds(jobs)


def overhead(name: str) -> dict[str, float]:
    """Milliseconds of a worker's time for an evaluation that costs nothing, in a long job and as a job."""
    with running(name, workers=1, api=False) as (_, store):
        _work(store, 1, 1, 0.0)
        long = _work(store, 1, FREE_EVALUATIONS, 0.0)
        short = _work(store, FREE_JOBS, 1, 0.0)
    return {
        "evaluation": 1000 * _seconds(long) / FREE_EVALUATIONS,
        "job-of-one-evaluation": 1000 * _seconds(short) / FREE_JOBS,
    }


def _work(store: SqlStore, jobs: int, evaluations: int, seconds: float) -> list[Job]:
    """Orders jobs of waiting and returns them when all have succeeded."""
    payload = {"count": evaluations, "seconds": seconds}
    ids = [store.submit(waiting.KIND, payload, total=evaluations)[0].id for _ in range(jobs)]
    return _ended(store, ids)


def _ended(store: SqlStore, ids: Sequence[str]) -> list[Job]:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    done: list[Job] = []
    while len(done) < len(ids):
        job = store.job(ids[len(done)])
        if job.state.terminal:
            if job.state.value != "succeeded":
                raise RuntimeError(f"a job ended {job.state}: {job.reason}")
            done.append(job)
        elif time.monotonic() > deadline:
            raise RuntimeError(f"{len(ids) - len(done)} jobs did not end in {TIMEOUT_SECONDS:g} s")
        else:
            time.sleep(0.1)
    return done


def _seconds(jobs: Sequence[Job]) -> float:
    """From the first start to the last finish."""
    started = min(job.started_at for job in jobs if job.started_at is not None)
    finished = max(job.finished_at for job in jobs if job.finished_at is not None)
    return (finished - started).total_seconds()


def long_queue(name: str) -> dict[str, float]:
    """Latencies with many designs queued beside those with one page of them, request by request in turn."""
    with (
        running(name, workers=0) as (long, long_store),
        running(name, workers=0) as (short, short_store),
        httpx.Client(base_url=long.url, timeout=30) as to_long,
        httpx.Client(base_url=short.url, timeout=30) as to_short,
    ):
        _fill(long_store, QUEUED)
        _fill(short_store, PAGE)
        middle = long_store.jobs(limit=1)[0][0].id
        clients = {"long": to_long, "short": to_short}
        submits: dict[str, list[float]] = {"long": [], "short": []}
        pages: dict[str, list[float]] = {"long": [], "short": []}
        middles: list[float] = []
        for client in clients.values():
            for _ in range(PAGE):
                _submit(client)
        for _ in range(REQUESTS):
            for which, client in clients.items():
                submits[which].append(_timed(lambda client=client: _submit(client)))  # type: ignore[misc]
            for which, client in clients.items():
                pages[which].append(_timed(lambda client=client: _page(client)))  # type: ignore[misc]
            middles.append(_timed(lambda: _page(to_long, middle)))
    return {
        "submit-p95": _p95(submits["long"]),
        "submit-times-empty": _p95(submits["long"]) / _p95(submits["short"]),
        "page-p95": _p95(pages["long"]),
        "page-times-empty": _p95(pages["long"]) / _p95(pages["short"]),
        "page-in-the-middle-p95": _p95(middles),
    }


def _fill(store: SqlStore, count: int) -> None:
    """Queues designs as the API would, and waits until the relay has published all of them."""
    from search.request.design_request import parse_request

    payload = parse_request(DESIGN).to_dict()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: store.submit("design", payload, total=6), range(count)))
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while store.unpublished(1):
        if time.monotonic() > deadline:
            raise RuntimeError("the relay did not publish")
        time.sleep(0.1)


def _submit(client: httpx.Client) -> str:
    answer = client.post("/v1/designs", json=DESIGN)
    answer.raise_for_status()
    return str(answer.json()["id"])


def _page(client: httpx.Client, after: str | None = None) -> None:
    answer = client.get("/v1/jobs", params={"limit": PAGE} | ({} if after is None else {"after": after}))
    answer.raise_for_status()
    if len(answer.json()["jobs"]) != PAGE:
        raise RuntimeError("not a full page")


def _timed(call: Callable[[], object]) -> float:
    """Milliseconds that a call takes."""
    begin = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - begin)


def _p95(values: Sequence[float]) -> float:
    return float(np.percentile(values, 95))


def needs(name: str) -> dict[str, float]:
    """Memory and processor time of each process: idle, and after designs."""
    with running(name, workers=1) as (stack, store), httpx.Client(base_url=stack.url, timeout=60) as client:
        roles = {role.partition("-")[0]: pid for role, pid in stack.pids.items()}
        figures = {"idle-worker-memory": _memory_mb(roles["worker"])}
        before = {role: _cpu_seconds(pid) for role, pid in roles.items()}
        time.sleep(IDLE_SECONDS)
        for role in ("api", "relay", "worker"):
            used = _cpu_seconds(roles[role]) - before[role]
            figures[f"{role}-idle"] = 100 * used / IDLE_SECONDS
        _ended(store, [_submit(client)])  # the first design loads the models
        begin = _cpu_seconds(roles["worker"])
        _ended(store, [_submit(client) for _ in range(DESIGNS)])
        figures["worker-per-design"] = (_cpu_seconds(roles["worker"]) - begin) / DESIGNS
        _predict(client)
        figures |= {f"{role}-memory": _memory_mb(roles[role]) for role in ("api", "relay", "worker")}
    return figures


def _predict(client: httpx.Client) -> None:
    """One prediction, so that the API has its models in memory."""
    example = client.get("/v1/spaces/nasbench201").json()["example"]
    metrics = [{"metric": "accuracy", "task": "cifar10-int8-ptq"}]
    order = {"space": "nasbench201", "metrics": metrics, "architectures": [example]}
    client.post("/v1/predict", json=order).raise_for_status()


def _memory_mb(pid: int) -> float:
    """Resident memory of a process now."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (kilobytes,) = (int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return kilobytes * 1024 / 1e6


def _cpu_seconds(pid: int) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
