"""``generate``: unique, valid architectures within the exact bounds, best first."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from generator.distinct import distinct
from generator.guide import Guide
from generator.masked.diffusion import MaskedDiffusion, SamplerOptions
from spaces.space import Bools, Codes, Floats, Space

Gap = Callable[[Codes], Floats]
"""How far codes (b, v) are from satisfying the exact bounds, (b,); 0 where they do."""

REFERENCES = 4096
"""Architectures drawn uniformly to learn which statistics go with the bounds."""
PARENTS = 64
"""The best architectures found so far, which a refinement masks in part and completes anew."""
CLIMBED = 12
"""The best architectures found so far, whose neighbourhoods a climb weighs."""
LEVELS = (0.5, 0.25)
"""Noise levels of the refinements, in turn; the last one is kept."""


@dataclass(frozen=True, slots=True)
class Generated:
    """What was generated.

    Shapes:
        codes: (m, v), unique, valid, within the exact bounds, in falling order of the guide; m ≤ count
        log_weights: (m,), the guide's
        rounds: of particles that were sampled
        weighed: distinct architectures that the guide weighed
        nearest: (v,), the architecture with the smallest gap that was seen; where m > 0 it is the first
        gap: that architecture's gap
    """

    codes: Codes
    log_weights: Floats
    rounds: int
    weighed: int
    nearest: Codes
    gap: float


@dataclass(frozen=True, slots=True)
class GenerateOptions:
    """Effort of one call.

    Args:
        particles: of each round.
        rounds: at most; a call ends earlier with enough architectures and no refinement left.
        refinements: rounds, among these, that mask the best architectures in part and complete them anew, as
            the guide ranks them; none without a guide.
        climbs: after the rounds, how often at most the neighbourhoods of the best are weighed, until that
            brings nothing better; none without a guide.
        sampler: how each round samples.
    """

    particles: int = 512
    rounds: int = 8
    refinements: int = 0
    climbs: int = 0
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

    Particles are conditioned on the statistics of architectures near the exact bounds and steered by the
    guide. Everything that the guide weighed on the way is a candidate; what comes out is valid and unique,
    satisfies the exact bounds and is not in ``exclude``.

    Args:
        model: the generator of a space.
        count: architectures wanted.
        seed: the same seed gives the same answer on one machine, whatever the number of threads.
        guide: ranks and steers.
        gap: distance to the exact bounds.
        exclude: codes (e, v) not wanted, for example those already evaluated.
        options: effort.
    """
    options = options or GenerateOptions()
    rng = np.random.default_rng(seed)
    space = model.space
    targets = None
    nearest = space.sample(1, rng)[0]
    if gap is not None:
        references = _nearest_architectures(space.sample(REFERENCES, rng), gap)
        targets, nearest = model.conditions.of_codes(space, references), references[0]
    pool = _Pool(space, gap, exclude, nearest)
    memory = None if guide is None else _Memory(guide)
    refinements = options.refinements if guide is not None else 0
    rounds = 0
    while rounds < options.rounds and (len(pool) < count or refinements):
        rounds += 1
        # Fresh particles until there are enough architectures, then refinements of the best of them; every
        # other round too where the bounds are so tight that fresh ones rarely are within them.
        enough = len(pool) >= count
        parents = pool.best(PARENTS) if enough or rounds % 2 == 0 else None
        start, level, asked = None, 1.0, None
        if parents is not None:
            level = LEVELS[min(options.refinements - refinements, len(LEVELS) - 1)]
            start = parents[rng.integers(len(parents), size=options.particles)]
            refinements -= int(enough)
        elif targets is not None:
            asked = targets[rng.integers(len(targets), size=options.particles)]
        particles = model.sample(
            options.particles,
            seed=int(rng.integers(2**62)),
            guide=memory,
            targets=asked,
            options=options.sampler,
            start=start,
            level=level,
            visit=pool.add,
        )
        if memory is None:
            codes = particles.codes[particles.valid]
            pool.add(codes, np.zeros(len(codes)))
    if memory is not None:
        _climb(pool, memory, options.climbs)
    codes, weights = pool.ranked(count)
    if len(codes):
        pool.nearest, pool.nearest_gap = codes[0], 0.0
    return Generated(
        codes, weights, rounds, 0 if memory is None else len(memory), pool.nearest, pool.nearest_gap
    )


