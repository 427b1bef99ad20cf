"""Says what is in an image: python predict.py IMAGE… [--model network.int8.onnx] [--top 3] [--json]

It needs onnxruntime, numpy and pillow, and reads the network and the labels that lie beside it. An image is
prepared as those were that the network learned from: turned as a camera says, transparency on white, the
shorter side scaled to the network's, the middle square cut out. The rest is done in the ONNX graph.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

HERE = Path(__file__).resolve().parent


def prepare(path: "str | Path", side: int) -> "np.ndarray":
    """An image file as (side, side, 3) uint8."""
    with Image.open(path) as opened:
        image = in_colour(ImageOps.exif_transpose(opened))
    if image.size != (side, side):
        scale = side / min(image.size)
        wide, high = max(side, round(image.width * scale)), max(side, round(image.height * scale))
        if (wide, high) != image.size:
            image = image.resize((wide, high), Image.Resampling.BILINEAR)
        left, top = (wide - side) // 2, (high - side) // 2
        image = image.crop((left, top, left + side, top + side))
    return np.asarray(image, dtype=np.uint8)


def in_colour(image: Image.Image) -> Image.Image:
    """An image of any mode as RGB."""
    if image.mode.startswith(("I", "F")):  # 16 or more bits
        values = np.nan_to_num(np.asarray(image, dtype=np.float64))
        if image.mode == "F" and values.max(initial=0) <= 1:
            values = 65535 * values
        image = Image.fromarray((values.clip(0, 65535).astype(np.uint16) >> 8).astype(np.uint8))
    if "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        grey = image.mode in ("1", "L", "LA", "La")
        clear = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
        image = image.convert("L") if grey else image
    if image.mode == "1":
        image = image.convert("L")
    return image.convert("RGB")


class Network:
    """An ONNX file of the bundle.

    Args:
        model: its name, or a path.
        threads: that compute one answer.
    """

    def __init__(self, model: "str | Path" = "network.onnx", threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            str(HERE / model), options, providers=["CPUExecutionProvider"]
        )
        self.side = int(self.session.get_inputs()[0].shape[1])
        self.labels = json.loads((HERE / "labels.json").read_text(encoding="utf-8"))

    def scores(self, images: "np.ndarray") -> "np.ndarray":
        """Scores (b, classes) of images (b, side, side, 3) uint8."""
        (found,) = self.session.run(["scores"], {"images": images})
        return np.asarray(found)

    def probabilities(self, images: "np.ndarray") -> "np.ndarray":
        """As :meth:`scores`, as numbers that sum to 1."""
        scores = self.scores(images)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def main() -> None:
    parser = argparse.ArgumentParser(description="Says what is in an image.")
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument("--model", default="network.onnx", help="or network.int8.onnx")
    parser.add_argument("--top", type=int, default=3, help="classes to name")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    network = Network(asked.model, asked.threads)
    for path in asked.images:
        (chances,) = network.probabilities(prepare(path, network.side)[None])
        best = [int(index) for index in np.argsort(-chances)[: max(asked.top, 1)]]
        if asked.json:
            named = {network.labels[index]: round(float(chances[index]), 6) for index in best}
            print(json.dumps({"image": path, "probabilities": named}, ensure_ascii=False))
        else:
            print(f"{path}: " + ", ".join(f"{network.labels[i]} {100 * chances[i]:.1f} %" for i in best))


if __name__ == "__main__":
    main()
