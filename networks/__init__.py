"""Architecture to torch module."""

from networks.build import build
from networks.plan import NoNetwork

__all__ = ["NoNetwork", "build"]
