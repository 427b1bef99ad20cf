r"""Log probability of an architecture under the masked diffusion: exact where slots are few, else a bound.

The K-step sampler unmasks a random set of slots at each step, their values independent given what is clean.
The probability that it ends at :math:`x_0` sums over the ways to get there; as a step depends only on which
slots are clean already, that is a sum over chains of sets, and :math:`2^s` rows for the denoiser suffice.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp

from encoders.threads import fixed_threads
from generator.masked.absorbing import unmasking
from generator.masked.diffusion import MaskedDiffusion
from spaces.space import Codes, Floats

MOST_SLOTS = 8
"""Beyond it an exact density would take more than 256 calls an architecture."""
_CHUNK = 8192


def exact_log_density(
    model: MaskedDiffusion,
    codes: Codes,
    *,
    steps: int,
    targets: NDArray[np.floating] | None = None,
) -> Floats:
    """Log probability (b,) that the sampler of ``steps`` steps ends at each of codes (b, v).

    It is that of the slots' filling, without redrawing completions that are no architecture: in spaces where
    every filling is an architecture, as the chains of blocks and ``nasbench201``, it is the sampler's own.

    Args:
        model: of a space with at most ``MOST_SLOTS`` slots.
        codes: (b, v).
        steps: K.
        targets: (b, m) standardized conditions, NaN where not asked for; None asks for nothing.

    Raises:
        ValueError: for a space with more slots.
    """
    slots = len(model.space.slots)
    if slots > MOST_SLOTS:
        raise ValueError(
            f"{model.space.name} has {slots} slots, an exact density is for at most {MOST_SLOTS}"
        )
    clean = np.array(list(np.ndindex(*(2,) * slots)), dtype=bool)  # (2^s, s): which slots are clean
    values = torch.from_numpy(model.space.slot_values(codes).astype(np.int64))
    rows = torch.arange(len(codes)).repeat_interleave(len(clean))
    known = torch.from_numpy(np.tile(clean, (len(codes), 1)))
    chosen = _log_probabilities(model, values[rows], known, None if targets is None else targets[rows])
    chosen = chosen.reshape(len(codes), len(clean), slots)  # log p(x_i | the clean slots)
    smaller, larger = np.nonzero(
        (clean[:, None] <= clean[None]).all(axis=2)
    )  # pairs of sets, one in the other
    opened = clean[larger] & ~clean[smaller]  # (p, s)
    values_of_pair = (chosen[:, smaller] * opened).sum(axis=2)  # (b, p)
    reached = np.where(clean.any(axis=1), -np.inf, 0.0)[None].repeat(len(codes), axis=0)  # (b, 2^s)
    order = np.argsort(larger, kind="stable")
    starts = np.searchsorted(larger[order], np.arange(len(clean)))
    for step in range(steps):
        chance = unmasking(1 - step / steps, 1 - (step + 1) / steps)
        left = (~clean[larger]).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            schedule = opened.sum(axis=1) * np.log(chance) + np.where(left, left * np.log1p(-chance), 0.0)
        terms = reached[:, smaller] + values_of_pair + schedule
        # One sum a set, over the sets that it can have come from.
        reached = np.stack(
            [logsumexp(part, axis=1) for part in np.split(terms[:, order], starts[1:], axis=1)], axis=1
        )
    result: Floats = reached[:, -1]
    return result


def log_density_bound(
    model: MaskedDiffusion,
    codes: Codes,
    *,
    draws: int,
    seed: int,
    targets: NDArray[np.floating] | None = None,
) -> Floats:
    r"""An unbiased estimate (b,) of a lower bound of the log density, for any number of slots.

    The evidence bound of absorbing diffusion, as an expectation over how many slots m are masked and which
    (Ou et al. 2024), :math:`\mathbb{E}_{m, S}\, \frac{s}{m} \sum_{i \in S} \log p(x_0^i \mid x_0^{-S})`.

    Args:
        model: of any space.
        codes: (b, v).
        draws: masks an architecture; the estimate's error falls with their square root.
        seed: of the masks.
        targets: (b, m) standardized conditions, NaN where not asked for; None asks for nothing.
    """
    rng = np.random.default_rng(seed)
    slots = len(model.space.slots)
    values = torch.from_numpy(model.space.slot_values(codes).astype(np.int64))
    # The number masked is stratified over the draws; ranks of uniform numbers say which.
    amount = 1 + np.floor(slots * (np.arange(draws) + rng.random((len(codes), draws))) / draws).astype(int)
    amount = np.minimum(amount, slots)
    ranks = rng.random((len(codes), draws, slots)).argsort(axis=2).argsort(axis=2)
    masked = ranks < amount[..., None]
    rows = torch.arange(len(codes)).repeat_interleave(draws)
    known = torch.from_numpy(~masked.reshape(-1, slots))
    chosen = _log_probabilities(model, values[rows], known, None if targets is None else targets[rows])
    chosen = chosen.reshape(len(codes), draws, slots)
    terms = np.where(masked, chosen, 0.0).sum(axis=2) * slots / amount
    result: Floats = terms.mean(axis=1)
    return result


def _log_probabilities(
    model: MaskedDiffusion,
    values: torch.Tensor,
    known: torch.Tensor,
    targets: NDArray[np.floating] | None,
) -> Floats:
    """log p(x_i | known slots) of slot values (r, s), (r, s) float64."""
    x = torch.where(known, values, model.denoiser.sizes.cpu())
    c = torch.full((len(x), len(model.conditions.names)), torch.nan)
    if targets is not None:
        c = torch.as_tensor(targets, dtype=torch.float32)
    parts = []
    with fixed_threads(), torch.inference_mode():
        for start in range(0, len(x), _CHUNK):
            part = slice(start, start + _CHUNK)
            parts.append(model.log_probabilities(x[part], c[part]).gather(-1, values[part, :, None])[..., 0])
    result: Floats = torch.cat(parts).numpy().astype(np.float64)
    return result
