"""The training evaluator: trains the architecture's network on images and reports what it learned."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from networks.images.limits import BadImages
from networks.images.names import find, names
from networks.options import read_options
from networks.plan import own_side, planned_spaces
from networks.training.recipe import PRETRAINED, TrainingOptions
from search.evaluator import Bench, NamedEvaluator, Stopped
from search.evaluators import EVALUATORS
from search.problem import Problem
from search.request.recipe import apart, network_of
from search.run.reasons import client_reason
from search.shared_work import done_once
from spaces.costs.network_config import FULL
from spaces.image_space import ImageSpace
from spaces.metric import Observation, Quantity
from spaces.space import Variable
from spaces.with_recipe import WithRecipe

if TYPE_CHECKING:
    from networks.images.dataset import ImageSet
    from networks.training.train import Trained


SECONDS = "train_seconds"


@EVALUATORS.register
class TrainingEvaluator(NamedEvaluator):
    """Accuracy on validation images after a training with a stated recipe, and what the training took.

    The value is the mean over ``seeds`` trainings; their spread, the accuracy on test images (which no choice
    ever sees), the recipe, the data and the weights stand in the observation's details: under ``training``
    those of the design's own task, under ``training@task`` those of every other one that is asked for. Where
    the recipe is searched too, each architecture is trained by the choices that it carries.

    Args:
        problem: what it is for.
        options: recipe, data and fidelity.
        bench: images, cache, checkpoints, blobs.
        seed: of the first training; the others follow it.
        quantities: what is asked for; everything that it can measure unless said otherwise.
    """

    name: ClassVar[str] = "training"
    measures: ClassVar[tuple[str, ...]] = ("accuracy", SECONDS)
    any_task: ClassVar[bool] = True
    takes_recipe: ClassVar[bool] = True
    slow: ClassVar[bool] = True

    def __init__(
        self,
        problem: Problem,
        options: TrainingOptions,
        bench: Bench,
        seed: int = 0,
        quantities: Sequence[Quantity] | None = None,
    ) -> None:
        self.problem, self.bench, self.seed = problem, bench, seed
        self.options = options.completed(_pretrains(problem))
        wanted = problem.to_measure if quantities is None else quantities
        self.timed = any(quantity.metric == SECONDS for quantity in wanted)
        named = [quantity.task for quantity in wanted if quantity.metric == "accuracy"]
        self.tasks = tuple(dict.fromkeys(task for task in named if task is not None)) or (problem.task,)
        self.data = "+".join(_data(options, problem, task) for task in self.tasks)
        self.source = f"training:{self.data}:{self._fidelity()}"
        self._images: dict[str, tuple[int | None, ImageSet]] = {}  # with the side that was asked for

    @classmethod
    def read_options(cls, given: object, path: str) -> TrainingOptions:
        """See :class:`networks.training.recipe.TrainingOptions`."""
        return read_options(TrainingOptions, {} if given is None else given, path)

    @classmethod
    def why_not(
        cls, problem: Problem, quantity: Quantity, options: Any, bench: Bench
    ) -> tuple[str, str] | None:
        """It measures accuracies of image networks, on data sets that are there."""
        if quantity.metric not in cls.measures:
            return (
                f"a training measures accuracies and {SECONDS}, not {quantity.key}",
                'name an evaluator for each metric: {"accuracy": "training", "latency_ms": "latency"}',
            )
        if problem.space.network_space.name not in planned_spaces():
            trainable = ", ".join(planned_spaces())
            name = problem.space.public_name
            return f"{name} has no networks to train", f"those of {trainable} can be trained"
        if options.init == PRETRAINED and (not _pretrains(problem) or options.network != FULL):
            where = "the small skeleton" if _pretrains(problem) else problem.space.public_name
            return f"{where} has no pretrained weights", "leave init out, or let it be scratch"
        if not bench.images:
            hint = "upload a data set (netwright datasets add), or set NETWRIGHT_IMAGES to a folder of them"
            return "there are no images to train on", hint
        try:
            find(bench.images, _data(options, problem, quantity.task or problem.task))
        except BadImages as error:
            hint = f"name one as evaluator_options.training.data: {', '.join(names(bench.images)) or 'none'}"
            return str(error), hint
        return None

    @classmethod
    def make(
        cls, problem: Problem, quantities: Sequence[Quantity], options: Any, bench: Bench, seed: int
    ) -> Self:
        """A training with the options' recipe."""
        return cls(problem, options, bench, seed, quantities)

    def about(self) -> dict[str, object]:
        """Recipe, fidelity and data."""
        searched = [variable.name for variable in self._recipe_variables()]
        details = self._about(self.options, self.data, self._fidelity())
        return details | ({"searched": searched} if searched else {})

    def evaluate(self, architecture: str, should_stop: Callable[[], bool]) -> Observation:
        """Trains the architecture; ``failed`` where it diverged, or the images cannot be used."""
        from networks.training.train import Diverged, TrainingStopped

        began = time.perf_counter()
        options = self._options(architecture)
        runs: dict[str, list[dict[str, Any]]] = {}
        spent = 0.0
        try:
            for task in self.tasks:
                runs[task] = []
                for index in range(options.seeds):
                    run, own = self._trained(architecture, options, task, self.seed + index, should_stop)
                    runs[task].append(run)
                    # Interruptions do not count, what earlier attempts spent does; what others did is free.
                    spent += run["seconds"] if own else 0.0
        except TrainingStopped as stopped:
            raise Stopped(str(stopped)) from stopped
        except (Diverged, BadImages) as error:
            why, seconds = client_reason(error).text, time.perf_counter() - began
            return Observation(architecture, {}, self.source, failed=why, seconds=seconds)
        values = {
            f"accuracy@{task}": round(statistics.fmean(run["accuracy"] for run in each), 4)
            for task, each in runs.items()
        }
        if self.timed:
            took = sum(run["seconds"] for each in runs.values() for run in each)
            values[SECONDS] = round(took / options.seeds, 4)
        network = network_of(self.problem.space, architecture)
        details = {
            self._place(task): self._details(options, task, each, self._load(task, network))
            for task, each in runs.items()
        }
        for task in self.tasks:
            for index in range(options.seeds):
                self.bench.checkpoints.drop(self._key(architecture, task, self.seed + index))
        seconds = max(spent, time.perf_counter() - began)
        return Observation(architecture, values, self.source, seconds=seconds, details=details)

    # what is trained, and how
    def _recipe_variables(self) -> tuple[Variable, ...]:
        return self.problem.space.recipe if isinstance(self.problem.space, WithRecipe) else ()

    def _options(self, architecture: str) -> TrainingOptions:
        """The options, with the recipe that the architecture carries."""
        chosen: Any = apart(self.problem.space, architecture).get("recipe", {})
        return replace(self.options, recipe=replace(self.options.recipe, **chosen))

    def _fidelity(self) -> str:
        """What is spent on each evaluation, as far as it is the same for all."""
        fidelity, own = self.options.fidelity, f"{self.options.recipe.epochs}ep"
        searched = any(variable.name == "epochs" for variable in self._recipe_variables())
        return fidelity.replace(own, "recipe", 1) if searched else fidelity

    def _place(self, task: str) -> str:
        """Where a task's details stand."""
        own = self.problem.task if self.problem.task in self.tasks else self.tasks[0]
        return self.name if task == own else f"{self.name}@{task}"

    def _load(self, task: str, architecture: str) -> "ImageSet":
        """The images of a task, at the side that an architecture is trained at."""
        from networks.images.dataset import load_images

        name, side = _data(self.options, self.problem, task), self._side(architecture)
        kept = self._images.get(name)
        if kept is not None and kept[0] == side:
            return kept[1]
        if self.bench.images is None:
            raise BadImages("there are no images: NETWRIGHT_IMAGES is not set on this worker")
        loaded = load_images(
            self.bench.images,
            name,
            side=side,
            images=self.options.images,
            cache_dir=self.bench.cache_dir,
        )
        if self.options.init == PRETRAINED:
            from networks.pretrained.inherit import PIXELS

            loaded = replace(loaded, mean=PIXELS[0], std=PIXELS[1])
        self._images[name] = side, loaded
        return loaded

    def _side(self, architecture: str) -> int | None:
        """The side of the images; None: as they are."""
        space = self.problem.space.network_space.name
        return self.options.resolution or own_side(space, architecture, self.options.network)

    def _key(self, architecture: str, task: str, seed: int) -> str:
        of = f" on {task}" if len(self.tasks) > 1 else ""
        return f"{architecture} {self.source}{of} seed {seed}"

    def _trained(
        self,
        architecture: str,
        options: TrainingOptions,
        task: str,
        seed: int,
        should_stop: Callable[[], bool],
    ) -> tuple[dict[str, Any], bool]:
        """What one training brought, and whether it was done here: each is done once for all of a tenant."""
        from networks.training.rebuild import identity_of

        space, network = self.problem.space.network_space, network_of(self.problem.space, architecture)
        images = self._load(task, network)
        version = task if task in space.tasks else None
        identity = identity_of(space.name, network, options, images, seed, version)
        about = images.about()
        data = {name: about[name] for name in about if name not in ("data", "left_out")}

        def work(stop: Callable[[], bool]) -> dict[str, Any]:
            run = self._train(
                self._key(architecture, task, seed), architecture, identity, images, options, stop
            )
            training: dict[str, Any] = {
                "seed": seed,
                "accuracy": run.accuracy,
                "test_accuracy": run.test_accuracy,
                "epochs": run.epochs,
                "history": list(run.history),
                "seconds": round(run.seconds, 3),
                "device": run.device,
            }
            if self.bench.blobs is not None:
                training["weights"] = self.bench.blobs().put(run.weights)
            return training

        return done_once(self.bench.shared, {**identity, "images": data, "of": self.name}, work, should_stop)

    def _train(
        self,
        key: str,
        architecture: str,
        identity: dict[str, Any],
        images: "ImageSet",
        options: TrainingOptions,
        should_stop: Callable[[], bool],
    ) -> "Trained":
        """One training, from its checkpoint where there is one."""
        from networks.training.begin import begun
        from networks.training.checkpoint import Place
        from networks.training.train import train

        def save(content: bytes, place: Place) -> None:
            progress: dict[str, object] = {
                "architecture": architecture,
                "seed": identity["seed"],
                "epoch": place.epoch,
                "epochs": options.recipe.epochs,
                "step": place.step,
            }
            if place.history:
                progress |= place.history[-1]
            progress["seconds"] = round(place.seconds, 1)
            if place.epoch:
                progress["epoch_seconds"] = round(place.epoch_seconds, 3)
            if place.epochs_done > 0:
                left = place.seconds / place.epochs_done * (options.recipe.epochs - place.epochs_done)
                progress["seconds_left"] = round(left, 1)
            self.bench.checkpoints.save(key, content, progress, _in_words(progress))

        return train(
            lambda: begun(identity, images, should_stop),
            images,
            options.recipe,
            seed=identity["seed"],
            patience=options.patience,
            identity=identity,
            checkpoint=self.bench.checkpoints.load(key),
            save=save,
            should_stop=should_stop,
        )

    # what is reported of it
    def _about(self, options: TrainingOptions, data: str, fidelity: str) -> dict[str, object]:
        return {
            "source": self.source,
            "data": data,
            "fidelity": fidelity,
            "network": options.network,
            "init": options.init,
            "seeds": options.seeds,
            "patience": options.patience,
            "recipe": options.recipe.to_dict(),
        }

    def _details(
        self, options: TrainingOptions, task: str, trainings: list[dict[str, Any]], images: "ImageSet"
    ) -> dict[str, object]:
        """What is known of a task's trainings besides the value; each names the job that did it."""
        accuracies = [run["accuracy"] for run in trainings]
        tests = [run["test_accuracy"] for run in trainings if run["test_accuracy"] is not None]
        details = self._about(options, _data(options, self.problem, task), options.fidelity)
        details |= {"images": images.about(), "trainings": trainings}
        details["accuracy_std"] = statistics.stdev(accuracies) if len(trainings) > 1 else None
        details["test_accuracy"] = statistics.fmean(tests) if tests else None
        best = max(trainings, key=lambda training: float(str(training["accuracy"])))
        details["weights"] = best.get("weights")
        return details


