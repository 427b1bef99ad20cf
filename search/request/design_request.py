"""What a person asks for: a design request, checked in one place for the HTTP API and the command line."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from networks.images.catalog import Images
from networks.options import InvalidOptions
from networks.training.designed import FINISH, FINISH_OPTIONS
from predictors.devices import shipped as shipped_devices
from predictors.devices.measured import MeasuredDevice
from search.evaluators import EVALUATORS
from search.problem import Problem
from search.request.evaluation import (
    MODEL,
    Spec,
    evaluator_of,
    options_used,
    read_evaluator_options,
    read_spec,
)
from search.request.fields import Fields
from search.request.fixed import code_of, fixed_codes
from search.request.meant_network import LATENCY, TRAINING, give_resolution, meant_network, resolution_fault
from search.request.own_predictor import OwnPredictor
from search.request.quantities import FieldError, InvalidRequest, resolve_quantity
from search.request.recipe import FIELD, read_recipe, searched_space
from search.request.related_models import ACCURACY, OWN_TASKS
from search.request.uploaded_task import CONDITIONED, UploadedTask
from search.strategies import STRATEGIES
from spaces.costs.network_config import RESOLUTIONS
from spaces.declared.kept import know_space
from spaces.known import get_space, knows_space, space_names
from spaces.metric import METRICS, Constraint, Objective, Quantity
from spaces.names import NAME
from spaces.registry import NotRegistered
from spaces.space import Choice, Space
from spaces.with_recipe import Choices
from store.jobs.place import PLACE
from store.spaces.space import DECLARATION, GENERATOR
from store.studies.study import STUDY
from store.tasks.task import TASK

__all__ = ["DesignRequest", "FieldError", "InvalidRequest", "parse_request", "resolve_quantity"]

MAX_COUNT = 1_000
MAX_EVALUATIONS = 10_000
MAX_PARALLEL = 64
MAX_NAME = 100
FUNCTION = "function"
DISTINCT = (FUNCTION, "string")
"""What makes two architectures distinct: what they compute and cost, or how they are written."""
KNOWLEDGE = ("auto", "none")
IMAGES_SPACE = "efficientnet_lite"
"""Where the task is of someone's own images and no space is named: it begins with pretrained weights."""
FOUND: tuple[str, ...] = ("measured", TASK, "sources", "predictors", "pins")
FOUND += (FINISH, FINISH_OPTIONS, PLACE, DECLARATION, GENERATOR, STUDY)
"""Fields that nobody sends: they are found when a request is checked."""


