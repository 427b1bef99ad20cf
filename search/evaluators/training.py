"""The training evaluator: trains the architecture's network on images and reports what it learned."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from networks.options import read_options
from networks.plan import planned_spaces
from networks.training.decode import BadImages
from networks.training.recipe import TrainingOptions
from networks.training.sources import find, names
from search.evaluator import Bench, NamedEvaluator, Stopped, register
from search.problem import Problem
from spaces.metric import Observation, Quantity

if TYPE_CHECKING:
    from networks.training.images import ImageSet
    from networks.training.train import Trained


@register
class TrainingEvaluator(NamedEvaluator):
    """Accuracy on validation images after a training with a stated recipe.

    The value is the mean over ``seeds`` trainings; their spread, the accuracy on test images (which no choice
    ever sees), the recipe, the data and the weights stand in the observation's details.

    Args:
        problem: what it is for.
        options: recipe, data and fidelity.
        bench: images, cache, checkpoints, blobs.
        seed: of the first training; the others follow it.
    """

    name: ClassVar[str] = "training"

    def __init__(self, problem: Problem, options: TrainingOptions, bench: Bench, seed: int = 0) -> None:
        self.problem, self.options, self.bench, self.seed = problem, options, bench, seed
        self.data = options.data or problem.task
        self.source = f"training:{self.data}:{options.fidelity}"
        self._images: ImageSet | None = None

    @classmethod
    def read_options(cls, given: object, path: str) -> TrainingOptions:
        """See :class:`networks.training.recipe.TrainingOptions`."""
        return read_options(TrainingOptions, {} if given is None else given, path)

    @classmethod
    def why_not(
        cls, problem: Problem, quantity: Quantity, options: Any, bench: Bench
    ) -> tuple[str, str] | None:
        """It measures accuracies of image networks, on data sets that are there."""
        if quantity.metric != "accuracy" or quantity.task != problem.task:
            return (
                f"a training measures the accuracy on {problem.task}, not {quantity.key}",
                'name an evaluator for each metric: {"accuracy": "training", "latency_ms": "latency"}',
            )
        if problem.space.name not in planned_spaces():
            trainable = ", ".join(planned_spaces())
            return f"{problem.space.name} has no networks to train", f"those of {trainable} can be trained"
        if bench.images is None:
            return "there are no images to train on", "set NETWRIGHT_IMAGES to a folder of data sets"
        try:
            find(bench.images, options.data or problem.task)
        except BadImages as error:
            hint = f"name one as evaluator_options.training.data: {', '.join(names(bench.images)) or 'none'}"
            return str(error), hint
        return None

    @classmethod
    def make(
        cls, problem: Problem, quantities: Sequence[Quantity], options: Any, bench: Bench, seed: int
    ) -> Self:
        """A training with the options' recipe."""
        return cls(problem, options, bench, seed)

    def about(self) -> dict[str, object]:
        """Recipe, fidelity and data."""
        options = self.options
        return {
            "source": self.source,
            "data": self.data,
            "fidelity": options.fidelity,
            "network": options.network,
            "seeds": options.seeds,
            "patience": options.patience,
            "recipe": options.recipe.to_dict(),
        }

    def evaluate(self, architecture: str, should_stop: Callable[[], bool]) -> Observation:
        """Trains the architecture; ``failed`` where it diverged, or the images cannot be used."""
        from networks.training.train import Diverged, TrainingStopped

        began = time.perf_counter()
        try:
            images = self._load()
            runs = [
                self._train(architecture, images, self.seed + index, should_stop)
                for index in range(self.options.seeds)
            ]
        except TrainingStopped as stopped:
            raise Stopped(str(stopped)) from stopped
        except (Diverged, BadImages) as error:
            return Observation(
                architecture, {}, self.source, failed=str(error), seconds=time.perf_counter() - began
            )
        values = {f"accuracy@{self.problem.task}": round(statistics.fmean(run.accuracy for run in runs), 4)}
        details = {self.name: self._details(architecture, images, runs)}
        for index in range(self.options.seeds):
            self.bench.checkpoints.drop(self._key(architecture, self.seed + index))
        # Interruptions do not count, what earlier attempts spent does.
        seconds = max(sum(run.seconds for run in runs), time.perf_counter() - began)
        return Observation(architecture, values, self.source, seconds=seconds, details=details)

    def _load(self) -> "ImageSet":
        from networks.training.images import load_images

        if self._images is None:
            if self.bench.images is None:
                raise BadImages("there are no images: NETWRIGHT_IMAGES is not set on this worker")
            self._images = load_images(
                self.bench.images,
                self.data,
                side=self.options.resolution,
                images=self.options.images,
                cache_dir=self.bench.cache_dir,
            )
        return self._images

    def _key(self, architecture: str, seed: int) -> str:
        return f"{architecture} {self.source} seed {seed}"

    def _train(
        self, architecture: str, images: "ImageSet", seed: int, should_stop: Callable[[], bool]
    ) -> "Trained":
        """One training, from its checkpoint where there is one."""
        from networks.training.checkpoint import Place
        from networks.training.rebuild import identity_of, untrained
        from networks.training.train import train

        problem = self.problem
        task = problem.task if problem.task in problem.space.tasks else None
        identity = identity_of(problem.space.name, architecture, self.options, images, seed, task)
        key, epochs = self._key(architecture, seed), self.options.recipe.epochs

        def save(content: bytes, place: Place) -> None:
            progress: dict[str, object] = {
                "architecture": architecture,
                "seed": seed,
                "epoch": place.epoch,
                "epochs": epochs,
                "step": place.step,
            }
            if place.history:
                progress |= place.history[-1]
            self.bench.checkpoints.save(key, content, progress)

        return train(
            lambda: untrained(identity),
            images,
            self.options.recipe,
            seed=seed,
            patience=self.options.patience,
            identity=identity,
            checkpoint=self.bench.checkpoints.load(key),
            save=save,
            should_stop=should_stop,
        )

    def _details(self, architecture: str, images: "ImageSet", runs: Sequence["Trained"]) -> dict[str, object]:
        """What is known of the trainings besides the value."""
        trainings = []
        for index, run in enumerate(runs):
            training: dict[str, object] = {
                "seed": self.seed + index,
                "accuracy": run.accuracy,
                "test_accuracy": run.test_accuracy,
                "epochs": run.epochs,
                "history": list(run.history),
                "seconds": round(run.seconds, 3),
            }
            if self.bench.blobs is not None:
                training["weights"] = self.bench.blobs().put(run.weights)
            trainings.append(training)
        accuracies = [run.accuracy for run in runs]
        tests = [run.test_accuracy for run in runs if run.test_accuracy is not None]
        details: dict[str, object] = self.about() | {"images": images.about(), "trainings": trainings}
        details["accuracy_std"] = statistics.stdev(accuracies) if len(runs) > 1 else None
        details["test_accuracy"] = statistics.fmean(tests) if tests else None
        best = max(trainings, key=lambda training: float(str(training["accuracy"])))
        details["weights"] = best.get("weights")
        return details
