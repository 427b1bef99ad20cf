"""Each plug-in keeps the promises of its kind; one line each. Run with ``pytest examples/plugins/tests``."""

import stripes

import encoders.testing
import networks.plan_testing
import predictors.testing
import search.testing.evaluators
import search.testing.strategies
import spaces.testing

ORDER = {"space": "pocket", "task": "stripes", "evaluations": 1, "evaluator": "linear_probe"}

TestRidge = predictors.testing.conformance("ridge")
TestScreened = search.testing.strategies.conformance("screened")
TestPocket = spaces.testing.conformance("pocket")
TestPocketNetworks = networks.plan_testing.conformance("pocket")
TestLinearProbe = search.testing.evaluators.conformance("linear_probe", ORDER, images=stripes.write)
TestLogSynFlow = encoders.testing.conformance("logsynflow")
