"""Fixtures that every room's tests share."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from benchmarks.tables import Tables
from netwright.settings import Settings

# No test asserts a time, neither does Hypothesis.
settings.register_profile("netwright", deadline=None)
settings.load_profile("netwright")


def _data_dir() -> Path | None:
    named = os.environ.get("NETWRIGHT_DATA")
    return Path(named) if named else None


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The directory of the ``.csv.gz`` tables; a test that asks for it is skipped where there is none."""
    folder = _data_dir()
    if folder is None:
        pytest.skip("NETWRIGHT_DATA is not set: needs nasbench201_accuracy.csv.gz")
    if not (folder / "nasbench201_accuracy.csv.gz").is_file():
        pytest.skip("nasbench201_accuracy.csv.gz is not in NETWRIGHT_DATA")
    return folder


@pytest.fixture(scope="session")
def tables() -> Tables:
    """The real tables; a test of the data directory's asks for ``data_dir`` too.

    They are read from where ``netwright data prepare`` converts them: each process of the tests would need
    half a minute for them. What a conversion gives is held in ``tests/benchmarks``.
    """
    return Tables(Settings().cache_dir, _data_dir())


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """The same weights in every run: torch's global generator starts each test at zero."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(0)
