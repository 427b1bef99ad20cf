"""Relative coordinates (Moschella et al., ICLR 2023): similarities of an architecture to anchor
architectures.

Encoders trained with other seeds agree on angles, not on axes. Similarities to the same anchors therefore
mean the same in all of them, and a model fitted on one encoder's relative coordinates works on another's.
"""

import numpy as np

from encoders.arch2vec.encoder import Encoder, Pooling
from encoders.training_free.kind import Features
from spaces.space import Codes, Space

ANCHORS = 64
_SEED = 20_230_501  # of the draw; changing it changes the meaning of every coordinate
_SMALL = 1e-8


def anchor_codes(space: Space, count: int = ANCHORS) -> Codes:
    """The anchors of a space, (count, v): distinct architectures, always the same; fewer are the first of
    more.

    Raises:
        ValueError: where the space has fewer architectures.
    """
    if count > space.size:
        raise ValueError(f"{space.name} has {space.size} architectures, fewer than {count} anchors")
    rng = np.random.default_rng(_SEED)
    chosen: dict[bytes, Codes] = {}
    while len(chosen) < count:
        for codes in space.sample(ANCHORS, rng):
            chosen.setdefault(codes.tobytes(), codes)
    return np.stack(list(chosen.values())[:count])


def relative(vectors: Features, anchors: Features) -> Features:
    r"""Cosine similarities of vectors to anchors, both seen from the anchors' mean.

    .. math:: r_j(x) = \frac{(x - \bar a) \cdot (a_j - \bar a)}{\|x - \bar a\| \, \|a_j - \bar a\|}

    Rotating, shifting or scaling both changes nothing.

    Shapes:
        vectors: (b, d)
        anchors: (k, d)
        returns: (b, k), within −1..1
    """
    center = anchors.mean(axis=0)
    found: Features = _unit(vectors - center) @ _unit(anchors - center).T
    return found


def relative_coordinates(
    encoder: Encoder, codes: Codes, *, count: int = ANCHORS, pooling: Pooling = "nodes"
) -> Features:
    """Similarities (b, count) of canonical codes (b, v) to the space's anchors, as the encoder sees them."""
    anchors = encoder.embed(anchor_codes(encoder.space, count), pooling)
    return relative(encoder.embed(codes, pooling), anchors)


def _unit(vectors: Features) -> Features:
    scaled: Features = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), _SMALL)
    return scaled
