"""The forward process and its posterior, as matrices."""

import numpy as np
import pytest

from generator.masked.absorbing import forward, posterior, unmasking

LEVELS = [0.0, 0.2, 0.55, 1.0]


@pytest.mark.parametrize("size", [1, 2, 5])
def test_rows_sum_to_one_and_transitions_compose(size):
    for u, t in [(0.0, 0.3), (0.2, 0.2), (0.55, 1.0), (1.0, 1.0)]:
        matrix = forward(size, u, t)
        np.testing.assert_allclose(matrix.sum(axis=1), 1.0)
        assert (matrix >= 0).all() and matrix[size, size] == 1.0
    for r, u, t in [(0.0, 0.2, 0.55), (0.2, 0.55, 0.9), (0.1, 0.1, 1.0)]:
        np.testing.assert_allclose(forward(size, r, u) @ forward(size, u, t), forward(size, r, t))


def test_at_level_t_a_share_t_is_masked():
    np.testing.assert_allclose(forward(4, 0.0, 0.35)[:4, 4], 0.35)


@pytest.mark.parametrize(("u", "t"), [(0.0, 0.4), (0.3, 0.5), (0.5, 0.95)])
def test_the_posterior_normalizes_and_is_what_the_sampler_does(u, t):
    kept = posterior(3, 1, 1, u, t)
    masked = posterior(3, 1, 3, u, t)
    assert kept.tolist() == pytest.approx([0, 1, 0, 0])
    assert masked.sum() == pytest.approx(1.0)
    assert masked[1] == pytest.approx(unmasking(t, u)) and masked[3] == pytest.approx(u / t)


def test_impossible_transitions_are_refused():
    with pytest.raises(ValueError, match="cannot become"):
        posterior(3, 1, 2, 0.2, 0.5)
    with pytest.raises(ValueError, match="levels must rise"):
        forward(3, 0.5, 0.2)
