"""Which generators ship; loads none of them, and no torch."""

from pathlib import Path

import artifacts

_FOLDER = artifacts.ROOT / "generator"


def shipped_path(space: str) -> Path:
    """Where the shipped weights of a space lie, or would lie."""
    return _FOLDER / f"{space}.safetensors"


def score_sde_path(space: str) -> Path:
    """Where the shipped weights of a space's ``score_sde`` lie, or would lie."""
    return _FOLDER / "score_sde" / f"{space}.safetensors"


def ships(space: str) -> bool:
    """Whether a generator ships for a space."""
    return shipped_path(space).is_file()


def spaces() -> list[str]:
    """Names of the spaces that a generator ships for, sorted.

    >>> {"gnn", "nasbench201"} <= set(spaces())
    True
    """
    return sorted(path.stem for path in _FOLDER.glob("*.safetensors"))
