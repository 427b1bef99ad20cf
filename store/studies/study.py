"""A study, its suggestions and its observations: plain data.

A study is open until it is closed: then it suggests nothing more, and still takes what was under way.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from spaces.metric import Observation
from store.jobs.job import StoreError

RUN, STD = "run", "std"
"""Details of an observation: which measurement it is, and quantity key → its standard deviation."""
LEASE_SECONDS = 86_400.0
"""How long a suggestion is its client's, unless the study says otherwise, without any call of his."""
STUDY = "study"
"""Field of a study's request that holds what no design has."""
FULL = "full"
"""The fidelity of an evaluation that ends a suggestion once all values are there; a failure always does."""


class StudyClosed(StoreError):
    """The study suggests nothing more; never retry."""


class TooManyStudies(StoreError):
    """The tenant has as many as it may; delete one first."""


class TooManyObservations(StoreError):
    """The study has as many as it may, or would have more; open another one."""


class ObservedOtherwise(StoreError):
    """A run has another value of a quantity already; never retry, mend the observation or name another run.

    Args:
        index: of the observation in the call.
    """

    def __init__(self, index: int, architecture: str) -> None:
        super().__init__(f"this run of {architecture} was observed before with other values")
        self.index = index


@dataclass(frozen=True, slots=True)
class Study:
    """One row of the studies table, as it was when it was read.

    Args:
        id: sortable by time of creation.
        request: what is searched for, plain JSON.
        suggested: suggestions so far.
        waiting: of these, how many are unfinished.
        observed: observations so far, failures among them.
        failed: of these, how many are failures.
        closed_at: None while it is open.
    """

    id: str
    tenant_id: str
    request: Mapping[str, object]
    created_at: datetime
    closed_at: datetime | None
    suggested: int
    waiting: int
    observed: int
    failed: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An architecture that a client shall evaluate.

    Args:
        number: 1, 2, 3 … in each study.
        client_id: who evaluates it; empty where it waits for the next one who asks.
        expires_at: when it is nobody's again, unless its client calls before.
    """

    number: int
    architecture: str
    client_id: str
    expires_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class NumberedObservation:
    """An observation with its number, which only rises in a study.

    Args:
        run: which of several measurements of its architecture at its fidelity.
        at: when it was told.
        client_id: who told it; None where that is not known.
    """

    number: int
    observation: Observation
    run: str = ""
    at: datetime | None = field(default=None, compare=False)
    client_id: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Taken:
    """What becomes of an observation.

    Args:
        observation: as it is stored, together with what its run had told before.
        run: its run; None where its number names it.
        replaces: numbers of the known ones that it takes the place of.
        complete: whether its architecture has every value that is needed now.
    """

    observation: Observation
    run: str | None
    replaces: tuple[int, ...] = ()
    complete: bool = False

    @property
    def ends(self) -> bool:
        """Whether nothing more is to be evaluated of its architecture."""
        return self.complete or self.observation.failed is not None


def run_of(observation: Observation) -> str | None:
    """The run that its client named."""
    run = observation.details.get(RUN)
    return None if run is None else str(run)


def take_in(
    known: Sequence[NumberedObservation], new: Observation, needed: Collection[str], index: int = 0
) -> Taken | None:
    """What is to be stored of an observation; None where it is no news.

    The same values again are no news, other values are another measurement. A run that is named has one value
    of each quantity; what it tells later joins what it told before. Values take the place of a failure; a
    failure that comes after all values, late and out of order, is no news.

    Args:
        known: of the same architecture and fidelity.
        new: what was told.
        needed: keys of the values that end an evaluation.
        index: of the observation in the call.

    Raises:
        ObservedOtherwise: the run has another value of a quantity.
    """
    failures = [entry for entry in known if entry.observation.failed is not None]
    measured = [entry for entry in known if entry.observation.failed is None]
    told = {key for entry in measured for key in entry.observation.values}
    if new.failed is not None:
        late = bool(measured) and (new.fidelity != FULL or told >= set(needed))
        return None if failures or late else Taken(new, None)  # its run may have brought values before
    run, replaces = run_of(new), tuple(entry.number for entry in failures)
    values, stored = dict(new.values), new
    if run is None:
        if any(entry.observation.values.items() >= values.items() for entry in measured):
            return None
    elif (same := next((entry for entry in measured if entry.run == run), None)) is not None:
        before = same.observation.values
        if any(before[key] != value for key, value in values.items() if key in before):
            raise ObservedOtherwise(index, new.architecture)
        if before.keys() >= values.keys():
            return None
        details = _joined(same.observation.details, new.details)
        stored = replace(
            new,
            values={**before, **values},
            details=details,
            seconds=same.observation.seconds + new.seconds,
        )
        replaces = (*replaces, same.number)
    complete = new.fidelity == FULL and (told | values.keys()) >= set(needed)
    return Taken(stored, run, replaces, complete)


def _joined(before: Mapping[str, object], new: Mapping[str, object]) -> dict[str, object]:
    """Details of a run that was told in parts: objects in them are joined, too."""
    found = {**before, **new}
    for name, value in before.items():
        other = new.get(name)
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            found[name] = {**value, **other}
    return found
