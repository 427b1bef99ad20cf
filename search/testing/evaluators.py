"""The conformance suite of evaluators: a new one joins with one line.

Example:
    TestMine = conformance("mine", {"space": "nasbench201", "task": "cifar10", "evaluator": "mine"})
"""

import json
import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from benchmarks.tables import Tables
from networks.options import InvalidOptions
from search.evaluator import Bench, Evaluator, NamedEvaluator, Stopped
from search.evaluators import EVALUATORS
from search.request.design_request import parse_request
from spaces.metric import METRICS, Observation
from spaces.space import Space


def conformance(
    name: str,
    order: Mapping[str, object],
    *,
    images: Callable[[Path], Path] | None = None,
    data: Path | None = None,
) -> type["EvaluatorSuite"]:
    """The suite for a registered evaluator, to be assigned to a name that begins with ``Test``.

    Args:
        name: of the evaluator.
        order: a design request that names it, as HTTP would have it.
        images: writes data sets into a folder and returns it, where it needs any.
        data: folder of benchmark tables, where it needs any.

    Raises:
        NotRegistered: there is none of the name, or its module does not load.
    """
    EVALUATORS.get(name)

    class Suite(RegisteredSuite):
        def made(self, tmp_path: Path) -> tuple[Evaluator, Space, set[str]]:
            request = parse_request({"evaluations": 1, **order})
            folder = None if images is None else images(tmp_path / "images")
            bench = Bench(Tables(tmp_path / "tables", data), images=folder, cache_dir=tmp_path / "cache")
            problem, cls = request.problem(), EVALUATORS.get(name)
            options = cls.read_options(request.evaluator_options.get(name), f"evaluator_options.{name}")
            faults = [cls.why_not(problem, quantity, options, bench) for quantity in problem.to_measure]
            assert not any(faults), faults
            made = cls.make(problem, problem.to_measure, options, bench, request.seed)
            return made, problem.space, {quantity.key for quantity in problem.to_measure}

    Suite.name = name
    return Suite


class EvaluatorSuite:
    """What every evaluator promises; collected by pytest from a subclass whose name starts with Test."""

    @abstractmethod
    def made(self, tmp_path: Path) -> tuple[Evaluator, Space, set[str]]:
        """An evaluator, the space that it is for, and the keys of the quantities it must bring."""

    def test_an_observation_holds_what_was_asked_for_and_where_it_comes_from(self, tmp_path: Path) -> None:
        evaluator, space, keys = self.made(tmp_path)
        seen = evaluator.evaluate(space.example, lambda: False)
        assert isinstance(seen, Observation) and seen.failed is None, seen.failed
        assert seen.architecture == space.example and seen.source == evaluator.source
        assert keys <= seen.values.keys() and seen.fidelity == "full" and seen.seconds > 0
        for key, value in seen.values.items():
            low, high = METRICS[key.partition("@")[0]].range
            assert math.isfinite(value) and low <= value <= high
        json.dumps(dict(seen.details), allow_nan=False)

    def test_it_states_what_it_measures_on_what(self, tmp_path: Path) -> None:
        evaluator, _, _ = self.made(tmp_path)
        about = evaluator.about()
        assert about["source"] == evaluator.source and evaluator.source
        json.dumps(about, allow_nan=False)

    def test_it_stops_when_asked_or_is_done(self, tmp_path: Path) -> None:
        evaluator, space, keys = self.made(tmp_path)
        try:
            seen = evaluator.evaluate(space.example, lambda: True)
        except Stopped:
            return
        assert keys <= seen.values.keys()

    def test_options_that_make_no_sense_are_refused_by_name(self, tmp_path: Path) -> None:
        evaluator, _, _ = self.made(tmp_path)
        for part in getattr(evaluator, "parts", (evaluator,)):
            assert isinstance(part, NamedEvaluator)
            for given in ({"colour": 1}, 3):
                with pytest.raises(InvalidOptions) as caught:
                    part.read_options(given, "evaluator_options.x")
                assert caught.value.errors[0].field.startswith("evaluator_options.x")
            part.read_options({}, "x")
            part.read_options(None, "x")


class RegisteredSuite(EvaluatorSuite):
    """What an evaluator that requests can name promises besides."""

    name: str

    def test_it_is_registered_under_its_name(self) -> None:
        assert self.name in EVALUATORS.names()
        assert EVALUATORS.get(self.name).name == self.name

    def test_it_measures_metrics_that_there_are(self) -> None:
        assert {*EVALUATORS.get(self.name).measures} <= METRICS.keys()

    def test_its_name_is_in_what_it_measured(self, tmp_path: Path) -> None:
        evaluator, _, _ = self.made(tmp_path)
        assert evaluator.source.startswith(self.name)
