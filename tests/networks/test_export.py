"""What a person takes away: program, ONNX, JSON and drawing of random architectures of every space."""

import io
import json
import os
import re
import subprocess
import sys
from contextlib import redirect_stdout
from xml.etree import ElementTree

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from networks import build
from networks.export import draw, onnx_file, program
from networks.export.document import document
from networks.export.onnx_file import TOLERANCE, WrongExport, largest_difference, settle
from networks.plan import plan_network, planned_spaces
from spaces.declared.space import declare
from spaces.known import get_space, space_names

CASES = int(os.environ.get("NETWRIGHT_TEST_CASES", "10"))
DEAD = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"


def some(space_name, count, seed=0):
    return get_space(space_name).sample(count, np.random.default_rng(seed))


def run(text, name="network"):
    """The names of a program that was run."""
    names = {"__name__": name}
    exec(compile(text, "network.py", "exec"), names)
    return names


@pytest.mark.parametrize("space_name", planned_spaces())
def test_programs_run_and_have_the_statistics_parameters(space_name):
    """On tensors without data, so with the sizes that the statistics are for.

    ``NETWRIGHT_TEST_CASES=50`` is the long form.
    """
    space = get_space(space_name)
    codes = some(space_name, CASES)
    params = space.statistics(codes)["params_m"]
    for row, params_m in zip(codes, params, strict=True):
        plan = plan_network(space_name, row)
        names = run(program(space_name, row))
        with torch.device("meta"), torch.no_grad():
            network = names["build"]().eval()
            assert sum(p.numel() for p in network.parameters()) == round(params_m * 1e6)
            assert network(torch.empty(2, 3, plan.side, plan.side)).shape == (2, plan.classes)
        assert names["ARCHITECTURE"] == space.format(row[None])[0]


@pytest.mark.parametrize("space_name", planned_spaces())
def test_no_operation_mixes_the_entries_of_a_batch(space_name):
    """Each entry of a batch answers as it does alone, and differently from another."""
    images = torch.randn(3, 3, 32, 32, dtype=torch.float64)
    for row in some(space_name, 2, seed=1):
        network = run(program(space_name, row))["build"](num_classes=7).double()
        settle(network, images)
        with torch.no_grad():
            together = network(images)
            alone = torch.cat([network(image[None]) for image in images])
        torch.testing.assert_close(together, alone)
        assert (together[0] - together[1]).abs().max() > 1e-3


@pytest.mark.parametrize("space_name", planned_spaces())
def test_a_program_is_the_network_that_is_built(space_name):
    row = some(space_name, 1, seed=2)[0]
    state = torch.get_rng_state()
    made = run(program(space_name, row))["build"](num_classes=11, in_channels=1, seed=5)
    assert torch.equal(torch.get_rng_state(), state), "the program leaves torch's generator as it was"
    torch.manual_seed(5)
    built = build(space_name, row, get_space(space_name).network_config(classes=11), in_channels=1)
    assert repr(made) == repr(built)
    ours, theirs = built.state_dict(), made.state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("space_name", planned_spaces())
def test_a_program_needs_torch_alone_and_holds_what_it_uses_alone(space_name):
    space = get_space(space_name)
    for row in [space.parse(space.example), *some(space_name, 5)]:
        text = program(space_name, row)
        loaded = re.findall(r"^(?:import|from) (\w+)", text, flags=re.MULTILINE)
        assert set(loaded) <= {"torch", "collections"}
        classes = re.findall(r"^class (\w+)", text, flags=re.MULTILINE)
        assert len(set(classes)) == len(classes)
        assert all(text.count(f"{name}(") > 1 for name in classes), "every class is used"
        assert max(map(len, text.splitlines())) <= 110


def test_squeeze_excite_is_in_a_program_where_a_block_has_it():
    plain = "|".join(["e6_k3_l1"] * 7)
    assert "SqueezeExcite" not in program("mnasnet", plain)
    excited = plain.replace("e6_k3_l1", "e6_k3_l2_se", 1)
    assert "scale=SqueezeExcite(96, 4)" in program("mnasnet", excited)


def test_a_program_prints_its_parameters():
    out = io.StringIO()
    with redirect_stdout(out):
        run(program("nasbench201", DEAD), name="__main__")
    space = get_space("nasbench201")
    params = round(space.statistics(space.parse(DEAD)[None])["params_m"][0] * 1e6)
    assert out.getvalue().splitlines() == [f"{params:,} parameters", "two images → (2, 10)"]


def test_the_task_gives_the_classes_and_the_version():
    assert "num_classes: int = 100" in program(
        "nasbench201", DEAD, get_space("nasbench201").network_config("cifar100")
    )
    fbnet = get_space("fbnet")
    text = program("fbnet", fbnet.example, fbnet.network_config("cifar100"))
    assert "images of 32×32" in text
    assert "num_classes: int = 100" in text


# ONNX
SMALLEST = {
    "nasbench201": "|nor_conv_3x3~0|+|avg_pool_3x3~0|nor_conv_1x1~1|+|skip_connect~0|none~1|nor_conv_3x3~2|",
    "fbnet": "|".join(["k3_e1_g2", "k5_e1", *["skip"] * 19, "k3_e3"]),
    "mnasnet": "|".join(["e1_k3_l1", "e4_k5_l1_se", *["e1_k3_l1"] * 5]),
    "efficientnet_lite": get_space("efficientnet_lite").example,
    "ofa_mobilenetv3": "r128" + "|k3_e3|k3_e3|skip|skip" * 5,
}


