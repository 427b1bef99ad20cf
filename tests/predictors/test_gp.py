"""The Gaussian process: it is BoTorch's model, it knows equal functions, and reading it needs no torch."""

import subprocess
import sys

import numpy as np
import pytest

from predictors.gaussian_processes.exact_gp import exact_gp, marginals
from predictors.gaussian_processes.feature_groups import center_of
from predictors.gaussian_processes.grouped_matern import Groups
from predictors.kinds.auto import AutoPredictor
from predictors.kinds.gp import GpPredictor
from predictors.predictor import fits_anew
from spaces.known import get_space

SPACE = get_space("nasbench201")


def labelled(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Members and a smooth function of their costs with some noise."""
    rng = np.random.default_rng(0)
    codes = SPACE.sample(count, rng)
    return codes, np.log(SPACE.statistics(codes)["params_m"]) + 0.3 * rng.normal(size=count)


def test_what_it_predicts_is_what_botorchs_model_predicts() -> None:
    codes, values = labelled(60)
    model = GpPredictor(SPACE, inflate=False).fit(codes, values)
    unseen = SPACE.sample(300, np.random.default_rng(1))
    x, z = (np.concatenate(model._inputs(part), axis=1) for part in (codes, unseen))
    groups = Groups.of(
        [part.shape[1] for part in model._inputs(codes)], list(map(center_of, model._groups()))
    )
    theirs = exact_gp(x, model.scores.transform(values), groups, model.theta)
    mean, variance = marginals(theirs, z)
    found, scale = model.scored(unseen)
    np.testing.assert_allclose(found, mean, atol=1e-5)
    np.testing.assert_allclose(scale**2, variance, atol=1e-5)


def test_members_that_compute_one_function_are_predicted_alike() -> None:
    model = GpPredictor(SPACE).fit(*labelled(60))
    # A convolution that only zeros follow is dead.
    twins = SPACE.parse_many(
        f"|nor_conv_3x3~0|+|{dead}~0|none~1|+|nor_conv_1x1~0|nor_conv_3x3~1|none~2|"
        for dead in ("none", "nor_conv_3x3", "avg_pool_3x3")
    )
    mean = model.predict(twins).mean
    np.testing.assert_allclose(mean, mean[0], rtol=1e-9)


def test_more_labels_do_not_choose_hyperparameters_until_there_are_twice_as_many() -> None:
    codes, values = labelled(60)
    model = GpPredictor(SPACE, inflate=False).fit(codes[:30], values[:30])
    theta = model.theta
    assert fits_anew(model, 30) and not fits_anew(model, 29)
    assert (model.refine(codes[30:59], values[30:59]).theta == theta).all()
    assert (model.refine(codes[59:], values[59:]).theta != theta).any()


@pytest.mark.parametrize("kind", [GpPredictor, AutoPredictor])
def test_reading_predicting_and_refining_load_no_torch(kind, tmp_path) -> None:
    """The API does them in its own process, which torch would make twice as large."""
    codes, values = labelled(20)
    (tmp_path / "model").write_bytes(kind(SPACE).fit(codes, values).to_bytes())
    np.savez(tmp_path / "labels.npz", codes=codes, values=values)
    code = f"""
import sys, numpy as np
from predictors.kinds import KINDS
from spaces.known import get_space
space = get_space("nasbench201")
model = KINDS.get({kind.kind!r}).from_bytes(open("model", "rb").read(), space)
labels = np.load("labels.npz")
model.predict(labels["codes"])
if model.kind == "gp":
    model.refine(labels["codes"][:5], labels["values"][:5])
assert "torch" not in sys.modules
"""
    environment = {"PYTHONPATH": ":".join(sys.path)}
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, cwd=tmp_path, env=environment)