@dataclass(frozen=True, slots=True)
class DesignRequest:
    """A design, as it is stored in a job's payload.

    Args:
        space: name of the space.
        task: what the network must do.
        constraints: hard bounds.
        objectives: what to make good; the accuracy on the task unless said otherwise.
        count: architectures to return.
        evaluations: architectures that may be evaluated.
        evaluator: what evaluates them: a name, or metric → name.
        evaluator_options: evaluator's name → its options.
        confidence: of every interval and every predicted bound.
        seed: every random choice follows from it.
        strategy: how evaluations are chosen.
        distinct: ``function``: no two architectures that compute the same function at equal cost are
            evaluated or returned; ``string``: any two whose strings differ may be.
        flat: whether architectures count by the mean over their neighbourhoods while evaluations are chosen.
        parallel: evaluations at the same time, on as many workers.
        measured: devices besides the tables' that the request names, by their measurements.
        recipe: what of the training's recipe is searched together with the architecture.
        uploaded: what ``task`` is, where someone uploaded it.
        name: what whoever ordered it calls it; nothing follows from it.
        fixed: variable → the choice that every architecture must have.
        exploration: share of the evaluations that may break a predicted bound's confidence, where it holds at
            least as probably as not.
        pins: digests of the models that ship and that the search begins with (:mod:`search.request.pins`).
        predictors: the tenant's own of quantities that the request names.
        knowledge: ``auto``, or ``none``: own observations alone (:mod:`search.knowledge`).
        baseline: whether a plain backbone is trained beside (:mod:`search.baselines`).
        sources: quantity key → its source (:mod:`search.request.sources`); empty until that was found.
        resolution: side of the images that the networks are for, in pixels; None: what is trained says, else
            the space.
    """

    space: str
    task: str
    constraints: tuple[Constraint, ...] = ()
    objectives: tuple[Objective, ...] = field(default=())
    count: int = 8
    evaluations: int = 0
    evaluator: Spec | None = None
    evaluator_options: dict[str, dict[str, object]] = field(default_factory=dict)
    confidence: float = 0.9
    seed: int = 0
    strategy: str = "bayes"
    flat: bool = False
    parallel: int = 1
    measured: tuple[MeasuredDevice, ...] = ()
    recipe: Choices = ()
    uploaded: UploadedTask | None = None
    resolution: int | None = None
    knowledge: str = "auto"
    sources: dict[str, str] = field(default_factory=dict)
    distinct: str = FUNCTION
    name: str | None = None
    predictors: tuple[OwnPredictor, ...] = ()
    exploration: float = 0.0
    pins: dict[str, str] = field(default_factory=dict)
    fixed: dict[str, Choice] = field(default_factory=dict)
    baseline: bool = True

    def problem(self, images: Images | None = None) -> Problem:
        """What is searched for.

        Args:
            images: image data sets: a folder, or a catalog, where exact costs are asked for and one of these
            is trained on.

        Raises:
            InvalidRequest: the data set to train on cannot be read.
        """
        objectives = tuple(objective.quantity for objective in self.objectives)
        named = dict.fromkeys([*objectives, *(bound.quantity for bound in self.constraints)])
        predicted = tuple(quantity for quantity in named if self.sources.get(quantity.key) == MODEL)
        metrics = [quantity.metric for quantity in named if self.evaluations and quantity not in predicted]
        network = meant_network(
            get_space(self.space),
            self.task,
            classes=None if self.uploaded is None else self.uploaded.classes,
            resolution=self.resolution,
            used=options_used(self.evaluator, self.evaluator_options, metrics),
            images=images,
        )
        space = searched_space(self.space, self.recipe)
        return Problem(
            space,
            self.task,
            objectives,
            self.constraints,
            self.confidence,
            network,
            predicted,
            distinct=self.distinct == FUNCTION and space.has_twins,
            exploration=self.exploration,
            fixed=fixed_codes(space, self.fixed),
        )

    def predicted_task(self, quantity: Quantity) -> UploadedTask | None:
        """The uploaded task whose conditioned predictor predicts a quantity; None where none does."""
        task = self.uploaded
        predicts = task is not None and self.space in CONDITIONED and quantity == task.quantity
        return task if predicts and not self.recipe else None

    def to_dict(self) -> dict[str, object]:
        """The JSON object :func:`parse_request` reads back."""
        body = asdict(self)
        body["constraints"] = [
            {**_quantity_dict(constraint.quantity), "min": constraint.min, "max": constraint.max}
            for constraint in self.constraints
        ]
        body["objectives"] = [_quantity_dict(objective.quantity) for objective in self.objectives]
        body[FIELD] = {name: list(choices) for name, choices in self.recipe}
        for name in ("measured", FIELD, TASK, "sources", "predictors", "pins", "fixed"):
            if not body[name]:
                del body[name]
        if self.distinct == FUNCTION:
            del body["distinct"]
        if self.name is None:
            del body["name"]
        if self.baseline:
            del body["baseline"]
        return body

    @classmethod
    def from_dict(cls, body: Mapping[str, object]) -> "DesignRequest":
        """The request that :meth:`to_dict` wrote; the declared space that came with it is known then."""
        know_space(body)
        rest = {name: value for name, value in body.items() if name not in FOUND}
        given, task, sources = body.get("measured", ()), body.get(TASK), body.get("sources", {})
        assert isinstance(given, list | tuple) and (task is None or isinstance(task, Mapping))
        assert isinstance(sources, Mapping)
        uploaded = None if task is None else UploadedTask(**task)
        request = parse_request(rest, [_measured(item) for item in given], uploaded)
        trained: Any = body.get("predictors", ())
        own = tuple(OwnPredictor(**item) for item in trained)
        pins: Any = body.get("pins", {})
        return replace(request, sources=dict(sources), predictors=own, pins=dict(pins))


def _measured(item: Mapping[str, Any]) -> MeasuredDevice:
    """The device that :meth:`DesignRequest.to_dict` wrote."""
    pairs = tuple((str(architecture), float(value)) for architecture, value in item["measurements"])
    return MeasuredDevice(item["space"], item["name"], item["metric"], pairs)


