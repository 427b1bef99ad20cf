"""A folder that is carried to a device, to measure there what a model of it is fitted to."""

from networks.latency.probe.bundle import write_bundle

__all__ = ["write_bundle"]
