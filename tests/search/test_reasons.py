"""Reasons that clients see hold no path, no address and no frame of native code."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
import xgboost

from benchmarks.errors import TableUnavailable
from predictors.predictor import NotEnoughLabels
from search.run.reasons import DISK_FULL, NO_MEMORY, client_reason
from spaces.metric import Quantity
from store.jobs.job import InvalidJson, StoreFull

LEAKS = re.compile(r"/\w+/|0x[0-9a-f]{5,}|frame #|\.so\b|site-packages|\n")


def raised(function):
    """The exception that a function raises, with its traceback."""
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError("it raised nothing")


def xgboost_error():
    xgboost.train({}, xgboost.DMatrix(np.zeros((2, 1)), np.array([1.0, np.inf])), 1)


def xgboost_model_error():
    xgboost.Booster().load_model(bytearray(b"{}"))


def torch_error():
    torch.zeros(2, 3) @ torch.zeros(5, 7)


def torch_check_error():
    # What torch's own checks say with TORCH_SHOW_CPP_STACKTRACES, and what some kernels always say.
    raise RuntimeError("[enforce fail at alloc_cpu.cpp:117]\nframe #0: c10::Throw at /usr/lib/libc10.so")


@pytest.mark.parametrize(
    "function",
    [
        xgboost_error,
        xgboost_model_error,
        torch_error,
        torch_check_error,
        lambda: np.linalg.cholesky(-np.eye(2)),
        Path("/no/such/folder/table.npz").read_bytes,
        lambda: {}["a/secret/path"],
        lambda: int("/etc/passwd"),
        lambda: exec("raise ValueError('/srv/netwright/x.py')"),
    ],
)
def test_a_foreign_error_is_reported_by_its_class_and_a_reference(function):
    error = raised(function)
    reason = client_reason(error)
    assert reason.reference is not None and reason.reference in reason.text
    assert type(error).__name__ in reason.text
    assert LEAKS.search(reason.text) is None


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (NotEnoughLabels("labels must be finite numbers"), "NotEnoughLabels: labels must be finite numbers"),
        (TableUnavailable("no table /srv/data/x y.npz"), "TableUnavailable: no table x y.npz"),
        (TableUnavailable("look at /v1/jobs/a-b"), "TableUnavailable: look at /v1/jobs/a-b"),
        (InvalidJson("accuracy/loss is NaN"), "InvalidJson: accuracy/loss is NaN"),
        (StoreFull("database or disk is full"), DISK_FULL),
        (OSError(28, "No space left on device", "/var/x"), DISK_FULL),
        (MemoryError(), NO_MEMORY),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 4 bytes"), NO_MEMORY),
    ],
)
def test_what_is_known_is_reported_in_plain_text(error, text):
    assert client_reason(error).text == text
    assert client_reason(error).reference is None


def test_an_error_of_python_that_our_code_raised_is_reported():
    error = raised(lambda: Quantity("speed"))
    assert client_reason(error).text.startswith("ValueError: unknown metric 'speed'")


def test_hostile_text_costs_no_time():
    for text in ("/a" * 50_000, "/" * 100_000, "~" * 100_000, "a/" * 50_000, "0x" * 50_000, "-." * 50_000):
        assert len(client_reason(TableUnavailable(text)).text) <= 600
