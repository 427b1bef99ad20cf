"""``/docs``: the OpenAPI document for reading, with Swagger UI's files from a package and not from a CDN."""

import base64
import hashlib
import re
from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

ASSETS = "/docs/assets"


def add_docs(app: FastAPI) -> None:
    """Adds the page, the document and the files that it needs; the browser talks to this server alone."""
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=f"{app.title} API",
        swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{ASSETS}/favicon.png",
    )

    page.headers["Content-Security-Policy"] = _policy(bytes(page.body).decode())

    document: list[bytes] = []

    def openapi() -> Response:
        # Rendered once: it takes several milliseconds of every request otherwise.
        if not document:
            document.append(bytes(JSONResponse(app.openapi()).body))
        return Response(document[0], media_type="application/json")

    def docs() -> HTMLResponse:
        return page

    app.add_api_route("/openapi.json", openapi, include_in_schema=False)
    app.mount(ASSETS, StaticFiles(directory=_folder()), name="docs assets")
    app.add_api_route("/docs", docs, include_in_schema=False)


def _policy(html: str) -> str:
    """What the page may load: this server's files, and the scripts in it, known by their hashes."""
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(["'self'", *(f"'sha256-{digest}'" for digest in digests)])
    # Swagger UI sets styles of elements and draws its icons from data: addresses.
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _folder() -> Path:
    """Where the package that carries Swagger UI has its files; its code is not used."""
    spec = find_spec("fastapi_offline")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "static"
