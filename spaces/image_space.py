"""Spaces of image classifiers, whose networks exist for any number of classes and any resolution."""

from abc import abstractmethod
from typing import ClassVar

from spaces.costs.network_config import FULL, SKELETONS, NetworkConfig
from spaces.space import Codes, Floats, Space


class ImageSpace(Space):
    """A space of image classifiers.

    Its statistics are the costs of the networks that its tables measured: what models learned from stays as
    it was, whatever network a request means.
    """

    pretrains: ClassVar[bool] = False
    """Whether networks with the full skeleton can begin with the weights of a backbone."""

    @abstractmethod
    def usual_size(self, task: str | None, skeleton: str) -> tuple[int, int | None]:
        """Classes and resolution of the space's own network for a task, one that it does not know included.

        Args:
            task: of the space; None: the first one's network.
            skeleton: whose resolution; None where each architecture has its own.
        """

    @abstractmethod
    def costs(self, codes: Codes, network: NetworkConfig) -> dict[str, Floats]:
        """See :meth:`spaces.space.Space.costs`."""

    def statistics(self, codes: Codes, task: str | None = None) -> dict[str, Floats]:
        """The costs of the network that the task's table measured; see :meth:`costs` for what they count.

        Args:
            codes: (b, v).
            task: of the space; any other: its first.
        """
        return self.costs(codes, self.network_config(task))

    def network_config(
        self,
        task: str | None = None,
        *,
        classes: int | None = None,
        resolution: int | None = None,
        skeleton: str = FULL,
    ) -> NetworkConfig:
        """The network that is meant; what is not said is as in the space's own network for the task.

        >>> from spaces.known import get_space
        >>> get_space("fbnet").network_config("cifar100", classes=5)
        NetworkConfig(task='cifar100', classes=5, resolution=32, skeleton='full')
        """
        if skeleton not in SKELETONS:
            raise ValueError(f"{skeleton!r} is no skeleton; there are {', '.join(SKELETONS)}")
        for name, value in (("classes", classes), ("resolution", resolution)):
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        version = task if task in self.tasks else None
        usual_classes, usual_resolution = self.usual_size(version, skeleton)
        return NetworkConfig(
            version,
            usual_classes if classes is None else classes,
            usual_resolution if resolution is None else resolution,
            skeleton,
        )