def _pretrains(problem: Problem) -> bool:
    """Whether the networks of a problem can begin with a backbone's weights."""
    space = problem.space.network_space
    return isinstance(space, ImageSpace) and space.pretrains


def _data(options: TrainingOptions, problem: Problem, task: str) -> str:
    """The data set of a task: the design's own may have another name in the folder."""
    return options.data or task if task == problem.task else task


def _in_words(progress: Mapping[str, Any]) -> str:
    """How far a training is, for a person.

    >>> done = {"epoch": 3, "epochs": 12, "loss": 0.71, "accuracy": 61.25}
    >>> _in_words(done | {"seconds": 34.0, "seconds_left": 102})
    'epoch 3 of 12: loss 0.71, accuracy 61.25 %, 34 s, 102 s left'
    >>> _in_words({"epoch": 0, "epochs": 12, "seconds": 40.0})
    'epoch 0 of 12: 40 s'
    """
    parts = {"loss": "loss {:.3g}", "accuracy": "accuracy {:.4g} %", "seconds": "{:.0f} s"}
    parts["seconds_left"] = "{:.0f} s left"
    said = ", ".join(form.format(progress[name]) for name, form in parts.items() if name in progress)
    return f"epoch {progress['epoch']} of {progress['epochs']}: {said}"