def _nearest_architectures(references: Codes, gap: Gap) -> Codes:
    """Those within the bounds; where these are few, the sixty-four nearest to them."""
    gaps = gap(references)
    within = int((gaps <= 0).sum())
    return references[np.argsort(gaps, kind="stable")[: max(within, 64)]]


def _climb(pool: "_Pool", guide: Guide, most: int) -> None:
    """Weighs the neighbourhoods of the best until they are the best themselves."""
    for _ in range(most):
        parents = pool.best(CLIMBED)
        if parents is None:
            return
        around = np.concatenate([pool.space.neighbours(row) for row in parents])
        around = around[distinct(around)[0]]
        pool.add(around, guide.log_weight(around))
        after = pool.best(CLIMBED)
        if after is not None and np.array_equal(after, parents):
            return


class _Memory:
    """A guide that weighs every architecture once."""

    def __init__(self, guide: Guide) -> None:
        self.guide = guide
        self.known: dict[bytes, float] = {}

    def __len__(self) -> int:
        return len(self.known)

    def log_weight(self, codes: Codes) -> Floats:
        """The guide's log weights (b,)."""
        keys = [row.tobytes() for row in codes]
        fresh: Bools = np.array([key not in self.known for key in keys], dtype=bool)
        if fresh.any():
            new = codes[fresh]
            new = new[distinct(new)[0]]
            weights = self.guide.log_weight(new).tolist()
            self.known.update(zip([row.tobytes() for row in new], weights, strict=True))
        return np.array([self.known[key] for key in keys])


class _Pool:
    """The distinct architectures found within the exact bounds, with their log weights."""

    def __init__(self, space: Space, gap: Gap | None, exclude: Codes | None, nearest: Codes) -> None:
        self.space = space
        self.gap = gap
        self.seen = {row.tobytes() for row in exclude} if exclude is not None else set()
        self.codes: list[Codes] = []
        self.weights: list[float] = []
        self.nearest, self.nearest_gap = (
            nearest,
            float("inf") if gap is None else float(gap(nearest[None])[0]),
        )

    def __len__(self) -> int:
        return len(self.codes)

    def add(self, codes: Codes, weights: Floats) -> None:
        """Takes in those of codes (b, v) that are new and within the bounds, with log weights (b,)."""
        fresh = [index for index in distinct(codes)[0].tolist() if codes[index].tobytes() not in self.seen]
        if not fresh:
            return
        codes, weights = codes[fresh], weights[fresh]
        self.seen.update(row.tobytes() for row in codes)
        if self.gap is not None:
            gaps = self.gap(codes)
            if gaps.min() < self.nearest_gap:
                self.nearest, self.nearest_gap = codes[gaps.argmin()], float(gaps.min())
            codes, weights = codes[gaps <= 0], weights[gaps <= 0]
        self.codes.extend(codes)
        self.weights.extend(weights.tolist())

    def ranked(self, count: int) -> tuple[Codes, Floats]:
        """The ``count`` best and their log weights, in falling order; equal ones as they were found."""
        weights = np.array(self.weights)
        order = np.argsort(-weights, kind="stable")[:count]
        width = len(self.space.variables)
        codes = np.stack(self.codes)[order] if self.codes else np.empty((0, width), dtype=np.int8)
        return codes, weights[order]

    def best(self, count: int) -> Codes | None:
        """The best, (m, v); None where there is none."""
        codes, _ = self.ranked(count)
        return codes if len(codes) else None
