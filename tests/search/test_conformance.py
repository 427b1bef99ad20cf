"""Every strategy keeps the promises of the abstract one; a new one joins with one class."""

from search.strategies.bayes import BayesStrategy
from search.strategies.random import RandomStrategy
from search.testing import StrategySuite


class TestRandom(StrategySuite):
    make = RandomStrategy


class TestBayes(StrategySuite):
    make = BayesStrategy
