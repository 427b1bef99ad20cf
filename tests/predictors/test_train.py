"""Which columns get a shipped model."""

from benchmarks.tables import Tables
from predictors.training.ship_predictors import _columns
from spaces.known import get_space


def test_only_what_a_request_can_name_and_nobody_knows_exactly(data_dir, tables):
    keys = {column.key for column in _columns(tables, get_space("mnasnet"))}
    devices = {f"throughput_ips@{device}" for device in ("3090", "a100", "tpuv2", "zcu102")}
    assert keys == {"accuracy@imagenet", "latency_ms@zcu102", *devices}


def test_what_cannot_be_read_gets_none(tmp_path):
    assert _columns(Tables(tmp_path), get_space("fbnet")) == []
