"""An architecture's network as ONNX, exported once and kept by what it is."""

import hashlib
import io
import json
import logging
import os
import warnings
from pathlib import Path

from spaces.costs.network_config import NetworkConfig

_LOG = logging.getLogger(__name__)
_FORMAT = 2


def onnx_bytes(
    space: str,
    architecture: str,
    network: NetworkConfig,
    *,
    batch: int = 1,
    cache_dir: Path | None = None,
) -> bytes:
    """The untrained network in evaluation mode; its weights, which time does not depend on, from one seed.

    Args:
        space: its name.
        architecture: canonical string.
        network: which one is meant.
        batch: images in an inference; fixed, so that nothing about shapes is decided while it runs.
        cache_dir: where exported networks are kept; None: nowhere.

    Raises:
        NoNetwork: the space has no networks.
    """
    import torch

    text = json.dumps([_FORMAT, torch.__version__, space, architecture, network.to_dict(), batch])
    name = hashlib.sha256(text.encode()).hexdigest()[:32]
    path = None if cache_dir is None else cache_dir / "onnx" / f"{name}.onnx"
    if path is not None and path.is_file():
        return path.read_bytes()
    content = _export(space, architecture, network, batch)
    if path is not None:
        temporary = path.parent / f".{name}-{os.getpid()}.tmp"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(content)
            temporary.replace(path)
        except OSError as error:  # it only costs the next measurement the export
            _LOG.warning("exported networks are not cached in %s: %s", cache_dir, error.strerror)
            temporary.unlink(missing_ok=True)
    return content


def _export(space: str, architecture: str, network: NetworkConfig, batch: int) -> bytes:
    import torch

    from networks.build import assemble, codes_of
    from networks.plan import plan_network

    plan = plan_network(space, codes_of(space, architecture), network)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = assemble(plan).eval()
        example = torch.randn(batch, 3, plan.side, plan.side)
    file = io.BytesIO()
    with warnings.catch_warnings():
        # The older exporter: it takes a twentieth of the time, and ONNX Runtime makes the same of both.
        warnings.simplefilter("ignore")
        torch.onnx.export(made, (example,), file, dynamo=False, verbose=False)  # type: ignore[arg-type]
    return file.getvalue()
