"""``generate``: unique, valid architectures that satisfy what can be checked exactly, best first."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from generator.guide import Guide
from generator.masked import MaskedDiffusion, SamplerOptions
from spaces.space import Bools, Codes, Floats

Gap = Callable[[Codes], Floats]
"""How far codes (b, v) are from satisfying the exact bounds, (b,); 0 where they do."""

REFERENCES = 4096
"""Members drawn uniformly to learn which statistics go with the bounds."""


@dataclass(frozen=True, slots=True)
class Generated:
    """What was generated.

    Shapes:
        codes: (m, v), unique, valid, within the exact bounds, in falling order of the guide; m ≤ count
        log_weights: (m,), the guide's
        nearest: (v,), the member with the smallest gap that was seen; where m > 0 it is the first
        gap: that member's gap
    """

    codes: Codes
    log_weights: Floats
    rounds: int
    nearest: Codes
    gap: float


@dataclass(frozen=True, slots=True)
class GenerateOptions:
    """Effort of one call: at most ``rounds`` rounds of ``particles`` particles."""

    particles: int = 1024
    rounds: int = 6
    sampler: SamplerOptions = field(default_factory=SamplerOptions)


def generate(
    model: MaskedDiffusion,
    count: int,
    *,
    seed: int,
    guide: Guide | None = None,
    gap: Gap | None = None,
    exclude: Codes | None = None,
    options: GenerateOptions | None = None,
) -> Generated:
    """Up to ``count`` architectures; fewer where the bounded number of rounds does not find more.

    Particles are conditioned on the statistics of members near the exact bounds, steered by the guide, and
    filtered: what comes out is valid and unique, satisfies the exact bounds and is not in ``exclude``.

    Args:
        model: the generator of a space.
        count: architectures wanted.
        seed: the same seed gives the same answer on one machine.
        guide: ranks and steers.
        gap: distance to the exact bounds.
        exclude: codes (e, v) not wanted, for example those already evaluated.
        options: effort.
    """
    options = options or GenerateOptions()
    rng = np.random.default_rng(seed)
    space = model.space
    references = space.sample(REFERENCES, rng)
    targets = model.conditions.of_codes(space, _nearest_members(references, gap)) if gap is not None else None
    seen = _Seen(exclude)
    nearest, nearest_gap = references[0], np.inf
    kept: list[Codes] = []
    found = rounds = 0
    while found < count and rounds < options.rounds:
        rounds += 1
        asked = None if targets is None else targets[rng.integers(len(targets), size=options.particles)]
        particles = model.sample(
            options.particles,
            seed=int(rng.integers(2**62)),
            guide=guide,
            targets=asked,
            options=options.sampler,
        )
        codes = particles.codes[particles.valid]
        gaps = np.zeros(len(codes)) if gap is None else gap(codes)
        if len(codes) and gaps.min() < nearest_gap:
            nearest, nearest_gap = codes[gaps.argmin()], float(gaps.min())
        fresh = seen.first_time(codes[gaps <= 0])
        kept.append(fresh)
        found += len(fresh)
    codes = np.concatenate(kept)
    weights = np.zeros(len(codes)) if guide is None else guide.log_weight(codes)
    order = np.argsort(-weights, kind="stable")[:count]
    if len(order):
        nearest, nearest_gap = codes[order[0]], 0.0
    return Generated(codes[order], weights[order], rounds, nearest, nearest_gap)


def _nearest_members(references: Codes, gap: Gap) -> Codes:
    """Those within the bounds; where these are few, the sixty-four nearest to them."""
    gaps = gap(references)
    within = int((gaps <= 0).sum())
    return references[np.argsort(gaps, kind="stable")[: max(within, 64)]]


class _Seen:
    """Remembers which architectures have passed by."""

    def __init__(self, exclude: Codes | None) -> None:
        self.rows = {row.tobytes() for row in exclude} if exclude is not None else set()

    def first_time(self, codes: Codes) -> Codes:
        """The rows of codes not seen before, each once, in order."""
        new: Bools = np.zeros(len(codes), dtype=bool)
        for index, row in enumerate(codes):
            key = row.tobytes()
            if key not in self.rows:
                self.rows.add(key)
                new[index] = True
        return codes[new]