def _quantity_dict(quantity: Quantity) -> dict[str, object]:
    return {"metric": quantity.metric, "task": quantity.task, "device": quantity.device}


def parse_request(
    body: Mapping[str, object],
    measured: Sequence[MeasuredDevice] = (),
    uploaded: UploadedTask | None = None,
) -> DesignRequest:
    """A checked request from a JSON object.

    Args:
        body: as a client sent it.
        measured: devices that may be named besides the space's own.
        uploaded: the task that may be named besides the space's own.

    Raises:
        InvalidRequest: with every error found, each naming its field.
    """
    return _Parser(body, measured, uploaded).request()


class _Parser(Fields):
    """Reads a design, from space and task to bounds and objectives."""

    def __init__(
        self,
        body: Mapping[str, object],
        measured: Sequence[MeasuredDevice],
        uploaded: UploadedTask | None,
    ) -> None:
        super().__init__(body)
        self.measured = measured
        self.uploaded = uploaded
        self.spec: Spec | None = None

    def request(self) -> DesignRequest:
        known = set(DesignRequest.__dataclass_fields__) - set(FOUND)
        for name in self.body:
            if name not in known:
                self.fail(str(name), "unknown field", f"the fields are {', '.join(sorted(known))}")
        space = self.space()
        if space is None:
            raise InvalidRequest(self.errors)
        evaluator = self.evaluator(space)
        task = self.task(space, evaluator)
        recipe = self.recipe(space)
        searched = searched_space(space.name, recipe)
        constraints = self.constraints(searched, task)
        objectives = self.objectives(searched, task)
        count = self.integer("count", 8, 1, MAX_COUNT)
        evaluations = self.integer("evaluations", 0, 0, MAX_EVALUATIONS)
        options = self.evaluator_options(evaluator)
        resolution = self.resolution(space, evaluator, options)
        if evaluations > 0 and evaluator is None and self.body.get("evaluator") is None:
            self.fail("evaluator", "evaluations need an evaluator", f"one of {', '.join(EVALUATORS.names())}")
        confidence = self.number("confidence", 0.9)
        if confidence is not None and not 0.5 <= confidence <= 0.999:
            self.fail("confidence", f"{confidence} lies outside 0.5 to 0.999")
        seed = self.integer("seed", 0, 0, 2**63 - 1)
        strategy = self.choice("strategy", STRATEGIES.names(), "bayes")
        flat = self.truth("flat")
        distinct = self.choice("distinct", DISTINCT, FUNCTION)
        parallel = self.integer("parallel", 1, 1, MAX_PARALLEL)
        called = self.called()
        knowledge = self.choice("knowledge", KNOWLEDGE, KNOWLEDGE[0])
        exploration = self.number("exploration", 0.0)
        if exploration is not None and not 0.0 <= exploration <= 1.0:
            self.fail("exploration", f"{exploration} is no share", "it lies between 0 and 1")
        if self.errors:
            raise InvalidRequest(self.errors)
        assert confidence is not None and strategy is not None
        assert distinct is not None and knowledge is not None and exploration is not None
        request = DesignRequest(
            space.name,
            task,
            constraints,
            objectives,
            count,
            evaluations,
            evaluator,
            options,
            confidence,
            seed,
            strategy,
            flat,
            parallel,
            self.named(space, constraints, objectives),
            recipe,
            self.uploaded if self.uploaded is not None and self.uploaded.name == task else None,
            resolution,
            knowledge,
            distinct=distinct,
            name=called,
            exploration=exploration,
            fixed=self.fixed(searched),
            baseline=self.truth("baseline", usual=True),
        )
        if self.errors:
            raise InvalidRequest(self.errors)
        self.suits(request)
        return request

    def suits(self, request: DesignRequest) -> None:
        """Refuses a strategy that does not load, or cannot search for the problem.

        Raises:
            InvalidRequest: with the reason.
        """
        try:
            reason = STRATEGIES.get(request.strategy).why_not(request.problem())
        except NotRegistered as error:
            reason = str(error)
        if reason is not None:
            self.fail("strategy", reason, "name another one")
            raise InvalidRequest(self.errors)

    def named(
        self, space: Space, constraints: tuple[Constraint, ...], objectives: tuple[Objective, ...]
    ) -> tuple[MeasuredDevice, ...]:
        """The measured devices that the request really needs, so that a job carries no more."""
        quantities = {bound.quantity for bound in constraints} | {goal.quantity for goal in objectives}
        return tuple(
            device for device in self.measured if device.space == space.name and device.quantity in quantities
        )

    def fixed(self, space: Space) -> dict[str, Choice]:
        given = self.body.get("fixed") or {}
        if not isinstance(given, Mapping):
            self.fail("fixed", "must be an object", "variable → its choice")
            return {}
        choices = {variable.name: variable.choices for variable in space.variables}
        found: dict[str, Choice] = {}
        for name, value in given.items():
            if name not in choices:
                self.fail(f"fixed.{name}", "is no variable", f"they are {', '.join(choices)}")
            elif (code := code_of(choices[name], value)) is None:
                known = ", ".join(map(str, choices[name]))
                self.fail(f"fixed.{name}", f"{value!r} is no choice", f"one of {known}")
            else:
                found[name] = choices[name][code]
        return found

    def called(self) -> str | None:
        name = self.body.get("name")
        if name is not None and not (isinstance(name, str) and 0 < len(name) <= MAX_NAME):
            self.fail("name", f"must be a text of 1 to {MAX_NAME} characters")
            return None
        return name

    def space(self) -> Space | None:
        name = self.body.get("space")
        if not isinstance(name, str) or not knows_space(name):
            self.fail("space", f"{name!r} is no space", f"known are {', '.join(space_names())}")
            return None
        return get_space(name)

    def evaluator(self, space: Space) -> Spec | None:
        try:
            self.spec = read_spec(self.body.get("evaluator"), space.own_metrics)
        except InvalidOptions as error:
            self.errors += [FieldError(each.field, each.message, each.hint) for each in error.errors]
        return self.spec

    def evaluator_options(self, spec: Spec | None) -> dict[str, dict[str, object]]:
        try:
            return read_evaluator_options(self.body.get("evaluator_options"), spec)
        except InvalidOptions as error:
            self.errors += [FieldError(each.field, each.message, each.hint) for each in error.errors]
            return {}

    def resolution(
        self, space: Space, spec: Spec | None, options: dict[str, dict[str, object]]
    ) -> int | None:
        """The asked resolution, which evaluators that run networks get as an option."""
        if self.body.get("resolution") is None:
            return None
        if (fault := resolution_fault(space)) is not None:
            self.fail("resolution", *fault)
            return None
        resolution = self.integer("resolution", RESOLUTIONS[0], *RESOLUTIONS)
        named = {spec} if isinstance(spec, str) else set((spec or {}).values())
        given = {name: options.setdefault(name, {}) for name in (TRAINING, LATENCY) if name in named}
        self.errors += give_resolution(resolution, given)
        return resolution

    def recipe(self, space: Space) -> Choices:
        try:
            chosen = read_recipe(self.body.get(FIELD), space)
        except InvalidOptions as error:
            self.errors += [FieldError(each.field, each.message, each.hint) for each in error.errors]
            return ()
        options: Any = self.body.get("evaluator_options")
        for part in ("training", FIELD):
            options = options.get(part) if isinstance(options, Mapping) else None
        for name, _ in chosen:
            if isinstance(options, Mapping) and name in options:
                hint = f"its choices are those of {FIELD}.{name}; leave it out here"
                self.fail(f"evaluator_options.training.{FIELD}.{name}", "is searched", hint)
        return chosen

    def task(self, space: Space, spec: Spec | None) -> str:
        task = self.body.get("task")
        if self.uploaded is not None and task == self.uploaded.name and task not in space.tasks:
            if space.name in OWN_TASKS or self.any_task():
                return self.uploaded.name
            hint = f"tasks of your own are designed for in {', '.join(OWN_TASKS)}"
            self.fail("task", f"{space.public_name} has no predictor for tasks that it does not know", hint)
            return space.tasks[0]
        # An evaluator may be for any data set that is there; whether it is, the evaluator says.
        admitted = self.any_task() and not space.task_dependent_cost
        if admitted and isinstance(task, str) and NAME.fullmatch(task):
            return task
        if not isinstance(task, str) or task not in space.tasks:
            self.fail(
                "task",
                f"{task!r} is no task of {space.public_name}",
                f"its tasks are {', '.join(space.tasks)}",
            )
            # What follows is still checked for its own sake, against some task.
            return space.tasks[0]
        return task

    def quantity(
        self, space: Space, design_task: str, path: str, item: Mapping[str, object]
    ) -> Quantity | None:
        task = item.get("task")
        if task is not None and not isinstance(task, str):
            self.fail(f"{path}.task", "must be a string")
            return None
        try:
            return resolve_quantity(
                space,
                item.get("metric"),
                task=task or design_task,
                device=item.get("device"),
                path=path,
                devices=self.devices(space, item.get("metric"), item.get("device")),
                tasks=(design_task, *self.data_sets(space, item.get("metric"), task)),
                metrics=self.metrics(),
            )
        except InvalidRequest as error:
            self.errors.extend(error.errors)
            return None

    def data_sets(self, space: Space, metric: object, task: str | None) -> list[str]:
        """A task that may be the name of a data set; whether it is there, the evaluator says."""
        named = metric == "accuracy" and self.any_task()
        admitted = named and task is not None and not space.task_dependent_cost
        return [task] if admitted and task is not None and NAME.fullmatch(task) else []

    def metrics(self) -> list[str]:
        """The metrics that evaluators and measured devices bring to any space, and what ranks own tasks."""
        named = {metric: evaluator_of(self.spec, metric) for metric in METRICS}
        mine = self.uploaded is not None and self.body.get("task") == self.uploaded.name
        space = self.body.get("space")
        ranked = [ACCURACY] if mine and space in OWN_TASKS else []
        modelled = [shipped_devices.METRIC] if space in shipped_devices.spaces_with_devices() else []
        return (
            ranked
            + modelled
            + [metric for metric, cls in named.items() if cls is not None and metric in cls.measures]
        )

    def any_task(self) -> bool:
        """Whether the evaluator of accuracies is for any data set that is there."""
        cls = evaluator_of(self.spec, "accuracy")
        return cls is not None and cls.any_task

    def devices(self, space: Space, metric: object, device: object) -> list[str]:
        """The devices that can be named besides the space's own."""
        named = [device.name for device in self.measured if device.space == space.network_space.name]
        cls = evaluator_of(self.spec, str(metric))
        if cls is not None and cls.any_device and isinstance(device, str) and NAME.fullmatch(device):
            named.append(device)
        return named if cls is None else [*named, *cls.devices]

    def constraints(self, space: Space, task: str) -> tuple[Constraint, ...]:
        merged: dict[Quantity, tuple[float | None, float | None]] = {}
        for path, item in self.items("constraints"):
            self.unknown(path, item, ("metric", "task", "device", "min", "max"))
            quantity = self.quantity(space, task, path, item)
            low, high = (
                self.number(f"{path}.{end}", None, item.get(end)) if item.get(end) is not None else None
                for end in ("min", "max")
            )
            if item.get("min") is None and item.get("max") is None:
                self.fail(path, "has neither min nor max", "give at least one of them")
            if quantity is None:
                continue
            old_low, old_high = merged.get(quantity, (None, None))
            low = max((bound for bound in (low, old_low) if bound is not None), default=None)
            high = min((bound for bound in (high, old_high) if bound is not None), default=None)
            if low is not None and high is not None and low > high:
                self.fail(
                    f"{path}.max",
                    f"the bounds on {quantity.key} contradict each other: min {low} > max {high}",
                )
                continue
            merged[quantity] = (low, high)
        return tuple(
            Constraint(quantity, low, high)
            for quantity, (low, high) in merged.items()
            if low is not None or high is not None
        )

    def objectives(self, space: Space, task: str) -> tuple[Objective, ...]:
        quantities: list[Quantity] = []
        for path, item in self.items("objectives"):
            self.unknown(path, item, ("metric", "task", "device"))
            quantity = self.quantity(space, task, path, item)
            if quantity is not None and quantity not in quantities:
                quantities.append(quantity)
        if not quantities:
            known = (*space.metrics, *self.metrics())
            usual = [metric for metric in (*space.own_metrics, "accuracy", "loss") if metric in known]
            if not usual and not self.body.get("objectives"):
                self.fail(
                    "objectives",
                    f"{space.public_name} has no accuracy that could be meant",
                    f"name at least one of its metrics: {', '.join(space.metrics)}",
                )
            quantities = [
                resolve_quantity(space, metric, task=task, tasks=(task,), metrics=known)
                for metric in usual[:1]
            ]
        return tuple(Objective(quantity) for quantity in quantities)
