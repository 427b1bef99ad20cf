"""Bundles: the files run where only what they name is installed, and the card says what they measure."""

import io
import json
import runpy
import site
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from networks.build import build
from networks.export.bundle import measure, predict
from networks.export.bundle.bundle import make_bundle
from networks.export.bundle.onnx_files import int8_onnx, pixels_onnx
from networks.export.bundle.origin import Origin
from networks.export.onnx_file import trained_onnx
from networks.images.dataset import Part, load_images
from networks.images.decode import decode
from networks.latency.options import LatencyOptions
from networks.training.rebuild import identity_of, rebuild, untrained
from networks.training.recipe import Recipe, TrainingOptions
from networks.training.train import train
from spaces.families.efficientnet_lite import places
from spaces.known import get_space
from tests.networks.training import data

FILES = {
    "card.json", "card.md", "labels.json", "network.int8.onnx", "network.onnx", "network.py", "predict.py",
    "weights.safetensors",
}  # fmt: skip
OPTIONS = TrainingOptions(network="small", recipe=Recipe(epochs=4, batch_size=20, learning_rate=0.05))
QUICK = LatencyOptions(seconds=0.05, blocks=3)


def trained(images, space="nasbench201"):
    identity = identity_of(space, get_space(space).example, OPTIONS, images, 0)
    unseen = replace(images, test=Part(images.test.x[:0], images.test.y[:0]))
    return train(lambda: untrained(identity), unseen, OPTIONS.recipe, seed=0, identity=identity)


def bundled(run, images):
    answer = {
        "from": "scratch",
        "recipe": OPTIONS.recipe.to_dict(),
        "seed": 0,
        "epochs": run.epochs,
        "seconds": run.seconds,
    }
    return make_bundle(run.weights, images, Origin(answer, latency=QUICK))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = data.npz(tmp_path_factory.mktemp("images"), count=300, test=60, side=16)
    return load_images(folder, "tiny", validate=False)


@pytest.fixture(scope="module")
def run(images):
    return trained(images)


@pytest.fixture(scope="module")
def folder(run, images, tmp_path_factory):
    made = tmp_path_factory.mktemp("bundle")
    with zipfile.ZipFile(io.BytesIO(bundled(run, images).content)) as archive:
        archive.extractall(made)
    return made


@pytest.fixture(scope="module")
def card(folder):
    return json.loads((folder / "card.json").read_text())


