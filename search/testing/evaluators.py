"""The conformance suite of evaluators: a new one joins with one class.

Example:
    class TestMine(EvaluatorSuite):
        def made(self, tmp_path): return MyEvaluator(…)
"""

import json
import math
from abc import abstractmethod
from pathlib import Path

import pytest

from networks.options import InvalidOptions
from search.evaluator import Evaluator, NamedEvaluator, Stopped
from spaces.metric import METRICS, Observation
from spaces.space import Space


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
