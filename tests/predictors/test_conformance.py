"""Every predictor keeps the promises of the abstract one; a new kind joins with one line."""

from predictors.kinds import KINDS
from predictors.testing import PredictorSuite, RegisteredSuite, conformance
from predictors.transfer.task_conditioned import TaskPredictor

TestGbdt = conformance("gbdt")
TestGp = conformance("gp")
TestAuto = conformance("auto")
TestNeural = conformance("neural")


class TestTaskConditioned(PredictorSuite):
    make = TaskPredictor


def test_every_built_in_has_joined():
    """But those that start from a source; theirs are in test_precision.py."""
    suites = [value for name, value in globals().items() if name.startswith("Test")]
    joined = {suite.name for suite in suites if issubclass(suite, RegisteredSuite)}
    assert joined == {name for name in KINDS.built_in() if not KINDS.get(name).needs_source}
