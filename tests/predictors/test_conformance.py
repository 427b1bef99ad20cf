"""Every predictor keeps the promises of the abstract one; a new kind joins with one class."""

from predictors.kinds.auto import AutoPredictor
from predictors.kinds.gbdt import GbdtPredictor
from predictors.kinds.gp import GpPredictor
from predictors.kinds.neural import NeuralPredictor
from predictors.testing import PredictorSuite
from predictors.transfer.task_conditioned import TaskPredictor


class TestGbdt(PredictorSuite):
    make = GbdtPredictor


class TestGp(PredictorSuite):
    make = GpPredictor


class TestAuto(PredictorSuite):
    make = AutoPredictor


class TestNeural(PredictorSuite):
    make = NeuralPredictor


class TestTaskConditioned(PredictorSuite):
    make = TaskPredictor
