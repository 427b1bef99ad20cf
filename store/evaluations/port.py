"""The part of the store that keeps what evaluations found; see :class:`store.port.Store` for the rest."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """What an evaluation found.

    Args:
        origin: id of the job that evaluated.
        content: plain JSON.
    """

    origin: str
    content: dict[str, object]


class EvaluationStore(ABC):
    """Findings of evaluations, each under the digest of all that it follows from."""

    @abstractmethod
    def found(self, key: str, *, tenant_id: str = "default") -> Found | None:
        """What the tenant's evaluation of a digest found; None where there was none yet."""

    @abstractmethod
    def keep_found(
        self, key: str, content: Mapping[str, object], *, job_id: str, tenant_id: str = "default"
    ) -> Found:
        """Keeps what a job found; returns what is kept under the digest, which is the first.

        Raises:
            InvalidJson: the content holds NaN, an infinity or something that JSON does not know.
        """
