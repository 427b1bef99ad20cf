"""A network as ONNX, checked by ONNX Runtime against torch.

As a program (``python -m networks.export.onnx_file``) it reads one order as JSON and writes the file's bytes
to standard output: a process that must not load torch, or must be able to end the work, starts it as a child.

torch's exporter by tracing is used: no network here takes a turn that depends on an image, and it takes 2 s
where the newer one takes 15 to 20.
"""

import base64
import io
import json
import sys
import warnings
from importlib.metadata import version
from itertools import takewhile
from typing import TYPE_CHECKING

from networks.build import assemble, codes_of
from networks.export.constant_padding import constant_paddings
from networks.plan import Plan, plan_network
from spaces.costs.network_config import NetworkConfig
from spaces.known import get_space
from spaces.space import Codes

if TYPE_CHECKING:
    from torch import Tensor, nn

TOLERANCE = 1e-4
_BATCH = 4
_SETTLED = 64
"""Pixels of a batch norm's channel, over all images, whose statistics it holds, at least."""
_OPSET = 17


class WrongExport(RuntimeError):
    """ONNX Runtime answers otherwise than torch; a fault of this program, never worth a retry."""


def onnx_file(
    space_name: str,
    architecture: str | Codes,
    network: NetworkConfig | None = None,
    *,
    in_channels: int = 3,
    seed: int = 0,
) -> bytes:
    """The ONNX model with the weights of the exported program's ``build`` with the same seed.

    The batch norms hold the statistics of seeded noise, so that signals keep their size through the layers.
    The batch is dynamic; ``images`` go in, ``scores`` come out.

    Raises:
        InvalidArchitecture: for a string or codes that are not an architecture of the space.
        NoNetwork: where the space has no networks.
        WrongExport: where the largest difference between ONNX Runtime and torch is above 1e-4.
    """
    import torch

    space = get_space(space_name)
    codes = codes_of(space_name, architecture)
    plan = plan_network(space_name, codes, network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = assemble(plan, in_channels=in_channels)
        images = torch.randn(_images(plan), in_channels, plan.side, plan.side)
    settle(made, images)
    about = {
        "space": space_name,
        "architecture": space.format(codes[None])[0],
        "seed": str(seed),
        "weights": "random, untrained; batch norms hold the statistics of noise",
    }
    data = exported(made, images[:2], about)
    _agree(data, made, images[:3])
    return data


def trained_onnx(weights: bytes) -> bytes:
    """The ONNX model of a training's weights; ``images`` are normalized as its metadata says.

    Args:
        weights: safetensors of :func:`networks.training.checkpoint.pack_weights`.

    Raises:
        BadCheckpoint: they are none.
        WrongExport: as :func:`onnx_file`.
    """
    import torch

    from networks.training.rebuild import rebuild

    network, identity = rebuild(weights)
    side = int(identity["images"]["side"])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        images = torch.randn(_BATCH, 3, side, side)
    about = {
        "space": str(identity["space"]),
        "architecture": str(identity["architecture"]),
        "weights": "trained",
        "labels": json.dumps(identity["classes"], ensure_ascii=False),
        "mean": json.dumps(identity["mean"]),
        "std": json.dumps(identity["std"]),
        "preprocessing": "(pixel - mean) / std of each channel, pixels in 0 to 255",
    }
    data = exported(network, images[:2], about)
    _agree(data, network, images[:3])
    return data


def _agree(data: bytes, network: "nn.Module", images: "Tensor") -> None:
    """Refuses a file that ONNX Runtime computes otherwise than torch."""
    difference = largest_difference(data, network, images)
    if not difference <= TOLERANCE:
        raise WrongExport(f"ONNX Runtime differs from torch by {difference:.2g}")


def _images(plan: Plan) -> int:
    """How many images settle the batch norms, those behind which an image is a pixel or few among them."""
    before = takewhile(lambda layer: layer.call.function != "nn.AdaptiveAvgPool2d", plan.layers)
    least = min(layer.shape[1] for layer in before)
    return max(_BATCH, -(-_SETTLED // least**2))


def settle(network: "nn.Module", images: "Tensor") -> None:
    """Gives the batch norms the statistics of images, and leaves the network ready to answer."""
    import torch
    from torch import nn

    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        network.train()(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()


def largest_difference(data: bytes, network: "nn.Module", images: "Tensor") -> float:
    """Between the scores of ONNX Runtime and torch, over images (b, c, h, w) and over the first alone.

    Relative to the largest score where that is above 1.
    """
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    difference = 0.0
    for batch in (images, images[:1]):
        with torch.no_grad():
            expected = network(batch).numpy()
        (found,) = session.run(None, {"images": batch.numpy()})
        scale = max(1.0, float(abs(expected).max()))
        difference = max(difference, float(abs(found - expected).max()) / scale)
    return difference


def exported(network: "nn.Module", example: "Tensor", about: dict[str, str]) -> bytes:
    """A network in evaluation mode as ONNX from ``images``, with any number of them, to ``scores``.

    Args:
        network: to be exported.
        example: two images.
        about: metadata of the file.
    """
    import onnx
    import torch

    made = io.BytesIO()
    with warnings.catch_warnings(), constant_paddings(_OPSET):
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network,
            (example,),
            made,  # type: ignore[arg-type]
            input_names=["images"],
            output_names=["scores"],
            dynamic_axes={"images": {0: "batch"}, "scores": {0: "batch"}},
            opset_version=_OPSET,
            # Batch norms stay what they are, so that the file holds the network's numbers; ONNX Runtime folds
            # them into the convolutions when it loads the file.
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
            dynamo=False,
        )
    model = onnx.load_model_from_string(made.getvalue())
    model.producer_name, model.producer_version = "netwright", version("netwright")
    for key, value in about.items():
        model.metadata_props.add(key=key, value=value)
    data: bytes = model.SerializeToString()
    return data


def main() -> None:
    """Answers an order on standard input, a JSON object: ``weights`` in base64, or the arguments of
    :func:`onnx_file`.
    """
    sys.stdout = sys.stderr  # nothing but the file goes to standard output
    order = json.load(sys.stdin)
    if "weights" in order:
        data = trained_onnx(base64.b64decode(order["weights"]))
    else:
        data = onnx_file(**order | {"network": NetworkConfig.from_dict(order["network"])})
    with open(1, "wb", closefd=False) as out:
        out.write(data)


if __name__ == "__main__":
    main()
