"""Which architectures of a small space a generator may learn from; the rest shows whether it makes new
ones."""

import numpy as np

from spaces.space import Codes, Space


def training_share(space: Space, share: float, *, seed: int = 0) -> Codes:
    """A random share of all architectures, (n, v), the same for the same seed.

    Args:
        space: small enough to enumerate.
        share: of its architectures, above 0 and at most 1.
        seed: of the draw.

    Raises:
        ValueError: for another share, or a space too large to enumerate.
    """
    if not 0.0 < share <= 1.0:
        raise ValueError(f"the share must lie above 0 and at most at 1, not at {share}")
    codes = space.enumerate()
    order = np.random.default_rng([seed, 0x5911]).permutation(len(codes))
    return codes[np.sort(order[: round(share * len(codes))])]
