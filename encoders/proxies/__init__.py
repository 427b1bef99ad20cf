"""Zero-cost proxies: numbers of an untrained network that correlate with its accuracy.

They stand in :mod:`encoders.proxies.kinds`, one file each; :mod:`encoders.proxies.compute` computes them and
:mod:`encoders.proxies.table` looks up the computed ones.
"""
