"""A space of a plug-in is listed once it can say what it is, and read, write and count its example."""

import numpy as np
import pytest

from spaces.families.mnasnet import MnasNet
from spaces.known import SAYS, check_space


def test_a_whole_space_is_taken():
    check_space(MnasNet)


@pytest.mark.parametrize(
    ("attributes", "fault"),
    [
        ({"format": lambda self, codes: ["x"]}, "is written 'x'"),
        ({"statistics": lambda self, codes, task=None: {"params_m": np.ones(1)}}, "statistics computes"),
        ({"example": "nothing"}, "the string ends|no choice"),
    ],
)
def test_a_space_that_is_not_as_it_says_is_refused(attributes, fault):
    with pytest.raises(ValueError, match=fault):
        check_space(type("Other", (MnasNet,), attributes))


def test_everything_that_a_space_does_not_say_is_named_at_once(monkeypatch):
    class Silent(MnasNet):
        def __getattribute__(self, name):
            if name in ("title", "description"):
                raise AttributeError(name)
            return super().__getattribute__(name)

    with pytest.raises(TypeError, match="Silent must set title, description"):
        check_space(Silent)
    assert {"title", "description"} < {*SAYS}
