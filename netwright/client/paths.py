"""Names and ids as parts of a path of the HTTP API."""

from urllib.parse import quote

from netwright.client.errors import ApiError


def segment(name: str) -> str:
    """One part of a path; it never becomes several, nor leads out of the folder that it stands in.

    >>> segment("user:mlp@6c59")
    'user%3Amlp%406c59'

    Raises:
        ApiError: 404 for what names nothing on any server. Servers decode a path before they follow it, so
            a quoted slash would still part it.
    """
    if name in ("", ".", "..") or "/" in name:
        raise ApiError(404, "Not Found", f"there is no {name!r}")
    return quote(name, safe="", errors="replace")
