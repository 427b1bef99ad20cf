"""The registry of spaces, and what all spaces share."""

import numpy as np
import pytest

from spaces.known import get_space, space_names
from spaces.space import InvalidArchitecture, Space, Variable


def test_spaces_are_found_in_their_files():
    assert {"gnn", "nasbench201"} <= set(space_names())


def test_an_unknown_space_is_refused_with_the_known_ones():
    with pytest.raises(KeyError, match=r"gnn, .*nasbench201"):
        get_space("nothing")


class Numbers(Space):
    """Variables whose choices are numbers and truth values."""

    name = "numbers"
    variables = (Variable("kernel", (3, 5)), Variable("se", (False, True)))

    def reason(self, codes):
        return None

    def canonical(self, codes):
        return codes

    parse = format = sample = neighbours = graph = isomorphism_key = None
    slot_values = from_slots = statistics = None


@pytest.mark.parametrize("se", [True, 1])
def test_a_truth_value_may_be_a_number(se):
    assert np.array_equal(Numbers().from_variables({"kernel": 5, "se": se}), [1, 1])


@pytest.mark.parametrize("kernel", [3.0, "3", 4, True])
def test_a_number_of_another_type_or_size_is_refused(kernel):
    with pytest.raises(InvalidArchitecture, match="kernel"):
        Numbers().from_variables({"kernel": kernel, "se": 0})
