"""Models of the quantities of a problem: fitted on what was observed, or those that ship."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from networks.images.catalog import Images
from predictors import shipped
from predictors.predictor import NotEnoughLabels, Predictor
from search.bo.prior import refined
from search.declared_models import observed_model
from search.feasibility.predicted_bounds import PredictedBounds
from search.problem import Problem
from search.request.design_request import DesignRequest
from search.request.related_models import model_of_costs
from search.request.sources import model_of
from search.request.uploaded_task import task_predictor
from spaces.known import get_space
from spaces.metric import Observation, Quantity

if TYPE_CHECKING:
    from store.blobs.blobs import Blobs

Models = dict[str, Predictor]
"""Quantity key → its predictor."""


def fit_models(
    problem: Problem, observations: Sequence[Observation], *, seed: int, prior: Models | None = None
) -> Models:
    """A predictor for every quantity that must be measured, from what was observed so far.

    Args:
        problem: what is searched for.
        observations: at least one that did not fail, for quantities without a prior two.
        seed: every random choice follows from it.
        prior: what there was before any observation; it learns them too.
    """
    # Imported here: it loads XGBoost, and the API imports this module.
    from predictors.kinds.gbdt import GbdtPredictor, cost_options

    finished = [observation for observation in observations if observation.failed is None]
    codes = problem.space.parse_many(observation.architecture for observation in finished)
    models: Models = {}
    for quantity in problem.to_measure:
        values = np.array([observation.values[quantity.key] for observation in finished])
        if prior is not None and quantity.key in prior:
            with suppress(NotEnoughLabels):
                models[quantity.key] = refined(prior[quantity.key], codes, values)
                continue
        options = cost_options(problem.space) if quantity.device is not None else None
        predictor = GbdtPredictor(problem.space, task=problem.task_of(quantity), seed=seed, options=options)
        models[quantity.key] = predictor.fit(codes, values)
    return models


def source_models(
    request: DesignRequest, quantities: Sequence[Quantity], blobs: "Callable[[], Blobs] | None"
) -> Models:
    """The models that are the source of quantities: quantity key → predictor.

    Args:
        request: names devices and a task of someone's own.
        quantities: for which :func:`search.request.sources.model_of` finds one.
        blobs: where embeddings of tasks lie.

    Raises:
        NoModel: where there is none.
        EmbeddingGone: the task's embedding is gone.
    """
    return {quantity.key: _model(request, quantity, blobs) for quantity in quantities}


def _model(request: DesignRequest, quantity: Quantity, blobs: "Callable[[], Blobs] | None") -> Predictor:
    found = model_of(request, quantity)
    if found is None:
        raise shipped.NoModel(request.space, quantity.key)
    if found.kind == "predictor":
        assert blobs is not None, "a predictor was trained, and there are no blobs"
        own = next(each for each in request.predictors if each.key == quantity.key)
        return own.load(request.space, blobs)
    if found.kind == "device":
        devices = {device.quantity: device for device in request.measured}
        return devices[quantity].predictor()
    if found.kind == "task":
        assert blobs is not None and request.uploaded is not None, "a task was uploaded; there are no blobs"
        return task_predictor(request.space, request.uploaded, blobs)
    if found.kind == "observations":
        return observed_model(request.space, quantity.key)
    if found.kind == "related":
        from search.bo.prior_mean import PriorMean  # it loads torch

        base, space = shipped.load(request.space, found.name), get_space(request.space)
        return PriorMean(space, base=base, quantity=quantity, same=False)
    if found.kind == "costs":
        costs = model_of_costs(request.space, quantity)
        assert costs is not None  # as it was found
        return costs
    return shipped.load(request.space, quantity.key)


def searched_problem(
    request: DesignRequest, blobs: "Callable[[], Blobs] | None", images: Images | None = None
) -> Problem:
    """The problem of a request as a search has it: bounds on predicted quantities are kept within."""
    problem = request.problem(images)
    if not problem.predicted:
        return problem
    models = source_models(request, problem.predicted, blobs)
    return replace(problem, predictions=PredictedBounds(problem, models))
