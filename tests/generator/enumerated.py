"""The K-step sampler's marginal by brute force: every state of a space small enough, step by step."""

from itertools import product
from math import prod

import numpy as np
import torch

from generator.masked.diffusion import MaskedDiffusion


def enumerated_marginal(model: MaskedDiffusion, steps: int) -> dict[tuple[int, ...], float]:
    """Filling of the slots → its probability, for a sampler that draws completions until they are
    architectures.

    Written to be slow and plain: independent of the sampler and of ``generator.masked.density``.
    """
    sizes = [slot.size for slot in model.space.slots]
    fillings = list(product(*(range(size) for size in sizes)))
    _, member = model.space.from_slots(np.array(fillings, dtype=np.int8))
    states: dict[tuple[int, ...], float] = {tuple(sizes): 1.0}
    completions: dict[tuple[int, ...], dict[tuple[int, ...], float]] = {}
    for step in range(steps):
        chance = 1.0 / (steps - step)
        after: dict[tuple[int, ...], float] = {}
        for state, weight in states.items():
            masked = [index for index, value in enumerate(state) if value == sizes[index]]
            if state not in completions:
                nothing = torch.full((1, len(model.conditions.names)), torch.nan)
                with torch.no_grad():
                    p = model.denoiser(torch.tensor([state]), nothing)[0].exp().double().tolist()
                completions[state] = {
                    filling: prod(p[i][filling[i]] for i in masked)
                    for filling, is_member in zip(fillings, member, strict=True)
                    if is_member and all(state[i] in (filling[i], sizes[i]) for i in range(len(sizes)))
                }
            total = sum(completions[state].values())
            for filling, value in completions[state].items():
                for opened in product((False, True), repeat=len(masked)):
                    share = prod(chance if is_open else 1 - chance for is_open in opened)
                    if share == 0.0:
                        continue
                    next_state = list(filling)
                    for index, is_open in zip(masked, opened, strict=True):
                        if not is_open:
                            next_state[index] = sizes[index]
                    key = tuple(next_state)
                    after[key] = after.get(key, 0.0) + weight * value / total * share
        states = after
    return states
