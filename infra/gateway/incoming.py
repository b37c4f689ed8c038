"""What aiohttp received, as plain values."""

from aiohttp import web

from infra.gateway.events import HttpRequest


def http_request(request: web.BaseRequest, body: bytes, port: int) -> HttpRequest:
    """Copy a request; path and query as they were sent."""
    path, _, query = request.raw_path.partition("?")
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    return HttpRequest(
        method=request.method,
        path=path,
        query=query,
        headers=[
            (name.decode("utf-8", "surrogateescape"), value.decode("utf-8", "replace"))
            for name, value in request.raw_headers
        ],
        body=body,
        source_ip=peer[0] if peer else "127.0.0.1",
        host=request.host,
        port=port,
    )
