"""What cannot be answered is refused before it becomes a job."""

import subprocess
import sys

import pytest

from generator import shipped
from search.request.answerable import check_answerable
from search.request.design_request import InvalidRequest, parse_request
from spaces.declared.space import declare
from spaces.known import get_space

ORDER = {"space": "nasbench201", "task": "cifar10", "constraints": [{"metric": "params_m", "max": 1}]}


def errors(tables, **change):
    with pytest.raises(InvalidRequest) as caught:
        check_answerable(parse_request(ORDER | change), tables)
    return {error.field: error for error in caught.value.errors}


def test_a_space_without_a_generator_is_refused(tables, tmp_path, monkeypatch):
    check_answerable(parse_request(ORDER), tables)
    kept = shipped.shipped_path("gnn").read_bytes()
    monkeypatch.setattr(shipped, "_FOLDER", tmp_path)
    (tmp_path / "gnn.safetensors").write_bytes(kept)
    found = errors(tables)
    assert set(found) == {"space"}
    assert found["space"].message == "no generator ships for nasbench201"
    assert found["space"].hint == "designs are made in gnn"
    check_answerable(parse_request(ORDER | {"space": "gnn", "task": "cora", "constraints": []}), tables)


def test_a_metric_that_no_table_holds_is_named(tables):
    unmeasured = {"metric": "latency_ms", "device": "a100", "max": 1}
    order = {"space": "mnasnet", "task": "imagenet", "evaluations": 4, "evaluator": "table"}
    found = errors(tables, **order, constraints=[unmeasured])
    assert "no table holds latency_ms@a100" in found["constraints[0]"].message
    assert "latency_ms@zcu102" in found["constraints[0]"].hint


def test_a_table_that_is_a_sample_measures_no_proposals(tables, data_dir):
    found = errors(tables, space="mnasnet", task="imagenet", evaluations=2, evaluator="table", constraints=[])
    assert "only a sample of mnasnet" in found["objectives[0]"].message


def test_options_are_read_where_no_evaluation_needs_them(tables):
    options = {"training": {"data": "../../etc/passwd", "zz": 1}}
    found = errors(tables, evaluator="training", evaluator_options=options, evaluations=0)
    assert "evaluator_options.training.zz" in found


def test_in_a_declared_space_clients_outside_evaluate_and_no_table_does(tables):
    text = 'name = "x1"\ntasks = ["own"]\n[variables]\na = [1, 2]\nb = [1, 2]\n[costs]\nparams_m = "a * b"\n'
    space = declare(text)
    order = {"space": space.name, "task": "own", "constraints": [], "objectives": [{"metric": "accuracy"}]}
    assert set(errors(tables, **order, evaluations=2, evaluator="table")) == {"objectives[0]"}
    request = parse_request({**order, "evaluations": 2, "evaluator": "external"})
    assert check_answerable(request, tables).sources == {"accuracy@own": "external"}


def test_a_space_without_accuracy_needs_an_objective():
    order = {"space": "fbnet", "task": "imagenet", "constraints": []}
    with pytest.raises(InvalidRequest) as caught:
        parse_request(order)
    (error,) = caught.value.errors
    assert error.field == "objectives" and "latency_ms" in error.hint
    request = parse_request(order | {"objectives": [{"metric": "latency_ms", "device": "fpga"}]})
    assert [objective.quantity.key for objective in request.objectives] == ["latency_ms@fpga"]
    with pytest.raises(InvalidRequest) as caught:
        parse_request(order | {"objectives": [{"metric": "accuracy"}]})
    assert [error.field for error in caught.value.errors] == ["objectives[0].metric"]
    assert "accuracy" not in get_space("fbnet").metrics


def test_the_check_loads_no_torch():
    code = (
        "import sys; from pathlib import Path; from benchmarks.tables import Tables\n"
        "from search.request.answerable import check_answerable\n"
        "from search.request.design_request import parse_request\n"
        f"check_answerable(parse_request({ORDER!r}), Tables(Path('nowhere')))\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
