"""Devices: the latency of a new one from few measurements, by what known devices have in common."""
