"""Training-free scores: what a network at initialization says of itself, one score a file.

See :mod:`encoders.proxies.compute` for how they are computed and :mod:`encoders.proxies.table` for how the
computed ones are looked up.
"""
