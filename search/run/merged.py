"""Several observations of one architecture as one: means, standard errors, and how many there were.

Notation: m measurements of one quantity of one architecture.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from spaces.metric import Observation

FULL = "full"
COUNT, ERROR, STD = "count", "standard_error", "std"
"""Details: quantity key → number of measurements, standard error of their mean; and the standard deviation of
one measurement, as it was told."""


@dataclass(slots=True)
class Tally:
    """What was told of one architecture at full fidelity.

    Args:
        values: quantity key → run → the value and its standard deviation, None where none was told.
        failed: why its evaluation failed, where nothing came after.
        last: what was told last.
    """

    values: dict[str, dict[object, tuple[float, float | None]]] = field(default_factory=dict)
    failed: str | None = None
    last: Observation | None = None

    def add(self, told: Observation, run: object) -> None:
        """Takes in what a run brought; it has one value of each quantity."""
        self.last = told
        self.failed = told.failed
        spreads = told.details.get(STD)
        for key, value in told.values.items():
            std = spreads.get(key) if isinstance(spreads, Mapping) else None
            self.values.setdefault(key, {})[run] = value, None if std is None else float(std)

    def merged(self) -> Observation:
        """One observation: the means, with count and standard error where there is more to say than a value.

        The standard error of m measurements is s/√m, s their own standard deviation, or from the told ones
        √(Σ s²)/m where every measurement has one.
        """
        assert self.last is not None
        values, counts, errors = dict[str, float](), dict[str, int](), dict[str, float]()
        for key, runs in self.values.items():
            told = [value for value, _ in runs.values()]
            values[key] = math.fsum(told) / len(told) if len(set(told)) > 1 else told[0]
            counts[key] = len(told)
            error = _standard_error(told, [std for _, std in runs.values()])
            if error is not None:
                errors[key] = error
        details = {name: value for name, value in self.last.details.items() if name not in (STD, "run")}
        if errors or max(counts.values(), default=1) > 1:
            details |= {COUNT: counts, ERROR: errors}
        return replace(self.last, values=values, failed=None, details=details)


def _standard_error(values: list[float], stds: list[float | None]) -> float | None:
    """Of the mean of values (m,); None where one value was told without a standard deviation."""
    told = [std for std in stds if std is not None]
    if len(told) == len(values):
        return math.sqrt(math.fsum(std * std for std in told)) / len(values)
    if len(values) < 2:
        return None
    mean = math.fsum(values) / len(values)
    square = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return math.sqrt(square / len(values))


def merged(
    observations: Iterable[Observation], needed: Collection[str]
) -> tuple[list[Observation], list[Observation], list[str]]:
    """What the observations of a search tell of each architecture at full fidelity.

    Args:
        observations: as they were told.
        needed: keys of the values that make one whole.

    Returns:
        the whole ones in the order in which they became whole, those that are told in part in the order of
        their first value, and the architectures that failed
    """
    tallies, whole = dict[str, Tally](), dict[str, None]()
    failed = dict[str, None]()
    for number, told in enumerate(observations):
        if told.failed is not None:
            failed[told.architecture] = None
        if told.fidelity != FULL:
            continue
        tally = tallies.setdefault(told.architecture, Tally())
        tally.add(told, told.details.get("run", number))
        if told.failed is None:
            failed.pop(told.architecture, None)
            if tally.values.keys() >= set(needed):
                whole[told.architecture] = None
    ended = [tallies[name].merged() for name in whole if name not in failed]
    part = [
        tally.merged()
        for name, tally in tallies.items()
        if name not in whole and name not in failed and tally.values
    ]
    return ended, part, list(failed)
