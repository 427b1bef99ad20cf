"""Models of what was observed in a declared space: which kind learns from how much."""

import numpy as np
import pytest

from search import declared_models as observed
from spaces.declared.space import declare

SPACE = "name = 'few'\n[variables]\n" + "\n".join(f"v{k} = [1, 2, 3, 4]" for k in range(6))


class Learned:
    """Stands for a predictor; says what it was made of."""

    def __init__(self, space, **known):
        self.space = space

    def fit(self, codes, values):
        self.labels = len(codes)
        return self


@pytest.mark.parametrize(("count", "kind"), [(observed.BLENDED, "auto"), (observed.BLENDED + 1, "gbdt")])
def test_more_observations_than_a_call_can_blend_are_learned_by_trees_alone(monkeypatch, count, kind):
    asked = []
    monkeypatch.setattr(observed.KINDS, "get", lambda name: asked.append(name) or Learned)
    plain = declare(SPACE)
    names = plain.format(plain.sample(count, np.random.default_rng(0)))
    rows = [f"[[observations]]\narchitecture = '{name}'\naccuracy = 50" for name in names]
    space = declare("\n".join([SPACE, *rows]))
    model = observed.observed_model(space.name, "accuracy@own")
    assert asked == [kind] and model.labels == count
    assert observed.observed_model(space.name, "accuracy@own") is model
