"""A training's state as safetensors: weights, optimizer, where it stands. No pickle, on either way."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

_FORMAT = "netwright-training-1"
_WEIGHTS = "netwright-weights-1"


class BadCheckpoint(ValueError):
    """Content that is no checkpoint of this training; start it anew."""


@dataclass(slots=True)
class Place:
    """Where a training stands: epochs finished, steps of the next one done, and what is known so far.

    Args:
        epoch: epochs that are finished.
        step: steps of the epoch at hand that are done.
        history: for each finished epoch, its mean training loss and its accuracy, on validation images where
            there are any.
        losses: sum of the losses of the epoch at hand.
        right: training images of the epoch at hand that were answered right.
        best_epoch: of the weights that count, where the best epoch does.
        seconds: spent so far.
        steps: of an epoch; 0 where that was not noted.
        epoch_seconds: what the last finished epoch took, its validation included.
        epoch_began: ``seconds`` when the epoch at hand began.
    """

    epoch: int = 0
    step: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    losses: float = 0.0
    right: int = 0
    best_epoch: int = -1
    seconds: float = 0.0
    steps: int = 0
    epoch_seconds: float = 0.0
    epoch_began: float = 0.0

    @property
    def epochs_done(self) -> float:
        """Epochs that are done, the part of the one at hand included."""
        return self.epoch + (self.step / self.steps if self.steps else 0.0)


def pack(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    place: Place,
    best: dict[str, Tensor] | None,
    identity: dict[str, object],
) -> bytes:
    """The bytes of a checkpoint.

    The randomness of what follows comes from the seed, the epoch and the step, so that the place holds all
    of it. ``identity`` says whose training it is; it also keeps equal trainings' checkpoints apart.
    """
    state = optimizer.state_dict()
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    numbers: dict[str, dict[str, Any]] = {}
    for index, values in state["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"optimizer.{index}.{name}"] = value
            elif value is not None:
                numbers.setdefault(str(index), {})[name] = value
    tensors |= {f"best.{name}": value for name, value in (best or {}).items()}
    about: dict[str, object] = {
        "format": _FORMAT,
        "place": asdict(place),
        "identity": identity,
        "numbers": numbers,
    }
    return _bytes(tensors, about)


def unpack(
    content: bytes, network: nn.Module, optimizer: torch.optim.Optimizer, identity: dict[str, object]
) -> tuple[Place, dict[str, Tensor] | None]:
    """Puts a checkpoint into a network and its optimizer; returns the place and the best weights.

    Raises:
        BadCheckpoint: it is no checkpoint, or of another training; nothing was changed.
    """
    about, tensors = _read(content, _FORMAT)
    if about.get("identity") != identity:
        raise BadCheckpoint("the checkpoint is of another training")
    weights = _below(tensors, "network.")
    mine = network.state_dict()
    if {name: value.shape for name, value in weights.items()} != {n: v.shape for n, v in mine.items()}:
        raise BadCheckpoint("the checkpoint is of another network")
    state: dict[int, dict[str, Any]] = {
        int(index): dict(values) for index, values in about["numbers"].items()
    }
    for name, value in _below(tensors, "optimizer.").items():
        index, _, rest = name.partition(".")
        state.setdefault(int(index), {})[rest] = value
    network.load_state_dict(weights)
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return Place(**about["place"]), _below(tensors, "best.") or None


def pack_weights(weights: dict[str, Tensor], about: dict[str, object]) -> bytes:
    """A trained network's weights, and what they are of, as safetensors."""
    return _bytes(weights, about | {"format": _WEIGHTS})


def read_weights(content: bytes) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What weights are of, and the weights.

    Raises:
        BadCheckpoint: the content is nothing that :func:`pack_weights` wrote.
    """
    return _read(content, _WEIGHTS)


def _bytes(tensors: dict[str, Tensor], about: dict[str, object]) -> bytes:
    """One entry of metadata: several would come in any order, and equal content would have two names."""
    metadata = {"about": json.dumps(about, sort_keys=True)}
    return save_tensors({name: value.contiguous() for name, value in tensors.items()}, metadata)


def _read(content: bytes, form: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """A checkpoint's metadata and its tensors."""
    try:
        tensors = load_tensors(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        about: dict[str, Any] = json.loads(header["__metadata__"]["about"])
    except Exception as error:  # whatever damaged bytes make safetensors raise
        raise BadCheckpoint(f"no checkpoint: {error}") from None
    if about.get("format") != form:
        raise BadCheckpoint(f"no file of the form {form}")
    return about, tensors


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
