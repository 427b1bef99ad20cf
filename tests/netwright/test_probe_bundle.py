"""The folder for a device: ten networks, a script that needs two packages, a CSV that makes a device."""

import csv
import subprocess
import sys

import onnx
import pytest

from networks.latency.probe import write_bundle
from networks.plan import NoNetwork
from spaces.known import get_space

SPACE = get_space("efficientnet_lite")
ALLOWED = ("onnxruntime", "numpy")


@pytest.fixture(scope="module")
def probe():
    from predictors.devices.shipped import load

    return SPACE.format(load("efficientnet_lite").probe(10))


def test_a_probe_is_of_small_and_large_architectures(probe):
    costs = SPACE.costs(SPACE.parse_many(probe), SPACE.network_config())
    assert len(set(probe)) == 10
    assert costs["macs_m"].max() > 5 * costs["macs_m"].min()


def test_the_script_fills_the_csv_that_makes_a_device(tmp_path, probe):
    from netwright.cli.measurements import read_measurements
    from predictors.devices.measured import MeasuredDevice

    folder = tmp_path / "probe"
    write_bundle(folder, "efficientnet_lite", probe)
    assert len(list(folder.glob("*.onnx"))) == 10
    assert "Micro-controllers" in (folder / "README.txt").read_text(encoding="utf-8")
    listed = (folder / "architectures.csv").read_text(encoding="utf-8").splitlines()
    for row in csv.DictReader(listed):
        side = int(row["architecture"].split("|")[0][1:])
        shape = onnx.load(folder / row["file"]).graph.input[0].type.tensor_type.shape
        assert [each.dim_value for each in shape.dim] == [1, 3, side, side]
    script = [sys.executable, "-I", "measure.py", "--seconds", "0.05", "--out", "out.csv"]
    subprocess.run(script, cwd=folder, check=True, capture_output=True)
    measurements = read_measurements((folder / "out.csv").read_text(encoding="utf-8"), "latency_ms")
    assert [architecture for architecture, _ in measurements] == probe
    device = MeasuredDevice("efficientnet_lite", "here", "latency_ms", tuple(measurements)).predictor()
    predicted = device.predict(SPACE.parse_many([SPACE.whole(64), SPACE.whole(224)]))
    assert 0 < predicted.mean[0] < predicted.mean[1] < predicted.upper[1]


def test_the_script_imports_nothing_else(tmp_path, probe):
    write_bundle(tmp_path, "efficientnet_lite", probe[:1])
    code = f"""
import builtins, runpy, sys
real = builtins.__import__
def only(name, globals=None, locals=None, fromlist=(), level=0):
    root = name.split(".")[0]
    caller = (globals or {{}}).get("__name__", "")
    if caller == "__main__" and root not in sys.stdlib_module_names and root not in {ALLOWED}:
        raise ImportError(name)
    return real(name, globals, locals, fromlist, level)
builtins.__import__ = only
sys.argv = ["measure.py", "--seconds", "0.01"]
runpy.run_path({str(tmp_path / "measure.py")!r}, run_name="__main__")
"""
    subprocess.run([sys.executable, "-I", "-c", code], check=True, capture_output=True)
    assert (tmp_path / "latency.csv").is_file()


def test_a_space_without_networks_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(NoNetwork):
        write_bundle(tmp_path / "none", "gnn", [get_space("gnn").example])
    assert not (tmp_path / "none").exists()
