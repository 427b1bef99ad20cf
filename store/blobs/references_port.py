"""The part of the store that knows which blobs are named; see :class:`store.port.Store` for the rest."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Set

NAME_LENGTH = 64
_RUNS = re.compile(f"[0-9a-f]{{{NAME_LENGTH},}}")


class ReferenceStore(ABC):
    """Which blobs rows name, and whose slots may still be read."""

    @abstractmethod
    def named_blobs(self, names: Set[str]) -> set[str]:
        """Of these names of blobs, those that any row names, of whatever tenant.

        Everything that is kept counts, wherever in it the name stands, except a log's entries (what an event
        names, a row names too) and the results of trainings, which name weights that the predictor, the
        network or the space has or had.
        """

    @abstractmethod
    def unfinished_jobs(self, ids: Set[str]) -> set[str]:
        """Of these ids, those of jobs that are queued or running."""

    @abstractmethod
    def identity(self) -> str:
        """A text that this database has for ever, and no other one; a copy of it has it too."""


def names_in(texts: Iterable[object], wanted: Set[str]) -> set[str]:
    """Which of the wanted names stand in any of the texts.

    >>> name = "0f" * 32
    >>> names_in([None, '{"weights": "sha256:' + name + '"}'], {name, "1f" * 32}) == {name}
    True
    """
    found: set[str] = set()
    for text in texts:
        if not isinstance(text, str):
            continue
        for run in _RUNS.findall(text):
            windows = (run[start : start + NAME_LENGTH] for start in range(len(run) - NAME_LENGTH + 1))
            found.update(window for window in windows if window in wanted)
    return found
