"""Models of the quantities of a problem: fitted on what was observed, or those that ship."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from predictors import shipped
from predictors.kinds.gbdt import GbdtPredictor, cost_options
from predictors.predictor import Predictor
from search.bo.prior import refined
from search.declared_models import observed_keys, observed_model
from search.problem import Problem
from search.request.design_request import DesignRequest
from search.request.uploaded_task import task_predictor
from spaces.metric import Observation

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
    finished = [observation for observation in observations if observation.failed is None]
    codes = problem.space.parse_many(observation.architecture for observation in finished)
    models: Models = {}
    for quantity in problem.to_measure:
        values = np.array([observation.values[quantity.key] for observation in finished])
        if prior is not None and quantity.key in prior:
            models[quantity.key] = refined(prior[quantity.key], codes, values)
            continue
        options = cost_options(problem.space) if quantity.device is not None else None
        predictor = GbdtPredictor(problem.space, task=problem.task_of(quantity), seed=seed, options=options)
        models[quantity.key] = predictor.fit(codes, values)
    return models


def prior_models(request: DesignRequest, problem: Problem, blobs: "Callable[[], Blobs] | None") -> Models:
    """The prior models of an uploaded task, before anything was observed of it."""
    if blobs is None:
        return {}
    found = {quantity.key: request.predicted_task(quantity) for quantity in problem.to_measure}
    return {
        key: task_predictor(problem.space.name, task, blobs)
        for key, task in found.items()
        if task is not None
    }


def shipped_models(problem: Problem, request: DesignRequest, blobs: "Callable[[], Blobs] | None") -> Models:
    """The predictor of every quantity that is not exact: shipped, of a device that someone measured, of a
    task that someone uploaded, or learned from the observations of a declared space.

    Args:
        problem: what is searched for.
        request: names devices and a task of someone's own.
        blobs: where embeddings of tasks lie.

    Raises:
        NoModel: where there is none.
        BlobNotFound, BlobDamaged: the task's embedding is gone.
    """
    own = {device.quantity: device for device in request.measured}
    observed = observed_keys(problem.space)
    models: Models = {}
    for quantity in problem.to_measure:
        if quantity in own:
            models[quantity.key] = own[quantity].predictor()
        elif (task := request.predicted_task(quantity)) is not None:
            assert blobs is not None, "a task was uploaded, and there are no blobs"
            models[quantity.key] = task_predictor(problem.space.name, task, blobs)
        elif quantity.key in observed:
            models[quantity.key] = observed_model(problem.space.name, quantity.key)
        else:
            models[quantity.key] = shipped.load(problem.space.name, quantity.key)
    return models
