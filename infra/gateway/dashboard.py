"""The built dashboard's files, with the headers its CloudFront distribution would add."""

import re
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

_HASHED = "public, max-age=31536000, immutable"
_FRESH = "no-cache"
_HOST = re.compile(r"[A-Za-z0-9.\-]+(:\d{1,5})?|\[[0-9a-fA-F:]+\](:\d{1,5})?")

_NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Backstop</title>
<body style="font-family: system-ui; max-width: 34rem; margin: 15vh auto; line-height: 1.6">
<h1>The dashboard is not built yet</h1>
<p>The API answers at <code>/api</code>. To build the dashboard, run <code>make dashboard</code>
and reload this page.</p>
"""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Everything that is neither /api, /ws nor /@connections."""

    folder: Path

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """A file, or index.html for the paths the app routes itself."""
        index = self.folder / "index.html"
        if not index.is_file():
            page = web.Response(status=503, text=_NOT_BUILT, content_type="text/html", charset="utf-8")
            return _with_headers(page, request.host, "no-store")
        wanted = (self.folder / request.path.lstrip("/")).resolve()
        if not wanted.is_relative_to(self.folder.resolve()):
            raise web.HTTPNotFound
        if wanted.is_file():
            hashed = request.path.startswith("/assets/")
            return _with_headers(web.FileResponse(wanted), request.host, _HASHED if hashed else _FRESH)
        if "." in wanted.name:  # a file that is missing, not a page
            raise web.HTTPNotFound
        return _with_headers(web.FileResponse(index), request.host, _FRESH)


def content_security_policy(host: str) -> str:
    """What the dashboard may load. `host` is the Host header: a socket to the same place is allowed."""
    socket = f" ws://{host}" if _HOST.fullmatch(host) else ""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
        f" font-src 'self'; connect-src 'self'{socket}; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'"
    )


def _with_headers(response: web.StreamResponse, host: str, cache: str) -> web.StreamResponse:
    response.headers["Cache-Control"] = cache
    response.headers["Content-Security-Policy"] = content_security_policy(host)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return response
