"""Bybit's own host names, answered by the simulator: for clients that cannot be pointed anywhere else.

An HTTP proxy that takes CONNECT, ends TLS itself under a certificate made for this run, and passes the bytes on. Clients
find it by the variables every one of them reads (HTTPS_PROXY and the ones for certificates); nothing in them is changed.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from simulator.certificate import self_signed

HOSTS = ("*.bybit.com",)


@asynccontextmanager
async def doorway(port: int, folder: Path) -> AsyncIterator[dict[str, str]]:
    """Environment variables under which a client's `*.bybit.com` is 127.0.0.1:`port`; any other host is refused."""
    certificate = self_signed(folder, HOSTS)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    under_way: set[asyncio.Task[None]] = set()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        under_way.add(task)
        with suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await _serve(reader, writer, context, port)
        writer.transport.abort()
        under_way.discard(task)

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    proxy = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield {
            "HTTPS_PROXY": proxy,
            "https_proxy": proxy,
            "NO_PROXY": "",
            "no_proxy": "",
            "REQUESTS_CA_BUNDLE": str(certificate),
            "WEBSOCKET_CLIENT_CA_BUNDLE": str(certificate),
            "SSL_CERT_FILE": str(certificate),
        }
    finally:
        server.close()
        for task in tuple(under_way):
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await asyncio.sleep(0.05)  # for what was aborted to be gone


async def _serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext, port: int
) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    verb, target, _ = head.split(" ", 2)
    host = target.rpartition(":")[0]
    if verb != "CONNECT" or not host.endswith(".bybit.com"):
        writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        await writer.drain()
        return
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await writer.drain()
    await writer.start_tls(context)
    onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", port)
    ways = [asyncio.create_task(_pass_on(*way)) for way in ((reader, onward_writer), (onward_reader, writer))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        onward_writer.transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