@pytest.mark.parametrize("space_name", planned_spaces())
def test_onnx_answers_as_torch_does(space_name):
    network = get_space(space_name).network_config("cifar100" if space_name == "fbnet" else None)
    data = onnx_file.onnx_file(space_name, SMALLEST[space_name], network, seed=3)
    model = onnx.load_model_from_string(data)
    onnx.checker.check_model(model)
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert (about["space"], about["architecture"]) == (space_name, SMALLEST[space_name])
    plan = plan_network(space_name, get_space(space_name).parse(SMALLEST[space_name]), network)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    images = np.random.default_rng(0).normal(size=(5, 3, plan.side, plan.side)).astype(np.float32)
    (scores,) = session.run(None, {"images": images})
    assert scores.shape == (5, plan.classes)
    (first,) = session.run(None, {"images": images[:1]})
    np.testing.assert_allclose(first[0], scores[0], atol=1e-4)
    assert np.abs(scores[0] - scores[1]).max() > 100 * TOLERANCE, "the scores are no constant"


def test_another_networks_file_is_found_out(monkeypatch):
    data = onnx_file.onnx_file("nasbench201", SMALLEST["nasbench201"])
    other = build("nasbench201", SMALLEST["nasbench201"])
    images = torch.randn(2, 3, 32, 32)
    settle(other, images)
    assert largest_difference(data, other, images) > TOLERANCE
    monkeypatch.setattr(onnx_file, "exported", lambda *_: data)
    with pytest.raises(WrongExport, match="differs from torch"):
        onnx_file.onnx_file("nasbench201", SMALLEST["nasbench201"], seed=1)


# JSON and drawings
@pytest.mark.parametrize("space_name", space_names())
def test_json_says_what_the_space_says(space_name):
    space = get_space(space_name)
    for task in (None, space.tasks[-1]):
        network = space.network_config(task)
        given = document(space_name, space.example, network, predictions={"accuracy@x": {"mean": 1.0}})
        answer = json.loads(json.dumps(given, allow_nan=False))
        codes = space.parse(space.example)
        assert np.array_equal(space.from_variables(answer["variables"]), codes)
        assert answer["architecture"] == space.example
        graph = space.graph(codes[None])
        assert [space.operations.index(name) for name in answer["graph"]["operations"]] == graph.operations[
            0
        ].tolist()
        assert answer["graph"]["edges"] == np.argwhere(graph.adjacency[0]).tolist()
        assert answer["statistics"] == {name: v[0] for name, v in space.statistics(codes[None], task).items()}
        assert answer["predictions"] == {"accuracy@x": {"mean": 1.0}}
        assert (answer["layers"] is None) == (space_name not in planned_spaces())


def words_of(svg):
    """The texts of a drawing, which has to be well formed and inside its own frame."""
    root = ElementTree.fromstring(svg)
    width, height = float(root.get("width")), float(root.get("height"))
    texts = root.findall(".//{http://www.w3.org/2000/svg}text")
    for text in texts:
        assert 0 <= float(text.get("x")) <= width
        assert 0 <= float(text.get("y")) <= height
    return [text.text for text in texts]


@pytest.mark.parametrize("space_name", space_names())
def test_random_drawings_are_well_formed(space_name):
    for row in some(space_name, 20):
        words = words_of(draw(space_name, row))
        assert words[0] == get_space(space_name).title
        joined = "".join(words).replace("…", "")
        assert get_space(space_name).format(row[None])[0][:20] in joined


@pytest.mark.parametrize("space_name", [name for name in planned_spaces() if name != "nasbench201"])
def test_a_chain_is_drawn_with_operations_shapes_and_strides(space_name):
    for row in some(space_name, 5):
        plan = plan_network(space_name, row)
        words = words_of(draw(space_name, row))
        shown = [layer for layer in plan.layers if not layer.call.function.startswith("nn.")]
        assert words.count("stride 2") == sum(layer.stride == 2 for layer in plan.layers)
        assert sum(word.startswith(("MBConv", "Conv")) for word in words) >= len(shown)
        for layer in shown:
            assert " × ".join(map(str, layer.shape)) in words


def test_a_cell_is_drawn_with_its_operations():
    words = words_of(draw("nasbench201", SMALLEST["nasbench201"]))
    assert [words.count(name) for name in ("conv 3×3", "mean pool 3×3", "conv 1×1", "skip", "none")] == [
        2,
        1,
        1,
        1,
        1,
    ]
    assert words.count("5 cells") == 3
    assert words.count("stride 2") == 2
    assert {"16 × 32 × 32", "32 × 16 × 16", "64 × 8 × 8"} <= set(words)


def test_graph_networks_are_drawn():
    words = words_of(draw("gnn", "0|1|1|2:gcn|gat|skip|sage", get_space("gnn").network_config("cora")))
    assert [name for name in words if name in ("gcn", "gat", "skip", "sage")] == [
        "gcn",
        "gat",
        "skip",
        "sage",
    ]


def test_exports_but_onnx_load_no_torch():
    script = (
        "import sys\n"
        "from networks.export import draw, program\n"
        "from networks.export.document import document\n"
        f"for make in (draw, program, document): make('nasbench201', {DEAD!r})\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_declared_space_is_named_as_its_owner_does():
    space = declare('name = "two"\n[variables]\na = [1, 2]\nb = [1, 2]\n[costs]\nparams_m = "a * b"')
    assert space.name != "two"
    assert document(space.name, space.example)["space"] == "two"
