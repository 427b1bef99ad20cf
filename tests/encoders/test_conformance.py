"""Every zero-cost proxy keeps the promises of the abstract one; a new one joins with one line."""

from encoders.proxies.kinds import PROXIES
from encoders.testing import conformance

TestFisher = conformance("fisher")
TestGradNorm = conformance("grad_norm")
TestGrasp = conformance("grasp")
TestJacobCov = conformance("jacob_cov")
TestNaswot = conformance("naswot")
TestSnip = conformance("snip")
TestSynflow = conformance("synflow")
TestZen = conformance("zen")


def test_every_built_in_has_joined():
    joined = {value.name for name, value in globals().items() if name.startswith("Test")}
    assert joined == PROXIES.built_in()
