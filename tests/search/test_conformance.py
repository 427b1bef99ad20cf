"""Every strategy keeps the promises of the abstract one; a new one joins with one line."""

from search.strategies import STRATEGIES
from search.testing.strategies import conformance

TestRandom = conformance("random")
TestBayes = conformance("bayes")
TestEvolution = conformance("evolution", warm=32)
TestLocal = conformance("local", warm=40)
TestAnnealing = conformance("annealing", warm=14)
TestRobot = conformance("robot", warm=12)
TestTransfer = conformance("transfer")


def test_every_built_in_has_joined():
    joined = {value.name for name, value in globals().items() if name.startswith("Test")}
    assert joined == STRATEGIES.built_in()
