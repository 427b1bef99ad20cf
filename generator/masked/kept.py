"""The generators of declared spaces that this process keeps, each under its space's name."""

from generator.masked.diffusion import MaskedDiffusion
from spaces.recently_used import RecentlyUsed

MAX_KEPT = 8

_kept = RecentlyUsed[str, MaskedDiffusion](MAX_KEPT)


def keep_generator(model: MaskedDiffusion) -> None:
    """Makes a generator the one of its space in this process; the last :data:`MAX_KEPT` are kept."""
    _kept.put(model.space.name, model)


def kept_generator(space: str) -> MaskedDiffusion | None:
    """What :func:`keep_generator` was given last for a space; None where that is gone."""
    return _kept.get(space)
