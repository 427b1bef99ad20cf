"""Training-free scores: what a network at initialization says of itself, one score a file.

See :mod:`encoders.scores.compute` for how they are computed and :mod:`encoders.score_table` for how the
computed ones are looked up.
"""
