"""Host names that the API answers to, so that DNS rebinding does not reach it.

A page in a user's browser may have a domain of its own resolve to this machine (DNS rebinding), and is then
of one origin with the API; only the ``Host`` header shows the other name.
"""

import ipaddress
from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from service.http.problems import Problem, problem_response

EXEMPT = frozenset({"/healthz", "/readyz"})
"""What supervisors ask, by whatever address they have; nothing of anybody's is in it."""


class HostCheck:
    """ASGI middleware: 421 for a request under a name that is not the API's.

    Always allowed are the names of the loopback and the address on which the connection came in.

    Args:
        app: what is protected.
        hosts: further names, without ports: ``api.example.org``; ``*.example.org``: all below; ``*``: all.
    """

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str]) -> None:
        self.app = app
        self.hosts = frozenset(host.strip().strip("[]").rstrip(".").lower() for host in hosts) - {""}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in EXEMPT:
            problem = self._wrong(scope)
            if problem is not None:
                await problem_response(problem)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _wrong(self, scope: Scope) -> Problem | None:
        named = [value for name, value in scope["headers"] if name == b"host"]
        if len(named) != 1:
            return Problem(400, "a request must have one Host header")
        authority = named[0].decode("latin-1")
        server = scope.get("server")
        if self._allows(host_of(authority), None if server is None else str(server[0]).lower()):
            return None
        detail = f"{authority[:100]!r} is no name of this service; NETWRIGHT_HOSTS lists those that it has"
        return Problem(421, detail, kind="unknown-host")

    def _allows(self, host: str, address: str | None) -> bool:
        if host == address or "*" in self.hosts or host in self.hosts or _is_loopback(host):
            return True
        _, dot, parent = host.partition(".")
        while dot:
            if f"*.{parent}" in self.hosts:
                return True
            _, dot, parent = parent.partition(".")
        return False


def host_of(authority: str) -> str:
    """The name in ``name:port``, in lower case and without brackets and a last dot.

    >>> host_of("Example.org:80"), host_of("[::1]:8000"), host_of("example.org.")
    ('example.org', '::1', 'example.org')
    """
    bracketed, plain = authority[1:].partition("]")[0], authority.partition(":")[0]
    host = bracketed if authority.startswith("[") else plain
    return host.rstrip(".").lower()


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
