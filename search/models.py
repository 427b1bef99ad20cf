"""Models of the quantities of a problem: fitted on what was observed, or those that ship."""

from collections.abc import Sequence

import numpy as np

from predictors import shipped
from predictors.gbdt import GbdtPredictor
from predictors.measured_device import MeasuredDevice
from predictors.predictor import Predictor
from search.observed import observed_keys, observed_model
from search.problem import Problem
from spaces.metric import Observation

Models = dict[str, Predictor]
"""Quantity key → its predictor."""


def fit_models(problem: Problem, observations: Sequence[Observation], *, seed: int) -> Models:
    """A predictor for every quantity that must be measured, from what was observed so far."""
    finished = [observation for observation in observations if observation.failed is None]
    codes = problem.space.parse_many(observation.architecture for observation in finished)
    models: Models = {}
    for quantity in problem.to_measure:
        values = np.array([observation.values[quantity.key] for observation in finished])
        predictor = GbdtPredictor(problem.space, task=problem.task, seed=seed)
        models[quantity.key] = predictor.fit(codes, values)
    return models


def shipped_models(problem: Problem, measured: Sequence[MeasuredDevice] = ()) -> Models:
    """The predictor of every quantity that is not exact: shipped, of a device that someone measured, or
    learned from the observations of a declared space.

    Raises:
        NoModel: where there is none.
    """
    own = {device.quantity: device for device in measured}
    observed = observed_keys(problem.space)
    return {
        quantity.key: own[quantity].predictor()
        if quantity in own
        else observed_model(problem.space.name, quantity.key)
        if quantity.key in observed
        else shipped.load(problem.space.name, quantity.key)
        for quantity in problem.to_measure
    }
