"""Accuracy of a linear classifier on the features of an untrained network (Saxe et al. 2011, "On Random
Weights and Unsupervised Feature Learning"): an evaluation in a second where a training takes minutes."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from networks.images.limits import BadImages
from networks.images.names import find, names
from networks.options import limited, read_options
from networks.plan import planned_spaces
from search.evaluator import Bench, NamedEvaluator
from search.evaluators import EVALUATORS
from search.problem import Problem
from spaces.costs.network_config import SMALL
from spaces.metric import Observation, Quantity

FEATURES = 256
"""Outputs of the network that the classifier sees."""


@dataclass(frozen=True, slots=True)
class ProbeOptions:
    """How a probe is fitted.

    Args:
        images: of the data set that are looked at, a fifth of them for validation.
        penalty: of the ridge regression, relative to the mean square of the features.
    """

    images: int = limited(500, low=50, high=50_000)
    penalty: float = limited(0.01, low=1e-6, high=1e3)


@EVALUATORS.register
class LinearProbe(NamedEvaluator):
    """Ridge regression from the outputs of a randomly initialized network to the classes."""

    name: ClassVar[str] = "linear_probe"
    measures: ClassVar[tuple[str, ...]] = ("accuracy",)
    any_task: ClassVar[bool] = True

    def __init__(self, problem: Problem, options: ProbeOptions, bench: Bench, seed: int) -> None:
        self.problem, self.options, self.bench, self.seed = problem, options, bench, seed
        self.source = f"linear_probe:{problem.task}:{options.images}"

    @classmethod
    def read_options(cls, given: object, path: str) -> ProbeOptions:
        """See :class:`ProbeOptions`."""
        return read_options(ProbeOptions, {} if given is None else given, path)

    @classmethod
    def why_not(
        cls, problem: Problem, quantity: Quantity, options: Any, bench: Bench
    ) -> tuple[str, str] | None:
        """It needs a network and images."""
        if quantity.metric != "accuracy" or quantity.task != problem.task:
            return f"a linear probe measures the accuracy on {problem.task}, not {quantity.key}", ""
        if problem.space.name not in planned_spaces():
            return f"{problem.space.public_name} has no networks", f"there are {', '.join(planned_spaces())}"
        if not bench.images:
            return "there are no images", "set NETWRIGHT_IMAGES to a folder of data sets, or upload one"
        try:
            find(bench.images, problem.task)
        except BadImages as error:
            return str(error), f"there are {', '.join(names(bench.images)) or 'none'}"
        return None

    @classmethod
    def make(
        cls, problem: Problem, quantities: Sequence[Quantity], options: Any, bench: Bench, seed: int
    ) -> Self:
        """A probe with the options."""
        return cls(problem, options, bench, seed)

    def evaluate(self, architecture: str, should_stop: Callable[[], bool]) -> Observation:
        """Accuracy on the validation images in percent; the seed decides the weights."""
        # Imported here: they load torch, and an evaluator is named before any is made.
        import torch

        from networks import build
        from networks.images.dataset import load_images

        began, space = time.perf_counter(), self.problem.space
        assert self.bench.images is not None  # as why_not said nothing
        images = load_images(self.bench.images, self.problem.task, images=self.options.images)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = build(space.name, architecture, space.network_config(classes=FEATURES, skeleton=SMALL))

        def features(pixels: np.ndarray) -> np.ndarray:  # (n, h, w, 3) → (n, f)
            scaled = (pixels - np.array(images.mean)) / np.array(images.std)
            with torch.inference_mode():
                found = network(torch.from_numpy(scaled).float().permute(0, 3, 1, 2)).double().numpy()
            return np.concatenate([found, np.ones((len(found), 1))], axis=1)

        # The batch norms take the statistics of the training images and keep them.
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None
        features(images.train.x)
        network.eval()
        x, labels = features(images.train.x), np.eye(len(images.classes))[images.train.y]
        penalty = self.options.penalty * (x**2).mean() * len(x)
        weights = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ labels)
        said = (features(images.validation.x) @ weights).argmax(axis=1)
        accuracy = 100 * float((said == images.validation.y).mean())
        return Observation(
            architecture,
            {f"accuracy@{self.problem.task}": accuracy},
            self.source,
            seconds=time.perf_counter() - began,
            details={self.name: {"images": self.options.images, "data": images.digest}},
        )
