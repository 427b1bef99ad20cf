"""Guided graph diffusion: architectures from noise, steered by any predictor.

Notation (beside that of ``spaces.space``):

    x       slot values (b, s), int64; ``mask`` (the slot's own vocabulary size) where not yet decided
    t       noise level in [0, 1]: the chance that a slot is masked
    c       condition (b, m): standardized statistics; NaN where not asked for
    N, K    particles and unmasking steps
    V       log potential of a particle, ``log w``; telescopes to the guide's value at the end
"""
