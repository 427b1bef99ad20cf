"""Quality of an encoder: reconstruction, validity of prior samples, and correlation with edit distance."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from encoders.arch2vec.encoder import Encoder, Pooling, pool
from spaces.space import Codes


@dataclass(frozen=True, slots=True)
class PriorSamples:
    """Shares of what was drawn from the prior, in %.

    Args:
        valid: decoded to an architecture's graph.
        unique: distinct architectures over all that was drawn, so never above ``valid``.
        unique_of_valid: distinct architectures over valid ones, as Yan et al. count.
    """

    valid: float
    unique: float
    unique_of_valid: float


def reconstruction(encoder: Encoder, codes: Codes) -> float:
    """Share of codes (b, v), in %, that the decoder reads back from the latents' means, whole graphs."""
    again, valid = encoder.decode(encoder.nodes(codes))
    return 100 * float((valid & np.all(again == codes, axis=1)).mean())


def prior_samples(
    encoder: Encoder, count: int = 1000, *, seed: int, correlated: bool = False
) -> PriorSamples:
    """Validity and uniqueness of decoded samples, by Yan et al.'s protocol.

    Latents are standard normal numbers, multiplied by the standard deviation and shifted by the mean that
    the training architectures' latents have at that node and coordinate; with ``correlated`` they also have
    their covariance. See :meth:`Encoder.decode` for how they are read.
    """
    codes, valid = encoder.sample(count, seed=seed, correlated=correlated)
    distinct, found = len(np.unique(codes[valid], axis=0)), int(valid.sum())
    return PriorSamples(100 * found / count, 100 * distinct / count, 100 * distinct / max(found, 1))


def edit_correlation(
    encoder: Encoder, codes: Codes, pooling: Pooling, *, seed: int, pairs: int = 20_000
) -> float:
    """Spearman correlation of Euclidean distance in the latent space and edit distance.

    The edit distance counts the slots, operations and free edges, in which two architectures differ.

    Args:
        encoder: the encoder.
        codes: (b, v); pairs are drawn among them.
        pooling: which vectors.
        seed: of the pairs.
        pairs: how many.
    """
    first, second = np.random.default_rng(seed).integers(len(codes), size=(2, pairs))
    slots, vectors = encoder.space.slot_values(codes), pool(encoder.nodes(codes), pooling)
    edits = (slots[first] != slots[second]).sum(axis=1)
    distances = np.linalg.norm(vectors[first] - vectors[second], axis=1)
    return float(spearmanr(edits, distances).statistic)
