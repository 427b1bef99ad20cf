"""Costs of single layers, against the network that counts one by one."""

from itertools import product

import pytest

from spaces.costs.layer_cost import Cost, InvertedResidual, classifier, convolution
from tests.spaces.reference_network import Network, Tensor


def cost_of(network):
    """The counts of a network as a cost."""
    return Cost(
        network.params, network.macs, network.activations, network.pooled, network.depth, network.peak // 4
    )


@pytest.mark.parametrize("kernel,stride,groups", list(product((1, 3, 5), (1, 2), (1, 2))))
def test_convolutions(kernel, stride, groups):
    network = Network()
    network.convolution([Tensor(network, 6, 8)], 10, kernel, stride, groups)
    assert convolution(6, 10, kernel, stride, 8, groups) == cost_of(network)


def test_classifier():
    for side in (1, 7):
        network = Network()
        network.classifier([Tensor(network, 5, side)], 90)
        assert classifier(5, side, 90) == cost_of(network)


SETTINGS = [
    setting
    for setting in product((8, 12), (3, 5), (1, 2), (1, 3, 6), (True, False), (1, 2), (0, 2, 1000))
    if setting[4] or setting[3] == setting[5] == 1  # only an expanding convolution expands and shuffles
]


@pytest.mark.parametrize("outputs,kernel,stride,expansion,expands,groups,squeezed", SETTINGS)
def test_inverted_residuals(outputs, kernel, stride, expansion, expands, groups, squeezed):
    """A layer with 8 channels in, with and without shortcut; a long vector, so that its memory shows."""
    network = Network()
    network.inverted_residual(
        [Tensor(network, 8, 4)], outputs, kernel, stride, expansion, expands, groups, squeezed
    )
    layer = InvertedResidual(8, outputs, kernel, stride, 4, expansion, expands, groups, squeezed)
    assert layer.cost() == cost_of(network)


def test_parts_add_up_and_the_largest_peak_counts():
    assert Cost.total([Cost(1, 2, 3, 4, 5, 60), Cost(10, 20, 30, 40, 50, 6)]) == Cost(11, 22, 33, 44, 55, 60)
    assert Cost.total([]) == Cost()
