"""Each plug-in keeps the promises of its kind; one line each. Run with ``pytest examples/plugins/tests``."""

import numpy as np
import stripes
import torch
from torch.utils.flop_counter import FlopCounterMode

import encoders.testing
import predictors.testing
import search.testing.evaluators
import search.testing.strategies
import spaces.testing
from networks import build
from spaces.costs.network_config import SKELETONS
from spaces.known import get_space

ORDER = {"space": "pocket", "task": "stripes", "evaluations": 1, "evaluator": "linear_probe"}

TestRidge = predictors.testing.conformance("ridge")
TestScreened = search.testing.strategies.conformance("screened")
TestPocket = spaces.testing.conformance("pocket")
TestLinearProbe = search.testing.evaluators.conformance("linear_probe", ORDER, images=stripes.write)
TestLogSynFlow = encoders.testing.conformance("logsynflow")


def test_the_costs_of_the_space_are_those_of_its_networks():
    space = get_space("pocket")
    codes = space.sample(5, np.random.default_rng(0))
    for skeleton in SKELETONS:
        meant = space.network_config(classes=7, resolution=45, skeleton=skeleton)
        costs = space.costs(codes, meant)
        for row, network in enumerate(build("pocket", own, meant).eval() for own in codes):
            assert round(1e6 * costs["params_m"][row]) == sum(
                weights.numel() for weights in network.parameters()
            )
            with FlopCounterMode(display=False) as counter:
                network(torch.zeros(1, 3, 45, 45))
            assert round(2e6 * costs["macs_m"][row]) == counter.get_total_flops()
