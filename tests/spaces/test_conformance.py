"""Every registered space passes the suite; a new one joins with a line."""

from spaces.known import SPACES, space_names
from spaces.testing import conformance

TestNasBench201 = conformance("nasbench201")
TestGnn = conformance("gnn")
TestMnasNet = conformance("mnasnet")
TestFbNet = conformance("fbnet")
TestOfaMobileNetV3 = conformance("ofa_mobilenetv3")
TestEfficientNetLite = conformance("efficientnet_lite")
for _name in SPACES.built_in() & SPACES.needs.keys():
    globals()[f"Test_{_name}"] = conformance(_name)


def test_every_space_has_joined():
    joined = {value.space_name for name, value in globals().items() if name.startswith("Test")}
    assert joined == set(space_names())
