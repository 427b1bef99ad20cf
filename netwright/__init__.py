"""The public face: command line, Python client, settings.

>>> from netwright import Client
>>> client = Client("http://127.0.0.1:8000")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netwright.client.client import ApiError, Client, JobHandle

__all__ = ["ApiError", "Client", "JobHandle"]


def __getattr__(name: str) -> Any:
    # Looked up when asked for, so that the command line starts without the HTTP library.
    if name in __all__:
        from netwright.client import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
