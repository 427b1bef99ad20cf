"""What training everything that ships costs; rows of ``netwright compare throughput``."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from experiments.framework.context import Context
from experiments.framework.row import Row
from spaces.known import get_space, space_names
from spaces.space import Space

CORES = 2
SHORT, LONG = 10, 30
STATEMENT = "extrapolated from short runs, once"

PROTOCOL = f"""\
7, training: minutes of processor time that ``make weights`` takes for each part. Trainings in steps are
extrapolated from runs of {SHORT} and {LONG} steps, the fastest of two: what does not grow with the steps, and
so much a step. Predictors: one column of each space times the columns; latency models: all. The whole is the
sum over {CORES} cores, which parts share as they are independent. Left out: zero-cost proxies, which have
a limit of their own (their card), score_sde, which is there to be compared with, and evaluating cards."""

Trainer = Callable[[int], object]
"""Trains for so many steps."""


def of_training(context: Context) -> list[Row]:
    """Each kind of model in each space, and the whole."""
    rows, whole = [], 0.0
    for what, measure in (*_in_steps().items(), ("predictors", _predictors), ("devices", _devices)):
        minutes = context.once(f"training {what}", _minutes, context, measure)
        whole += minutes
        rows.append(Row.measured(f"7-training-{what}", minutes, "core minutes", statement=STATEMENT))
    return [*rows, Row.measured("7-training", whole / CORES, "minutes", statement=STATEMENT)]


def _minutes(context: Context, measure: Callable[[Context], float]) -> float:
    return measure(context) / 60


def seconds_of(train: Trainer, steps: int) -> float:
    """Processor seconds of a training in ``steps`` steps, extrapolated from short ones.

    >>> seconds_of(lambda steps: None, 1000) < 1
    True
    """
    short, long = (min(_seconds(train, count) for _ in range(2)) for count in (SHORT, LONG))
    each = max(long - short, 0.0) / (LONG - SHORT)
    return max(short - SHORT * each, 0.0) + steps * each


def _seconds(train: Trainer, steps: int) -> float:
    began = time.process_time()
    train(steps)
    return time.process_time() - began


def _in_steps() -> dict[str, Callable[[Context], float]]:
    """How many processor seconds each takes: encoders, pretrained networks, generators."""
    from encoders.arch2vec.train import TrainingOptions as EncoderTraining
    from encoders.arch2vec.train import train_encoder
    from encoders.pretrained import networks as pretrained
    from encoders.pretrained.train import PretrainingOptions, pretrain
    from generator.masked.train import TrainingOptions as GeneratorTraining
    from generator.masked.train import train_generator

    found: dict[str, Callable[[Context], float]] = {}
    for name in space_names():
        space = get_space(name)
        coding = EncoderTraining.of(space)

        def encoder(steps: int, space: Space = space, options: EncoderTraining = coding) -> object:
            return train_encoder(space, options=replace(options, steps=steps))

        def generator(steps: int, space: Space = space) -> object:
            return train_generator(space, options=GeneratorTraining(steps=steps))

        def networks(steps: int, space: Space = space) -> object:
            return pretrain(space, options=PretrainingOptions(steps=steps))

        found[f"encoder-{name}"] = _extrapolated(encoder, coding.steps)
        found[f"generator-{name}"] = _extrapolated(generator, GeneratorTraining().steps)
        if pretrained.ships(name):
            found[f"pretrained-{name}"] = _extrapolated(networks, PretrainingOptions().steps)
    return found


def _extrapolated(train: Trainer, steps: int) -> Callable[[Context], float]:
    return lambda context: seconds_of(train, steps)


def _predictors(context: Context) -> float:
    """One column of each space, times the columns."""
    from predictors.shipped import quantities
    from predictors.training.ship_predictors import fitted

    total = 0.0
    for name in space_names():
        columns = [key for key in quantities(name) if context.tables.available(name, key) is None]
        if columns:
            began = time.process_time()
            fitted(context.tables, get_space(name), context.tables.column(name, columns[0]))
            total += (time.process_time() - began) * len(columns)
    return total


def _devices(context: Context) -> float:
    """Every latency model, into a folder that is thrown away."""
    from predictors.training.ship_devices import train_devices

    began = time.process_time()
    with TemporaryDirectory() as folder:
        train_devices(context.tables, Path(folder))
    return time.process_time() - began
