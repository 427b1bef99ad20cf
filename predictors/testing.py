"""The conformance suite of predictors: a new kind joins with one line.

Example:
    TestMine = conformance("mine")
"""

from collections.abc import Callable

import numpy as np
from scipy.stats import spearmanr

from predictors.kinds import KINDS
from predictors.predictor import DamagedModel, NotEnoughLabels, Predictor
from spaces.known import get_space
from spaces.metric import Quantity
from spaces.space import Codes, Floats


def refused(error: type[Exception], action: Callable[[], object]) -> bool:
    """Whether an action raises an error of this type."""
    try:
        action()
    except error:
        return True
    return False


def conformance(kind: str) -> type["PredictorSuite"]:
    """The suite for a registered kind that needs no source, to be assigned to a name that begins with
    ``Test``.
    """

    class Suite(RegisteredSuite):
        make = KINDS.get(kind)
        name = kind

    return Suite


class PredictorSuite:
    """What every predictor promises; collected by pytest from a subclass whose name starts with Test."""

    make: Callable[..., Predictor]
    space = get_space("nasbench201")

    def labels(self, count: int, seed: int = 0) -> tuple[Codes, Floats]:
        """Architectures and a value that depends on them: a smooth function of exact costs."""
        codes = self.space.sample(count, np.random.default_rng(seed))
        statistics = self.space.statistics(codes)
        return codes, 90 + np.log(statistics["params_m"]) + 0.3 * statistics["depth"]

    def fitted(self, count: int = 60) -> Predictor:
        """A predictor that learned ``count`` labels."""
        return type(self).make(self.space, seed=3).fit(*self.labels(count))

    def test_learns_the_order_of_unseen_architectures(self) -> None:
        codes, values = self.labels(500, seed=1)
        found = spearmanr(self.fitted().predict(codes).mean, values).statistic
        assert found > 0.8, (
            f"Spearman's correlation after 60 labels is {found:.2f}, at least 0.8 is asked for"
        )

    def test_shapes_and_order_of_bounds(self) -> None:
        codes, _ = self.labels(17, seed=2)
        prediction = self.fitted().predict(codes, confidence=0.8)
        assert prediction.mean.shape == (17,) and prediction.confidence == 0.8
        assert (prediction.lower <= prediction.mean).all() and (prediction.mean <= prediction.upper).all()

    def test_intervals_grow_with_confidence(self) -> None:
        codes, _ = self.labels(50, seed=2)
        predictor = self.fitted(200)
        narrow, wide = predictor.predict(codes, 0.6), predictor.predict(codes, 0.95)
        assert ((wide.upper - wide.lower) > (narrow.upper - narrow.lower)).all(), (
            "some interval at confidence 0.95 is no wider than at 0.6"
        )

    def test_one_by_one_equals_a_batch(self) -> None:
        codes, _ = self.labels(9, seed=4)
        predictor = self.fitted()
        single = np.concatenate([predictor.predict(codes[[row]]).mean for row in range(9)])
        np.testing.assert_allclose(single, predictor.predict(codes).mean, atol=1e-6)

    def test_same_seed_same_model(self) -> None:
        assert self.fitted().digest() == self.fitted().digest()

    def test_survives_its_own_bytes(self) -> None:
        codes, _ = self.labels(40, seed=5)
        predictor = self.fitted(200)
        again = type(predictor).from_bytes(predictor.to_bytes(), self.space)
        np.testing.assert_allclose(again.predict(codes).mean, predictor.predict(codes).mean, atol=1e-5)
        assert ((again.predict(codes).upper - predictor.predict(codes).upper) > -1e-5).all()
        assert again.seed == predictor.seed, (
            "without it predictors of the same labels would share their bytes"
        )

    def test_refuses_damaged_bytes_and_other_spaces(self) -> None:
        predictor = self.fitted()
        data = predictor.to_bytes()
        kind = type(predictor)
        assert refused(DamagedModel, lambda: kind.from_bytes(data[: len(data) // 2], self.space))
        assert refused(DamagedModel, lambda: kind.from_bytes(b"\x80\x04cos\nsystem\n.", self.space))
        assert refused(DamagedModel, lambda: kind.from_bytes(data, get_space("gnn")))

    def test_refuses_labels_it_cannot_learn_from(self) -> None:
        codes, values = self.labels(5)
        make = type(self).make
        assert refused(NotEnoughLabels, lambda: make(self.space).fit(codes[:1], values[:1]))
        assert refused(NotEnoughLabels, lambda: make(self.space).fit(codes, np.full(5, np.nan)))
        assert refused(ValueError, lambda: make(self.space).fit(codes, values[:3]))
        assert refused(NotEnoughLabels, lambda: make(self.space).predict(codes))

    def test_constant_labels_are_predicted_as_constant(self) -> None:
        codes, _ = self.labels(30)
        prediction = type(self).make(self.space).fit(codes, np.full(30, 7.0)).predict(codes)
        np.testing.assert_allclose(prediction.mean, 7.0, atol=1e-6)

    def test_refining_learns_the_further_labels(self) -> None:
        codes, values = self.labels(80, seed=6)
        predictor = type(self).make(self.space).fit(codes[:20], values[:20]).refine(codes[20:], values[20:])
        whole = type(self).make(self.space).fit(codes, values)
        unseen, truth = self.labels(300, seed=7)
        errors = [np.abs(model.predict(unseen).mean - truth).mean() for model in (predictor, whole)]
        assert errors[0] < 1.3 * errors[1], (
            f"mean absolute error after fit and refine {errors[0]:.3g}, after one fit {errors[1]:.3g}"
        )
        assert refused(NotEnoughLabels, lambda: predictor.refine(codes[:1], np.array([np.nan])))

    def test_one_architecture_with_different_values_is_noise(self) -> None:
        codes, values = self.labels(40)
        twice = np.concatenate([codes, codes]), np.concatenate([values - 0.2, values + 0.2])
        mean = type(self).make(self.space, seed=3).fit(*twice).predict(codes).mean
        found = np.corrcoef(mean, values)[0, 1]
        assert found > 0.8, (
            f"with two values each, 0.4 apart, predictions correlate {found:.2f} with the means"
        )

    def test_refuses_codes_of_another_space(self) -> None:
        other = get_space("gnn")
        codes = other.sample(30, np.random.default_rng(0))
        assert refused(ValueError, lambda: type(self).make(self.space).fit(codes, np.arange(30.0)))

    def test_a_bound_is_passed_more_probably_the_higher_it_is(self) -> None:
        codes, values = self.labels(30, seed=8)
        predictor = self.fitted()
        low, high = (predictor.probability_below(codes, bound) for bound in np.quantile(values, [0.1, 0.9]))
        assert (low >= 0).all() and (low <= high).all() and (high <= 1).all()
        assert low.mean() < 0.35 and high.mean() > 0.65, (
            f"P(value ≤ the 0.1 and 0.9 quantile) is {low.mean():.2f} and {high.mean():.2f} on average"
        )


class RegisteredSuite(PredictorSuite):
    """What a kind that requests can name promises besides."""

    name: str

    def test_it_is_registered_under_its_kind(self) -> None:
        assert self.name in KINDS.names()
        assert KINDS.get(self.name).kind == self.name

    def test_what_requests_must_know_of_it_is_said(self) -> None:
        kind = KINDS.get(self.name)
        assert kind.most_labels >= kind.inline_labels >= 0
        for quantity in (Quantity("accuracy", task="cifar10"), Quantity("latency_ms", device="fpga")):
            reason = kind.why_not(self.space, quantity)
            assert reason is None or all(isinstance(part, str) for part in reason)
