"""Architectures and recipes chosen together: the product passes the suite, and says each part apart."""

import numpy as np
import pytest

from encoders.features import feature_names, features
from predictors.inputs import informed_kinds
from predictors.kinds import KINDS
from spaces.known import add_space, get_space
from spaces.space import InvalidArchitecture
from spaces.testing import conformance
from spaces.with_recipe import WithRecipe, with_recipe

CHOICES = (
    ("optimizer", ("sgd", "adamw")),
    ("learning_rate", (0.3, 0.01, 0.1)),
    ("epochs", (20, 35)),
)
CELLS = get_space("nasbench201")
BOTH = with_recipe(CELLS, CHOICES)
FEW = with_recipe(CELLS, CHOICES[:1])

TestCellsWithRecipe = conformance(add_space(BOTH).name)
TestGraphsWithRecipe = conformance(add_space(with_recipe(get_space("gnn"), CHOICES[1:2])).name)


def drawn(count=40, seed=0):
    return BOTH.sample(count, np.random.default_rng(seed))


def test_a_product_is_made_once_and_counts_all():
    assert with_recipe(CELLS, CHOICES) is BOTH and isinstance(BOTH, WithRecipe)
    assert BOTH.size == 12 * CELLS.size and len(FEW.enumerate()) == FEW.size == 2 * CELLS.size


def test_network_and_recipe_come_apart_and_together():
    for text, row in zip(BOTH.format(drawn()), drawn(), strict=True):
        network, recipe = BOTH.apart(text)
        assert CELLS.format(BOTH.networks(row[None])) == [network]
        assert np.array_equal(BOTH.from_variables(CELLS.to_variables(CELLS.parse(network)) | recipe), row)
    network, recipe = BOTH.apart(f"{CELLS.example}#epochs=35,learning_rate=0.01,optimizer=adamw")
    assert (network, recipe) == (
        CELLS.example,
        {"optimizer": "adamw", "learning_rate": 0.01, "epochs": 35},
    )


@pytest.mark.parametrize(
    ("recipe", "word"),
    [
        ("", "recipe"),
        ("#", "choice"),
        ("#optimizer=sgd", "learning_rate"),
        ("#optimizer=sgd,learning_rate=0.3", "epochs"),
        ("#optimizer=sgd,learning_rate=0.2,epochs=20", "choice"),
        ("#optimizer=sgd,learning_rate=0.3,epochs=20,epochs=35", "choice"),
        ("#optimizer=sgd,learning_rate=0.3,epochs=20,", "choice"),
    ],
)
def test_a_recipe_that_is_none_is_refused_with_an_example(recipe, word):
    with pytest.raises(InvalidArchitecture, match=word) as caught:
        BOTH.parse(CELLS.example + recipe)
    assert BOTH.example in caught.value.hint


def test_a_neighbour_changes_the_network_or_one_choice_of_the_recipe():
    row = drawn(1)[0]
    near = BOTH.neighbours(row)
    changed = (near != row).astype(int)
    recipe = changed[:, -3:].sum(axis=1)
    assert len(near) == len(CELLS.neighbours(row[:-3])) + 1 + 2 + 1
    assert recipe.max() == 1 and ((recipe == 0) == changed[:, :-3].any(axis=1)).all()


def test_training_costs_grow_with_epochs_and_macs():
    codes = drawn()
    found = BOTH.statistics(codes)
    epochs = np.array([20, 35])[codes[:, -1]]
    np.testing.assert_allclose(found["training_macs_m"], 3 * found["macs_m"] * epochs)
    alone = CELLS.statistics(BOTH.networks(codes))
    assert all(np.array_equal(found[name], alone[name]) for name in alone)
    assert "training_macs_m" not in FEW.statistics_names


def test_features_of_networks_do_not_see_the_recipe_and_the_others_do():
    codes = drawn()
    kinds = ("path", "live", "counts", "structure", "reduced", "scores", "pretrained")
    answer = features(BOTH, codes, kinds=kinds)
    assert np.array_equal(answer, features(CELLS, BOTH.networks(codes), kinds=kinds))
    assert feature_names(BOTH, kinds) == feature_names(CELLS, kinds)
    parts = ("recipe:optimizer", "recipe:learning_rate", "recipe:epochs")
    assert feature_names(BOTH, parts) == (
        "recipe:optimizer=sgd",
        "recipe:optimizer=adamw",
        "recipe:learning_rate",
        "recipe:epochs",
    )
    row = BOTH.parse(f"{CELLS.example}#optimizer=adamw,learning_rate=0.1,epochs=35")
    assert features(BOTH, row[None], kinds=parts).tolist() == [[0, 1, 0.5, 1]]
    assert informed_kinds(BOTH) == (*informed_kinds(CELLS), *parts)


@pytest.mark.parametrize("kind", ["gbdt", "gp", "neural"])
def test_every_predictor_learns_what_the_recipe_does(kind):
    space = with_recipe(CELLS, CHOICES[1:])
    codes = space.sample(72, np.random.default_rng(1))
    values = 80 + 6.0 * (codes[:, -1] == 1) - 3.0 * (codes[:, -2] == 0)
    model = KINDS.get(kind)(space, task=None, seed=0).fit(codes[:48], values[:48])
    mean = model.predict(codes[48:]).mean
    assert np.corrcoef(mean, values[48:])[0, 1] > 0.8