def alone(folder, names, script, *arguments):
    """Runs a script of a folder in a process that has the standard library and these packages."""
    packages = Path(onnxruntime.__file__).parents[1]
    only = folder.parent / f"only-{'-'.join(names)}"
    only.mkdir(exist_ok=True)
    for found in packages.iterdir():
        if found.name.split(".")[0].lower() in names and not (only / found.name).exists():
            (only / found.name).symlink_to(found)
    program = (
        f"import runpy, sys; sys.path.append({str(only)!r}); sys.argv = sys.argv[1:]; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    command = [sys.executable, "-I", "-S", "-c", program, str(folder / script), *map(str, arguments)]
    assert not any(str(packages) == path for path in site.getsitepackages()) or "-S" in command
    return subprocess.run(command, capture_output=True, text=True, cwd=folder.parent, timeout=300)


def test_a_bundle_holds_its_files_and_says_what_they_are(folder, card):
    assert {path.name for path in folder.iterdir()} == FILES
    assert card["files"].keys() == FILES - {"card.json", "card.md"}
    for name, answer in card["files"].items():
        assert (folder / name).stat().st_size == answer["bytes"]
    for file in (folder / "network.onnx", folder / "network.int8.onnx"):
        model = onnx.load(file)
        onnx.checker.check_model(model)
        answer = {entry.key: entry.value for entry in model.metadata_props}
        assert json.loads(answer["labels"]) == json.loads((folder / "labels.json").read_text())
        assert (
            answer["architecture"] == card["architecture"]
            and answer["weights"][7:] == card["files"]["weights.safetensors"]["sha256"]
        )
    _, about = rebuild((folder / "weights.safetensors").read_bytes())
    counted = sum(weight.numel() for weight in untrained(about).parameters())
    assert card["costs"]["params"] == counted and card["costs"]["peak_memory_mb"]["onnx"] > 0
    with FlopCounterMode(display=False) as counter:
        untrained(about).eval()(torch.zeros(1, 3, 16, 16))
    assert card["costs"]["macs_m"] == pytest.approx(counter.get_total_flops() / 2e6)
    assert card["training"]["recipe"]["epochs"] == 4 and card["data"]["train_images"] == 300


def test_int8_is_eight_bits_per_channel_and_as_good(folder, card):
    model = onnx.load(folder / "network.int8.onnx")
    kinds = {node.op_type for node in model.graph.node}
    assert {"QuantizeLinear", "DequantizeLinear", "Conv"} <= kinds
    weights = {item.name: item for item in model.graph.initializer}
    quantized = [
        item for item in weights.values() if item.data_type == onnx.TensorProto.INT8 and len(item.dims) == 4
    ]
    assert quantized
    scales = {node.input[0]: node.input[1] for node in model.graph.node if node.op_type == "DequantizeLinear"}
    for item in quantized:
        scale = weights[scales[item.name]]
        assert list(scale.dims) == [item.dims[0]], "a scale for each channel"
    accuracy = card["accuracy"]
    assert accuracy["onnx_differs_on"] == 0 and accuracy["onnx"] == accuracy["torch"]
    assert (
        accuracy["torch"]["percent"] > 95 and abs(accuracy["int8"]["right"] - accuracy["torch"]["right"]) <= 1
    )


def test_the_accuracies_are_those_of_the_files(folder, card, images, tmp_path):
    again = measure.measure(folder, images.test).to_dict()
    assert again == card["accuracy"] and again["images"] == 60
    # Other weights beside the same card are found out.
    for name in FILES:
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    other = onnx.load(folder / "network.onnx")
    bias = next(item for item in other.graph.initializer if list(item.dims) == [3])
    values = np.array([0, 0, 1e3], np.float32)
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    onnx.save(other, tmp_path / "network.onnx")
    moved = measure.measure(tmp_path, images.test).to_dict()
    assert moved["torch"] == card["accuracy"]["torch"] and moved["onnx"]["percent"] < 60


def test_predict_needs_three_packages_and_agrees_with_torch(folder, images, tmp_path):
    labels = json.loads((folder / "labels.json").read_text())
    files = []
    for index in range(6):
        files.append(tmp_path / f"{index}.png")
        Image.fromarray(images.test.x[index]).save(files[-1])
    names = ("onnxruntime", "numpy", "pil", "pillow")
    for model in ("network.onnx", "network.int8.onnx"):
        done = alone(folder, names, "predict.py", *files, "--model", model, "--json", "--top", "1")
        assert done.returncode == 0, done.stderr
        found = [json.loads(line) for line in done.stdout.splitlines()]
        answers = measure.scorers(folder)["torch"](np.ascontiguousarray(images.test.x[:6])).argmax(axis=1)
        assert [next(iter(each["probabilities"])) for each in found] == [labels[answer] for answer in answers]
    plain = alone(folder, names, "predict.py", files[0]).stdout
    assert plain.startswith(f"{files[0]}: ") and plain.count("%") == 3
    assert "No module named" in alone(folder, ("numpy", "pil", "pillow"), "predict.py", files[0]).stderr


def test_network_py_needs_torch_alone(folder):
    script = f"""
import runpy, sys
made = runpy.run_path({str(folder / "network.py")!r})
network = made["load"]()
import torch
assert network(torch.zeros(1, 3, 16, 16)).shape == (1, 3)
loaded = {{name.split(".")[0] for name in sys.modules}}
print(sorted(loaded & {{"networks", "spaces", "safetensors", "onnx"}}))
"""
    packages = str(Path(torch.__file__).parents[1])
    command = [
        sys.executable,
        "-I",
        "-S",
        "-W",
        "ignore",
        "-c",
        f"import sys; sys.path.append({packages!r})\n{script}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_network_py_computes_what_was_trained(folder, run, images):
    made = runpy.run_path(str(folder / "network.py"))
    network, about = rebuild(run.weights)
    x = made["normalized"](torch.from_numpy(np.ascontiguousarray(images.test.x[:5])))
    with torch.inference_mode():
        assert torch.equal(made["load"]()(x), network(x))
    assert (made["CLASSES"], made["SIDE"]) == (about["classes"], 16)


def picture(kind):
    """An image file of some kind."""
    rng = np.random.default_rng(3)
    rgb = Image.fromarray(rng.integers(0, 256, size=(31, 45, 3), dtype=np.uint8))
    file = io.BytesIO()
    if kind == "rotated":
        exif = Image.Exif()
        exif[0x0112] = 6
        rgb.save(file, "JPEG", exif=exif)
    elif kind == "deep":
        Image.fromarray(rng.integers(0, 65536, size=(20, 30)).astype(np.uint16)).save(file, "PNG")
    elif kind == "clear":
        rgb.putalpha(Image.fromarray(rng.integers(0, 256, size=(31, 45), dtype=np.uint8)))
        rgb.save(file, "PNG")
    elif kind == "palette":
        rgb.quantize(16).save(file, "PNG", transparency=3)
    else:
        rgb.convert(kind).save(file, "PNG" if kind == "1" else "JPEG")
    return file.getvalue()


@pytest.mark.parametrize("kind", ["RGB", "L", "CMYK", "1", "rotated", "deep", "clear", "palette"])
def test_predict_prepares_images_as_the_training_did(tmp_path, kind):
    content = picture(kind)
    (tmp_path / "image").write_bytes(content)
    for side in (16, 45):
        assert np.array_equal(predict.prepare(tmp_path / "image", side), decode(content, "image", side))


def test_a_data_set_without_test_images_promises_nothing(run, images):
    few = replace(images, test=Part(images.test.x[:0], images.test.y[:0]))
    made = bundled(run, few)
    with zipfile.ZipFile(io.BytesIO(made.content)) as archive:
        text = archive.read("card.md").decode()
    assert made.card["accuracy"] is None and "nothing is promised" in text


def test_a_trained_network_is_exported_with_its_weights(run, images):
    content = trained_onnx(run.weights)
    answer = {entry.key: entry.value for entry in onnx.load_model_from_string(content).metadata_props}
    mean, std = (np.array(json.loads(answer[name]), np.float32).reshape(3, 1, 1) for name in ("mean", "std"))
    x = ((images.test.x.transpose(0, 3, 1, 2).astype(np.float32) - mean) / std).astype(np.float32)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    right = (session.run(None, {"images": x})[0].argmax(axis=1) == images.test.y).mean()
    assert right > 0.95 and answer["weights"] == "trained"


def test_every_space_with_networks_can_be_taken_away(images):
    """One epoch each; the files agree with one another."""
    from networks.plan import planned_spaces

    few = replace(images, train=Part(images.train.x[:40], images.train.y[:40]))
    for space in planned_spaces():
        if space == "nasbench201":
            continue
        identity = identity_of(space, get_space(space).example, OPTIONS, few, 0)
        recipe = Recipe(epochs=1, batch_size=20, learning_rate=0.05)
        unseen = replace(few, test=Part(few.test.x[:0], few.test.y[:0]))
        made = bundled(train(lambda: untrained(identity), unseen, recipe, seed=0, identity=identity), few)  # noqa: B023
        assert made.card["accuracy"]["onnx_differs_on"] == 0, space


def test_an_independent_script_reproduces_the_card(folder, tmp_path):
    root = Path(__file__).parents[2]
    data.npz(tmp_path, count=300, test=60, side=16)
    command = [sys.executable, str(root / "examples" / "reproduce_card.py"), str(folder)]
    done = subprocess.run([*command, str(tmp_path / "tiny.npz")], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and done.stdout.count("as the card says") == 3, done.stdout + done.stderr
    data.npz(tmp_path, "other", count=300, test=59, side=16)
    done = subprocess.run(
        [*command, str(tmp_path / "other.npz")], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 1 and "NOT those of the card" in done.stdout


def test_eight_bits_take_less_than_a_third_of_a_small_network_of_a_backbone():
    space = get_space("efficientnet_lite")
    smallest = [("k3_e2" if place.layer == 0 else "skip") for place in places(space.backbone)[1:]]
    network = build(space.name, "|".join(["r64", *smallest]), space.network_config(classes=5)).eval()
    content = pixels_onnx(network, 64, (127.0,) * 3, (128.0,) * 3, {})
    images = np.random.default_rng(0).integers(0, 256, size=(2, 64, 64, 3), dtype=np.uint8)
    small = int8_onnx(content, images)
    assert len(small) <= 0.3 * len(content)
    session = onnxruntime.InferenceSession(small, providers=["CPUExecutionProvider"])
    assert session.run(["scores"], {"images": images})[0].shape == (2, 5)
