"""Costs of the network that is meant: statistics, torch, its FLOP counter, the ONNX file, ONNX Runtime."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.deploy.costs import by_space, by_torch, reaching
from networks.export.onnx_counts import onnx_counts, runtime_counts
from networks.export.onnx_file import onnx_file
from networks.plan import planned_spaces
from spaces.costs.network_config import SKELETONS
from spaces.image_space import ImageSpace
from spaces.known import get_space

CLASSES = (2, 5, 10, 100, 1000)
SIDES = (32, 96, 160, 224)


def test_the_spaces_with_networks_are_those_of_image_classifiers():
    assert all(isinstance(get_space(name), ImageSpace) for name in planned_spaces())


@pytest.mark.parametrize("space_name", planned_spaces())
def test_known_answers(space_name):
    space = get_space(space_name)
    codes = space.parse(space.example)
    found = set()
    for classes in CLASSES:
        for side in SIDES:
            config = space.network_config(classes=classes, resolution=side)
            found.add(by_space(space, codes, config))
            assert by_space(space, codes, config) == by_torch(space, codes, config), config
    assert len(found) == len(CLASSES) * len(SIDES)


def test_known_numbers():
    """Counted once by hand from the paper's table: a five-class FBNet at 96 pixels is no ImageNet one."""
    space = get_space("fbnet")
    small = space.parse("|".join(["skip"] * 22))
    # Stem 3→16, the six projections 16→24→32→64→112→184→352, head 352→1504, classifier 1504→5.
    widths = (16, 24, 32, 64, 112, 184, 352, 1504)
    params = 27 * 16 + 2 * 16 + sum(a * b + 2 * b for a, b in pairwise(widths))
    config = space.network_config(classes=5, resolution=96)
    assert by_space(space, small, config)[0] == params + 1505 * 5
    assert by_space(space, small, space.network_config())[0] == params + 1505 * 1000


@pytest.mark.parametrize("space_name", planned_spaces())
@settings(max_examples=15, deadline=None, derandomize=True, database=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    classes=st.integers(1, 2000),
    side=st.integers(8, 256),
    skeleton=st.sampled_from(SKELETONS),
    task=st.integers(0, 10),
)
def test_costs_are_those_that_torch_counts(space_name, seed, classes, side, skeleton, task):
    space = get_space(space_name)
    codes = space.sample(1, np.random.default_rng(seed))[0]
    named = (None, *space.tasks)[task % (1 + len(space.tasks))]
    config = space.network_config(named, classes=classes, resolution=side, skeleton=skeleton)
    assert by_space(space, codes, config) == by_torch(space, codes, config)


def test_a_member_with_its_own_resolution_is_counted_there():
    space = get_space("ofa_mobilenetv3")
    codes = space.sample(8, np.random.default_rng(0))
    config = space.network_config(classes=5)
    assert config.resolution is None
    for row in codes:
        assert by_space(space, row, config) == by_torch(space, row, config)


@pytest.mark.parametrize("space_name", planned_spaces())
def test_an_onnx_file_holds_the_network(space_name):
    """A few at low resolutions; ``netwright compare costs --seeds 80`` takes 400 of each space."""
    space, rng = get_space(space_name), np.random.default_rng(5)
    for row, classes, side in zip(space.sample(3, rng), (2, 5, 1000), (32, 61, 96), strict=True):
        config = space.network_config(classes=classes, resolution=side, skeleton=SKELETONS[classes % 2])
        expected = reaching(row) if space_name == "nasbench201" else row
        data = onnx_file(space_name, row, config)
        assert onnx_counts(data) == by_space(space, expected, config)
        assert runtime_counts(data) == by_space(space, expected, config)


def test_a_file_of_another_network_is_counted_otherwise():
    space = get_space("nasbench201")
    config = space.network_config(classes=5, resolution=32)
    data = onnx_file("nasbench201", space.example, space.network_config(classes=6, resolution=33))
    params, macs = by_space(space, space.parse(space.example), config)
    assert onnx_counts(data)[0] == params + 65
    assert onnx_counts(data)[1] > macs


@pytest.mark.parametrize("wrong", [{"skeleton": "tiny"}, {"classes": 0}, {"resolution": 0}])
def test_what_no_network_has_is_refused(wrong):
    with pytest.raises(ValueError):
        get_space("fbnet").network_config(**wrong)


def test_graph_networks_are_those_of_their_data_set():
    space = get_space("gnn")
    assert space.network_config("arxiv").to_dict() == {
        "task": "arxiv", "classes": 40, "resolution": None, "skeleton": "full",
    }  # fmt: skip
    assert space.network_config("flowers") == space.network_config() == space.network_config("cora")
    for wrong in ({"classes": 5}, {"resolution": 32}, {"skeleton": "small"}):
        with pytest.raises(ValueError, match="data set fixes"):
            space.network_config("arxiv", **wrong)
    codes = space.sample(20, np.random.default_rng(0))
    for task in space.tasks:
        costs = space.costs(codes, space.network_config(task))
        assert np.array_equal(costs["params_m"], space.statistics(codes, task)["params_m"])
