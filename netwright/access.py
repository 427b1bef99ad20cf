"""Who may reach the API: everyone on this machine, and nobody else unless someone has said so."""

import ipaddress

from netwright.settings import Settings


class UnsafeAddress(ValueError):
    """The API would listen where others reach it, and asks nobody who they are; never retry as it stands."""


def check_address(settings: Settings) -> None:
    """Refuses to listen beyond this machine unless a setting allows it.

    Raises:
        UnsafeAddress: the host is not a loopback address and ``open_access`` is not set.

    >>> check_address(Settings(host="::1"))
    >>> check_address(Settings(host="0.0.0.0", open_access=True))
    """
    if settings.open_access or _is_loopback(settings.host):
        return
    raise UnsafeAddress(
        f"there are no API keys, so whoever reaches {settings.host or 'every address'} could order work and "
        "read all of it: listen on 127.0.0.1 behind a proxy that asks who they are, or set "
        "NETWRIGHT_OPEN_ACCESS=true where the network itself keeps others out"
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name may stand for any address
        return False
