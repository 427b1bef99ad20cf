"""Measures the accuracies on a bundle's card again, from its files alone, without Netwright.

python examples/reproduce_card.py BUNDLE IMAGES

BUNDLE is the folder or zip that `netwright finish` wrote. IMAGES is the data set: a folder of class folders,
with a `test` folder or without, or an npz with x, y and perhaps x_test, y_test. It needs torch, onnxruntime,
numpy and pillow, and ends with 1 where a figure, a file or the test images differ from what the card says.
"""

import hashlib
import json
import math
import runpy
import sys
import tempfile
import zipfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from PIL import Image

SHARE = 0.2
BATCH = 64


def lowest_fifth(digests, labels):
    """Indices of the images with the lowest digests of each class; copies of one go with it."""
    classes = defaultdict(list)
    for digest, label in zip(digests, labels, strict=True):
        classes[label].append(digest)
    chosen = {}
    for label, found in classes.items():
        chosen[label] = set(sorted(found)[: round(SHARE * len(found))])
        if chosen[label] == set(found):
            chosen[label] = set()
    return [i for i, (d, c) in enumerate(zip(digests, labels, strict=True)) if d in chosen[c]]


def from_folder(root, prepare, side, names):
    """Test images and labels of a folder of class folders."""
    test = root / "test"
    base = test if test.is_dir() else root
    files = sorted(path for path in base.rglob("*") if path.is_file() and path.parent.name in names)
    labels = [names.index(path.parent.name) for path in files]
    if base is root:
        digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
        kept = lowest_fifth(digests, labels)
        files, labels = [files[i] for i in kept], [labels[i] for i in kept]
    return np.stack([prepare(path, side) for path in files]), np.array(labels)


def from_npz(path, prepare, side):
    """Test images and labels of arrays in colour, (n, h, w, 3) uint8."""
    arrays = np.load(path, allow_pickle=False)
    if "x_test" in arrays:
        x, labels = arrays["x_test"], arrays["y_test"]
    else:
        x, labels = arrays["x"], arrays["y"]
        digests = [hashlib.sha256(repr(i.shape).encode() + i.tobytes()).hexdigest() for i in x]
        kept = lowest_fifth(digests, labels.tolist())
        x, labels = x[kept], labels[kept]
    known = np.unique(arrays["y"])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "image.png"
        found = []
        for image in x:
            Image.fromarray(image).save(file)
            found.append(prepare(file, side))
    return np.stack(found), np.searchsorted(known, labels)


def digest_of(images, labels):
    """What the card calls test_digest."""
    each = sorted(
        hashlib.sha256(image.tobytes() + int(label).to_bytes(8, "little")).digest()
        for image, label in zip(images, labels, strict=True)
    )
    return hashlib.sha256(b"".join(each)).hexdigest()


def answers(bundle, images):
    """Class of each image, by each file."""
    module = runpy.run_path(str(bundle / "network.py"))
    network = module["load"](bundle / "weights.safetensors")
    sessions = {
        name: onnxruntime.InferenceSession(str(bundle / file), providers=["CPUExecutionProvider"])
        for name, file in (("onnx", "network.onnx"), ("int8", "network.int8.onnx"))
    }
    found = defaultdict(list)
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH]
        with torch.inference_mode():
            found["torch"].append(network(module["normalized"](torch.from_numpy(batch))).numpy())
        for name, session in sessions.items():
            found[name].append(session.run(["scores"], {"images": batch})[0])
    return {name: np.concatenate(scores).argmax(axis=1) for name, scores in found.items()}


def wilson(right, count, z=1.959964):
    """95 % interval of a share, in percent."""
    p = right / count
    center, reach = p + z * z / (2 * count), z * math.sqrt(p * (1 - p) / count + z * z / (4 * count**2))
    return tuple(100 * (center + sign * reach) / (1 + z * z / count) for sign in (-1, 1))


def main(bundle, data):
    """Prints a line for each file; returns how many figures differ."""
    card = json.loads((bundle / "card.json").read_text(encoding="utf-8"))
    names = json.loads((bundle / "labels.json").read_text(encoding="utf-8"))
    prepare = runpy.run_path(str(bundle / "predict.py"))["prepare"]
    side = card["data"]["side"]
    images, labels = (
        from_npz(data, prepare, side) if data.suffix == ".npz" else from_folder(data, prepare, side, names)
    )
    same = digest_of(images, labels) == card["data"]["test_digest"]
    print(f"{len(images)} test images, {'those' if same else 'NOT those'} of the card")
    wrong = 0 if same else 1
    for name, file in card["files"].items():
        if hashlib.sha256((bundle / name).read_bytes()).hexdigest() != file["sha256"]:
            print(f"{name}: NOT the file of the card")
            wrong += 1
    for name, found in answers(bundle, images).items():
        right, stated = int((found == labels).sum()), card["accuracy"][name]
        low, high = wilson(right, len(labels))
        agrees = right == stated["right"]
        wrong += not agrees
        said = "as the card says" if agrees else f"the card says {stated['percent']:.2f} %"
        print(f"{name}: {100 * right / len(labels):.2f} % ({low:.2f} to {high:.2f}), {said}")
    return wrong


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    where = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as unpacked:
        if where.is_file():
            with zipfile.ZipFile(where) as archive:
                archive.extractall(unpacked)
            where = Path(unpacked)
        sys.exit(1 if main(where, Path(sys.argv[2])) else 0)
