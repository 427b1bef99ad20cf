"""Refuses changes by pages of other origins (cross-site request forgery).

The rule is that of Go's ``http.CrossOriginProtection``: browsers say in ``Sec-Fetch-Site`` whether a request
is of the same origin; older ones send ``Origin``, which must name the host that was asked; what sends neither
is no browser.
"""

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from service.http.problems import Problem, problem_response

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class OriginCheck:
    """ASGI middleware: 403 for a request that changes something and comes from a page of another origin."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS and _is_foreign(scope):
            detail = "pages of other origins may not change anything here"
            await problem_response(Problem(403, detail, kind="foreign-origin"))(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _is_foreign(scope: Scope) -> bool:
    said: dict[bytes, list[str]] = {b"host": [], b"origin": [], b"sec-fetch-site": []}
    for name, value in scope["headers"]:
        if name in said:
            said[name].append(value.decode("latin-1"))
    if sites := said[b"sec-fetch-site"]:
        return any(site not in ("same-origin", "none") for site in sites)
    return any(not _same_host(origin, "".join(said[b"host"])) for origin in said[b"origin"])


def _same_host(origin: str, host: str) -> bool:
    """Whether an origin is of the host that was asked; the scheme a proxy may have changed."""
    try:
        named = urlsplit(origin).netloc
    except ValueError:
        return False
    return bool(named) and named.lower() == host.lower()
