"""The abstract evaluator: measures an architecture, and states what it measured and on what.

A new evaluator is one file in ``search/evaluators``, or in a package that you install
(``docs/extending.md``), and one line of test.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from networks.images.catalog import Images
from spaces.metric import Observation, Quantity

if TYPE_CHECKING:
    from benchmarks.tables import Tables
    from search.problem import Problem
    from store.blobs.blobs import Blobs

WORKER = "worker"
"""The device that the ``latency`` evaluator measures: the machine that the evaluation runs on."""


class Stopped(RuntimeError):
    """The caller asked to stop; the work can start again from what the caller was given."""


class Checkpoints(Protocol):
    """Keeps what a long evaluation has reached, so that a successor goes on from there."""

    def load(self, key: str) -> bytes | None:
        """The last content saved under a key; None where there is none."""

    def save(self, key: str, content: bytes, progress: Mapping[str, object], message: str = "") -> None:
        """Keeps content in the place of what was there, and reports the progress, with a message."""

    def drop(self, key: str) -> None:
        """Forgets a key: its evaluation has ended."""


class MemoryCheckpoints:
    """Checkpoints that live as long as this process."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def load(self, key: str) -> bytes | None:
        """The last content saved under a key."""
        return self.contents.get(key)

    def save(self, key: str, content: bytes, progress: Mapping[str, object], message: str = "") -> None:
        """Keeps content."""
        self.contents[key] = content

    def drop(self, key: str) -> None:
        """Forgets a key."""
        self.contents.pop(key, None)


class SharedWork(Protocol):
    """What was found by anyone of a tenant, and who is finding it at this moment."""

    def find(self, key: str) -> dict[str, Any] | None:
        """What was found under a key, with its ``origin``; None where nothing was yet."""

    def begin(self, key: str) -> bool:
        """Announces that it is being found here, for a time; False while another's time runs."""

    def keep(self, key: str, found: Mapping[str, object]) -> dict[str, Any]:
        """Keeps what was found here; returns what is kept, which is the first, with its ``origin``."""

    def end(self, key: str) -> None:
        """Takes the announcement back."""


class RemoteEvaluations(Protocol):
    """Evaluations by clients outside, which ask for them; what was handed out survives its process."""

    def hand_out(
        self, architecture: str, order: Mapping[str, object], lease_seconds: float, attempts: int
    ) -> None:
        """Offers an architecture; one that was offered before stays as it is."""

    def collect(self, architecture: str) -> Observation | None:
        """What came of it; None while it is not known."""

    def offered(self) -> list[str]:
        """Everything that was offered, in its order."""

    def ended(self) -> set[str]:
        """What has come back."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What evaluators have to work with.

    Args:
        tables: measured truth.
        images: image data sets: a folder, or a catalog; None where there is none.
        cache_dir: where decoded images and exported networks are kept; None: nowhere.
        blobs: where trained weights go, opened when first needed; None: they are not kept.
        checkpoints: of evaluations that take long.
        shared: what others of the tenant evaluate, see :mod:`search.shared_work`; None: nobody else does.
        remote: clients outside who evaluate; None: there are none.
    """

    tables: "Tables"
    images: Images | None = None
    cache_dir: Path | None = None
    blobs: "Callable[[], Blobs] | None" = None
    checkpoints: Checkpoints = field(default_factory=MemoryCheckpoints)
    shared: SharedWork | None = None
    remote: RemoteEvaluations | None = None


class Evaluator(ABC):
    """Turns a canonical string into measured values."""

    source: str
    """What measured it, stated in every observation."""

    @abstractmethod
    def evaluate(self, architecture: str, should_stop: Callable[[], bool]) -> Observation:
        """One architecture's values, or why there are none (``failed``).

        Raises:
            Stopped: ``should_stop`` said so; what was reached is in the checkpoints.
        """

    def about(self) -> dict[str, object]:
        """What it measures and on what, plain JSON; recorded with the result."""
        return {"source": self.source}


class NamedEvaluator(Evaluator):
    """An evaluator that a request can name.

    What a request must know of it before one is made are attributes of the class.
    """

    name: ClassVar[str]
    """What requests call it; its module has the same name."""
    measures: ClassVar[tuple[str, ...]] = ()
    """Metrics that it brings to any space, besides those that the space names itself."""
    devices: ClassVar[tuple[str, ...]] = ()
    """Devices that it measures, besides those that the space names itself."""
    any_task: ClassVar[bool] = False
    """Whether a task may be any data set, uploaded or in the folder of images."""
    any_device: ClassVar[bool] = False
    """Whether a device may have any name."""
    takes_recipe: ClassVar[bool] = False
    """Whether it evaluates an architecture together with the recipe that it carries
    (:mod:`spaces.with_recipe`)."""
    slow: ClassVar[bool] = False
    """Whether it takes minutes: of several evaluators the others are asked first, and one that fails saves
    the time of these."""

    @classmethod
    @abstractmethod
    def read_options(cls, given: object, path: str) -> Any:
        """Options from a JSON object, checked.

        Raises:
            InvalidOptions: with every error, each naming its field below ``path``.
        """

    @classmethod
    @abstractmethod
    def why_not(
        cls, problem: "Problem", quantity: Quantity, options: Any, bench: Bench
    ) -> tuple[str, str] | None:
        """Why it cannot measure a quantity here, and a hint; None where it can. Loads no torch."""

    @classmethod
    @abstractmethod
    def make(
        cls, problem: "Problem", quantities: Sequence[Quantity], options: Any, bench: Bench, seed: int
    ) -> Self:
        """An evaluator of some quantities of a problem, for which :meth:`why_not` said nothing."""
