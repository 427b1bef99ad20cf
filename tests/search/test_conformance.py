"""Every strategy keeps the promises of the abstract one; a new one joins with one class."""

from search.strategies.annealing import AnnealingStrategy
from search.strategies.bayes import BayesStrategy
from search.strategies.evolution import EvolutionStrategy
from search.strategies.local import LocalStrategy
from search.strategies.random import RandomStrategy
from search.strategies.robot import RobotStrategy
from search.strategies.transfer import TransferStrategy
from search.testing.strategies import StrategySuite


class TestRandom(StrategySuite):
    make = RandomStrategy


class TestBayes(StrategySuite):
    make = BayesStrategy


class TestEvolution(StrategySuite):
    make = EvolutionStrategy
    warm = 32


class TestLocal(StrategySuite):
    make = LocalStrategy
    warm = 40


class TestAnnealing(StrategySuite):
    make = AnnealingStrategy
    warm = 14


class TestRobot(StrategySuite):
    make = RobotStrategy
    warm = 12


class TestTransfer(StrategySuite):
    make = TransferStrategy
