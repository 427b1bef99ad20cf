"""A study, its suggestions and its observations: plain data.

A study is open until it is closed: then it suggests nothing more, and still takes what was under way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from spaces.metric import Observation
from store.jobs.job import StoreError

FULL = "full"
"""The fidelity of an evaluation that ends a suggestion; a failure at any fidelity ends it too."""


class StudyClosed(StoreError):
    """The study suggests nothing more; never retry."""


class TooManyStudies(StoreError):
    """The tenant has as many as it may; delete one first."""


class TooManyObservations(StoreError):
    """The study has as many as it may, or would have more; open another one."""


class ObservedOtherwise(StoreError):
    """An architecture was observed before with other values; never retry, mend the observation.

    Args:
        index: of the observation in the call.
    """

    def __init__(self, index: int, architecture: str) -> None:
        super().__init__(f"{architecture} was observed before with other values")
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
    """

    number: int
    architecture: str
    client_id: str


@dataclass(frozen=True, slots=True)
class NumberedObservation:
    """An observation with its number, which only rises in a study."""

    number: int
    observation: Observation


def ends_suggestion(observation: Observation) -> bool:
    """Whether nothing more is to be evaluated of its architecture."""
    return observation.failed is not None or observation.fidelity == FULL


def is_news(known: Observation | None, observation: Observation, index: int) -> bool:
    """Whether an observation is to be stored, in place of the known one where there is one.

    The same observation twice is no news. Values take the place of a failure; a failure that comes after
    values, late and out of order, is no news either.

    Raises:
        ObservedOtherwise: for values that differ from the known ones.
    """
    if known is None or (known.failed is not None and observation.failed is None):
        return True
    if known.failed is None and observation.failed is None and dict(known.values) != dict(observation.values):
        raise ObservedOtherwise(index, observation.architecture)
    return False
