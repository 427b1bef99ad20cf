"""Architecture to torch module."""

from networks.build import NoNetwork, build

__all__ = ["NoNetwork", "build"]
