"""Predictors that version 0.1 wrote are read, and predict what they predicted.

The files hold labels drawn from a formula, and what version 0.1 predicted from them.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from predictors.kinds.gp import GpPredictor
from predictors.kinds.neural import NeuralPredictor
from predictors.predictor import Predictor
from predictors.transfer.task_conditioned import TaskPredictor
from spaces.known import get_space

FILES = Path(__file__).parent / "files"
SPACE = get_space("nasbench201")


@pytest.mark.parametrize("kind", [GpPredictor, NeuralPredictor, TaskPredictor])
def test_a_file_of_version_01_predicts_what_it_did(kind: type[Predictor]) -> None:
    expected = json.loads((FILES / "predictions.json").read_text())
    model = kind.from_bytes((FILES / f"{kind.kind}.safetensors").read_bytes(), SPACE)
    found = model.predict(SPACE.parse_many(expected["architectures"]))
    for name, values in expected[kind.kind].items():
        np.testing.assert_allclose(getattr(found, name), values, rtol=1e-6, err_msg=name)
