"""What ``generate`` promises, with the weights that ship, in both kinds of space."""

import numpy as np
import pytest

from generator.generate import GenerateOptions, generate
from generator.guide import ProductGuide
from generator.masked.weights import (
    DamagedWeights,
    load_generator,
    read_generator,
    save_generator,
    shipped_path,
)
from spaces.known import get_space

SPACES = ["nasbench201", "gnn"]


class Costly:
    """Prefers many parameters."""

    def __init__(self, space):
        self.space = space

    def log_weight(self, codes):
        return 4.0 * np.log(self.space.statistics(codes)["params_m"])


@pytest.mark.parametrize("name", SPACES)
def test_unique_valid_and_none_of_the_excluded(name):
    model = load_generator(name)
    excluded = model.space.sample(50, np.random.default_rng(0))
    out = generate(model, 200, seed=1, exclude=excluded)
    rows = {row.tobytes() for row in out.codes}
    assert len(rows) == len(out.codes) == 200
    assert not rows & {row.tobytes() for row in excluded}
    assert all(model.space.reason(row) is None for row in out.codes)
    assert (model.space.canonical(out.codes) == out.codes).all()


@pytest.mark.parametrize("name", SPACES)
def test_exact_bounds_always_hold_and_the_guide_ranks(name):
    model = load_generator(name)
    space = model.space
    costs = space.statistics(space.sample(2000, np.random.default_rng(0)))["params_m"]
    bound = float(np.quantile(costs, 0.1))

    def gap(codes):
        return np.maximum(space.statistics(codes)["params_m"] / bound - 1, 0)

    out = generate(model, 60, seed=2, guide=ProductGuide([Costly(space)]), gap=gap)
    assert len(out.codes) == 60 and (gap(out.codes) == 0).all() and out.gap == 0
    assert (np.diff(out.log_weights) <= 1e-12).all()


def test_steering_moves_the_mean_to_that_of_the_tilted_distribution():
    model = load_generator("nasbench201")
    steered = model.sample(2000, seed=3, guide=Costly(model.space))
    weights = np.exp(steered.log_weights - steered.log_weights.max())
    got = np.average(np.log(model.space.statistics(steered.codes)["params_m"]), weights=weights)
    everyone = np.log(model.space.statistics(model.space.enumerate())["params_m"])
    # Uniform architectures tilted by params⁴: the mean moves from about −1.13 to −0.28.
    assert got == pytest.approx(np.average(everyone, weights=np.exp(4 * everyone)), abs=0.1)


@pytest.mark.parametrize("name", SPACES)
def test_conditioning_brings_the_statistics_that_were_asked_for(name):
    model = load_generator(name)
    asked = model.conditions.of_codes(model.space, model.space.sample(400, np.random.default_rng(1)))
    conditioned = model.sample(400, seed=4, targets=asked)
    got = model.conditions.of_codes(model.space, conditioned.codes)
    column = model.conditions.names.index("params_m")
    error = np.abs(got - asked)[conditioned.valid, column].mean()
    # Two independent draws differ by about 1.1 standard deviations.
    assert error < 0.4


def test_unsatisfiable_bounds_end_after_bounded_rounds_with_the_nearest():
    model = load_generator("nasbench201")

    def gap(codes):
        return model.space.statistics(codes)["params_m"] / 0.01 - 1

    out = generate(model, 5, seed=0, gap=gap, options=GenerateOptions(particles=128, rounds=2))
    assert len(out.codes) == 0 and out.rounds == 2 and out.gap > 0
    assert out.gap == pytest.approx(gap(out.nearest[None])[0])


def test_weights_survive_a_file_and_damage_is_refused(tmp_path):
    model = load_generator("nasbench201")
    digest = save_generator(model, tmp_path / "again.safetensors")
    again = read_generator(tmp_path / "again.safetensors", model.space)
    assert again.digest == digest
    assert (again.sample(64, seed=5).codes == model.sample(64, seed=5).codes).all()
    data = shipped_path("nasbench201").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(data[: len(data) // 2])
    (tmp_path / "pickle.safetensors").write_bytes(b"\x80\x04cos\nsystem\n.")
    for name in ("cut", "pickle", "absent"):
        with pytest.raises(DamagedWeights):
            read_generator(tmp_path / f"{name}.safetensors", model.space)
    with pytest.raises(DamagedWeights):
        read_generator(shipped_path("nasbench201"), get_space("gnn"))
