"""Embeddings of the pretrained networks as features; only where they ship, in no default set."""

from functools import lru_cache

from encoders.pretrained.networks import load_pretrained
from encoders.proxies.table import class_of, classes
from encoders.training_free.kind import FeatureKind, Features, register
from spaces.known import get_space
from spaces.space import ENUMERABLE, Codes, Space


@register
class PretrainedEmbedding(FeatureKind):
    """What networks that learned a space's statistics and proxies make of an architecture; needs no torch.

    Where zeros make several architectures compute one function, the smallest of them is embedded for all.
    Each function is then embedded once: where a row stands in a batch decides how a matrix product rounds it.

    Both methods raise :class:`encoders.pretrained.networks.NoPretrained` for a space without such networks.
    """

    name = "pretrained"
    of_network = True
    tabled = True

    def names(self, space: Space) -> tuple[str, ...]:
        """``pretrained-1a2b3c4d:0.0`` …: the weights' digest, the network and the coordinate.

        A model trained on other weights thus has features of other names, and is refused.
        """
        return _names(space.name)

    def values(self, space: Space, codes: Codes, task: str | None) -> Features:
        """(b, m·d)."""
        if space.zero_operations and not space.task_dependent_cost and space.size <= ENUMERABLE:
            return _of_functions(space.name)[class_of(space, codes)]
        return load_pretrained(space.name).embed(codes).reshape(len(codes), -1)


@lru_cache(maxsize=2)
def _of_functions(space_name: str) -> Features:
    """The embeddings (c, m·d) of the functions that architectures compute, as in
    :func:`encoders.proxies.table.classes`."""
    codes = classes(get_space(space_name)).codes
    return load_pretrained(space_name).embed(codes).reshape(len(codes), -1)


@lru_cache(maxsize=16)
def _names(space_name: str) -> tuple[str, ...]:
    ensemble = load_pretrained(space_name)
    which = ensemble.digest().removeprefix("sha256:")[:8]
    return tuple(
        f"pretrained-{which}:{member}.{coordinate}"
        for member, network in enumerate(ensemble.networks)
        for coordinate in range(len(network.bias))
    )
