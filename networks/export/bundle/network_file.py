"""``network.py`` of a bundle: one file that needs torch alone and loads the trained weights."""

from collections.abc import Sequence
from importlib.metadata import version

from networks.build import codes_of
from networks.export.program import program_of
from networks.plan import plan_network
from spaces.costs.network_config import NetworkConfig
from spaces.known import get_space

WEIGHTS = "weights.safetensors"

_LOAD = '''def load(path: str | os.PathLike[str] | None = None) -> nn.Module:
    """The trained network, ready to answer; the weights lie beside this file unless said.

    Shapes:
        forward: (b, 3, SIDE, SIDE) float32 of `normalized` → (b, len(CLASSES))
    """
    if path is None:
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "weights.safetensors")
    network = build(seed=0)
    network.load_state_dict(read_weights(path))
    return network.eval()'''

_NORMALIZED = '''def normalized(pixels: torch.Tensor) -> torch.Tensor:
    """Images (b, h, w, 3) with values of 0 to 255 as the network takes them, (b, 3, h, w)."""
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    return (pixels.permute(0, 3, 1, 2).to(torch.float32) - mean) / std'''

_READ = '''def read_weights(path: str | os.PathLike[str]) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file: the header's length, the header, and then the values."""
    kinds = {"F32": torch.float32, "F16": torch.float16, "I64": torch.int64}
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = bytearray(file.read())
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = torch.frombuffer(data[begin:end], dtype=kinds[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"])
    return tensors'''

_MAIN = """if __name__ == "__main__":
    network = load()
    print(f"{sum(weight.numel() for weight in network.parameters()):,} parameters")
    scores = network(normalized(torch.zeros(1, SIDE, SIDE, 3)))
    print(f"one image → {tuple(scores.shape)}")"""


def network_file(
    space_name: str,
    architecture: str,
    network: NetworkConfig,
    *,
    classes: Sequence[str],
    mean: Sequence[float],
    std: Sequence[float],
) -> str:
    """The text of the file, with ``build``, ``load`` and ``normalized``.

    Args:
        space_name: a registered space.
        architecture: canonical string.
        network: which one is meant.
        classes: their names, in the order of the scores.
        mean, std: of each channel, 0 to 255.

    Raises:
        NoNetwork: the space has no networks.
    """
    space = get_space(space_name)
    plan = plan_network(space_name, codes_of(space_name, architecture), network)
    side = plan.side
    about = [
        f"A trained network of {space.title}, written by Netwright {version('netwright')}.",
        "",
        "It needs torch alone; `load()` reads the weights that lie beside it, `normalized` prepares images",
        f"of {side}×{side} pixels, and the scores are those of CLASSES in their order.",
    ]
    constants = "\n".join(
        [
            "CLASSES = [",
            *(f"    {name!r}," for name in classes),
            "]",
            f"SIDE = {side}",
            f"MEAN = {[float(value) for value in mean]}",
            f"STD = {[float(value) for value in std]}",
        ]
    )
    end = [constants, _READ, _LOAD, _NORMALIZED, _MAIN]
    return program_of(plan, architecture, about, end, modules=("json", "os"))
