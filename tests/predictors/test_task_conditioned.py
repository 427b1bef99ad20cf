"""What the task-conditioned predictor promises beyond the conformance suite."""

from dataclasses import replace

import numpy as np
import pytest

from encoders.proxies.table import classes
from encoders.tasks.embedding import VERSION, WIDTH, TaskEmbedding, embed_imagenet_classes
from encoders.tasks.imagenet_classes import wordnet_ids
from encoders.tasks.set_encoder import Neighbourhood, surroundings, task_vector
from predictors.predictor import NotEnoughLabels
from predictors.transfer.task_conditioned import TaskPredictor, load_task_predictor
from predictors.transfer.task_model import OtherVersion, TaskModel, load_task_model
from spaces.known import get_space
from spaces.space import Codes

SPACE = get_space("nasbench201")


def task(classes: int = 20, seed: int = 0, scale: float = 1.0) -> TaskEmbedding:
    """Prototypes drawn about the center of the tasks that the model learned from, as far apart as theirs."""
    model = load_task_model("nasbench201")
    rng = np.random.default_rng(seed)
    spread = scale * model.spread[:WIDTH] * np.sqrt(20)
    prototypes = model.center[:WIDTH] + spread * rng.standard_normal((classes, WIDTH))
    names = tuple(f"c{index}" for index in range(classes))
    return TaskEmbedding(prototypes.astype(np.float32), names, 0, VERSION, "imagenet")


def architectures(count: int, seed: int = 0) -> Codes:
    return SPACE.sample(count, np.random.default_rng(seed))


def test_the_order_of_classes_does_not_matter() -> None:
    asked = task()
    order = np.random.default_rng(1).permutation(20)
    turned = replace(asked, prototypes=asked.prototypes[order])
    np.testing.assert_allclose(task_vector(turned.prototypes), task_vector(asked.prototypes), atol=1e-6)
    codes = architectures(50)
    first, second = (load_task_predictor("nasbench201", each).predict(codes).mean for each in (asked, turned))
    np.testing.assert_allclose(first, second, atol=1e-3)
    np.testing.assert_allclose(surroundings(turned.prototypes), surroundings(asked.prototypes), rtol=1e-5)


def test_what_is_best_depends_on_how_hard_the_task_is() -> None:
    model, codes = load_task_model("nasbench201"), architectures(1000)
    ids, rng = wordnet_ids(), np.random.default_rng(0)
    drawn = [embed_imagenet_classes([ids[row] for row in rng.permutation(1000)[:20]]) for _ in range(12)]
    tasks = sorted(drawn, key=model.level_of)
    hard, easy = (set(np.argsort(-model.prior(tasks[row], codes))[:50]) for row in (0, -1))
    assert len(hard & easy) < 45


def test_architectures_that_compute_the_same_are_predicted_alike() -> None:
    known = classes(SPACE)
    rows = np.flatnonzero(known.rows == np.argmax(np.bincount(known.rows)))
    twins = SPACE.enumerate()[rows]
    assert len({SPACE.isomorphism_key(codes) for codes in twins}) == 1 < len(twins)
    mean = load_task_predictor("nasbench201", task()).predict(twins).mean
    np.testing.assert_allclose(mean, mean[0], atol=1e-6)


def test_a_near_task_has_intervals_and_a_far_one_none() -> None:
    codes = architectures(30)
    near = load_task_predictor("nasbench201", task())
    assert not near.extrapolated and np.isfinite(near.predict(codes).lower).all()
    for far in (task(classes=2), task(classes=300), task(scale=0.05)):
        predictor = load_task_predictor("nasbench201", far)
        predicted = predictor.predict(codes)
        assert predictor.extrapolated and predictor.reasons
        assert (
            np.isnan(predicted.lower).all()
            and np.isnan(predicted.upper).all()
            and np.isfinite(predicted.mean).all()
        )


def test_neighbourhoods_name_what_is_far() -> None:
    numbers = np.stack([surroundings(task(seed=seed).prototypes) for seed in range(5)])
    near = Neighbourhood.of(numbers)
    assert near.reasons(task(seed=1).prototypes) == []
    assert any("classes is 300" in reason for reason in near.reasons(task(classes=300).prototypes))


def test_observations_move_predictions_towards_themselves_and_what_resembles_them() -> None:
    codes = architectures(40, seed=3)
    predictor = load_task_predictor("nasbench201", task())
    before = predictor.predict(codes)
    predictor.refine(codes[:1], before.mean[:1] + 8.0)
    after = predictor.predict(codes)
    assert 0.5 < after.mean[0] - before.mean[0] < 8.5
    assert (after.mean > before.mean).mean() > 0.7  # a higher level is the likeliest reason
    assert np.isnan(after.lower).all()  # one observation promises nothing


def test_observing_one_by_one_equals_all_at_once() -> None:
    codes, asked = architectures(12, seed=4), task(seed=2)
    values = 70 + np.arange(12.0)
    single = load_task_predictor("nasbench201", asked)
    for row in range(12):
        single.refine(codes[[row]], values[[row]])
    at_once = load_task_predictor("nasbench201", asked).refine(codes, values)
    np.testing.assert_allclose(single.predict(codes).mean, at_once.predict(codes).mean)
    with pytest.raises(NotEnoughLabels):
        at_once.refine(codes[:1], np.array([np.nan]))


def test_other_tasks_help_where_labels_are_few() -> None:
    """Truth that shares the model's cells up to noise: six observations beside none."""
    model, asked = load_task_model("nasbench201"), task(seed=5)
    codes = architectures(300, seed=6)
    truth = 3 + model.prior(asked, codes) + np.random.default_rng(0).normal(0, 0.5, 300)
    informed = load_task_predictor("nasbench201", asked).refine(codes[:6], truth[:6])
    alone = TaskPredictor(SPACE).fit(codes[:6], truth[:6])
    errors = [np.abs(each.predict(codes[6:]).mean - truth[6:]).mean() for each in (informed, alone)]
    assert errors[0] < 0.5 * errors[1]


def test_survives_its_own_bytes_and_names_itself() -> None:
    codes = architectures(25, seed=7)
    predictor = load_task_predictor("nasbench201", task()).refine(codes, 60 + np.arange(25.0))
    again = TaskPredictor.from_bytes(predictor.to_bytes(), SPACE)
    np.testing.assert_allclose(again.predict(codes).mean, predictor.predict(codes).mean)
    assert again.digest() == predictor.digest() != load_task_predictor("nasbench201", task()).digest()
    model = load_task_model("nasbench201")
    assert TaskModel.from_bytes(model.to_bytes(), SPACE).to_bytes() == model.to_bytes()


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(OtherVersion, match="embedded by other/1"):
        load_task_predictor("nasbench201", replace(task(), version="other/1")).predict(architectures(2))
    with pytest.raises(KeyError, match="no model of tasks ships for fbnet"):
        load_task_predictor("fbnet", task())
    with pytest.raises(ValueError, match="belong together"):
        TaskPredictor(SPACE, embedding=task())
