"""One's own images, one's own phone of ten measurements, two trainings: nothing is trained over the bound."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

import search.testing.tabled_training  # noqa: F401  (registers the stubbed training)
from benchmarks.tables import Tables
from experiments.framework.context import Context
from experiments.framework.pool import Part
from experiments.framework.row import Row
from predictors.devices import shipped as shipped_devices
from predictors.devices.measured import MeasuredDevice
from predictors.devices.model import DeviceModel
from predictors.training.ship_devices import draw_labels
from search.run.loop import Event
from spaces.known import get_space

SPACE = "nasbench201"
PHONES = ("pixel2", "pixel3", "samsung_a50", "samsung_s7", "essential_ph_1")
MEASURED = 10
CANDIDATES = 300
"""Random cells that a user could measure; the probe says which ten to measure."""
TRAININGS = 2
QUANTILE = 0.25
TOLERATED = 1.05
"""Over the bound by more, a training is wasted."""
COLUMN = "cifar100"
COLUMNS = [f"{SPACE}/latency_ms@{phone}" for phone in PHONES]
KNOWLEDGE = ("auto", "none")


def own_device_rows(context: Context) -> list[Row]:
    """Trainings over the bound, and what they found, with and without what is known."""
    first = "own-device-trainings-over-bound"
    needed = [f"latency_ms@{PHONES[0]}", f"accuracy@{COLUMN}"]
    for key in needed:
        if (reason := context.tables.available(SPACE, key)) is not None:
            return [Row.absent(first, reason, "of 100", goal="<= 2", evaluated_on=COLUMNS)]
    parts = [
        Part(f"own device {phone} {context.seeds}", bounded_designs, (phone, list(context.seeds)))
        for phone in PHONES
    ]
    found = context.all(parts, "own device")
    answers = [found[part.name] for part in parts]
    rows = []
    for knowledge in KNOWLEDGE:
        after = "" if knowledge == "auto" else f"-knowledge-{knowledge}"
        over = [_per_hundred(answer[knowledge]) for answer in answers]
        goal = "<= 2" if knowledge == "auto" else None
        rows.append(
            Row.measured(
                f"{first}{after}",
                over,
                "of 100",
                over="devices",
                goal=goal,
                evaluated_on=COLUMNS if goal else None,
            )
        )
        best = [float(np.mean(answer[knowledge]["best"])) for answer in answers]
        rows.append(Row.measured(f"own-device-best-accuracy{after}", best, "%", over="devices"))
    answered = [100.0 * answer["auto"]["succeeded"] / len(context.seeds) for answer in answers]
    rows.append(
        Row.measured(
            "own-device-answered",
            answered,
            "% of designs",
            over="devices",
            goal=">= 95",
            evaluated_on=COLUMNS,
        )
    )
    uniform = [answer["uniform"] for answer in answers]
    rows.append(Row.measured("own-device-uniform-draws-over-bound", uniform, "of 100", over="devices"))
    return rows


def bounded_designs(tables: Tables, phone: str, seeds: list[int]) -> dict[str, object]:
    """What designs under a bound on one phone train, by knowledge; each seed measures other cells."""
    from search.design import run_design
    from search.request.design_request import parse_request

    space = get_space(SPACE)
    everyone = space.enumerate()
    latency = tables.values(SPACE, f"latency_ms@{phone}", everyone)
    bound = float(np.quantile(latency, QUANTILE))
    truth = dict(zip(space.format(everyone), latency.tolist(), strict=True))
    answer: dict[str, object] = {"uniform": 100.0 * float((latency > TOLERATED * bound).mean())}
    model = without(tables, phone)
    with device_model(model):
        for knowledge in KNOWLEDGE:
            over, trained, best, succeeded = 0, 0, list[float](), 0
            for seed in seeds:
                pool = space.sample(CANDIDATES, np.random.default_rng([seed, 7]))
                cells = model.probe(MEASURED, pool)
                pairs = tuple((cell, truth[cell]) for cell in space.format(cells))
                device = MeasuredDevice(SPACE, "my-phone", "latency_ms", pairs)
                order = {
                    "space": SPACE,
                    "task": "my-images",
                    "constraints": [{"metric": "latency_ms", "device": "my-phone", "max": bound}],
                    "evaluations": TRAININGS,
                    "evaluator": "tabled-training",
                    "evaluator_options": {"tabled-training": {"column": COLUMN}},
                    "confidence": 0.9,
                    "count": TRAININGS,
                    "knowledge": knowledge,
                    "seed": seed,
                }
                seen: list[str] = []

                def on_event(event: Event, seen: list[str] = seen) -> None:
                    seen += [each.architecture for each in event.observations]

                outcome = run_design(parse_request(order, [device]), tables=tables, on_event=on_event)
                trained += len(seen)
                over += sum(truth[cell] > TOLERATED * bound for cell in seen)
                succeeded += outcome.state == "succeeded"
                best += (
                    [float(tables.values(SPACE, f"accuracy@{COLUMN}", space.parse_many(seen)).max())]
                    if seen
                    else []
                )
            answer[knowledge] = {"over": over, "trained": trained, "best": best, "succeeded": succeeded}
    return answer


def without(tables: Tables, phone: str) -> DeviceModel:
    """The shared device model, refitted and recalibrated without one device's column."""
    labels = {name: own for name, own in draw_labels(tables, SPACE).items() if name != phone}
    return DeviceModel.train(get_space(SPACE), labels, counts=(MEASURED,))


@contextmanager
def device_model(model: DeviceModel) -> Iterator[None]:
    """Another device model in the place of the one that ships."""
    shipped = shipped_devices.load
    shipped_devices.load = lambda space: model  # type: ignore[assignment]
    try:
        yield
    finally:
        shipped_devices.load = shipped


def _per_hundred(run: dict[str, int]) -> float:
    return 100.0 * run["over"] / max(run["trained"], 1)
