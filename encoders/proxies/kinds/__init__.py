"""Zero-cost proxies, one file each; the module has the proxy's name."""

from typing import TYPE_CHECKING

from spaces.registry import Registry

if TYPE_CHECKING:
    from encoders.proxies.proxy import Proxy

PROXIES: "Registry[Proxy]" = Registry(
    "zero-cost proxy",
    "encoders.proxies.proxy:Proxy",
    folder="encoders.proxies.kinds",
    group="netwright.proxies",
)
"""By name; those of installed packages are found by their entry points.

>>> PROXIES.names()
('fisher', 'grad_norm', 'grasp', 'jacob_cov', 'naswot', 'snip', 'synflow', 'zen')
"""
