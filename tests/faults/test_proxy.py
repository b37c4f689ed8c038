"""The proxy does to connections what it says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.faults.proxy import Proxy, Weather, proxy_to


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, proxy_to("127.0.0.1", server.sockets[0].getsockname()[1]) as one:
        yield one


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Ends]]


@pytest.fixture
async def connect(proxy: Proxy) -> AsyncIterator[Connect]:
    opened: list[Ends] = []

    async def one() -> Ends:
        opened.append(await asyncio.open_connection("127.0.0.1", proxy.listening_on))
        return opened[-1]

    yield one
    for _, writer in opened:
        writer.transport.abort()


async def echoed(ends: Ends, data: bytes) -> bytes:
    ends[1].write(data)
    return await ends[0].readexactly(len(data))


async def test_bytes_pass_both_ways(proxy: Proxy, connect: Connect) -> None:
    assert await echoed(await connect(), b"x" * 200_000) == b"x" * 200_000


@pytest.mark.parametrize("weather", [Weather(slices=3), Weather(latency_s=0.01)], ids=["slices", "latency"])
async def test_slices_and_latency_lose_nothing(proxy: Proxy, weather: Weather, connect: Connect) -> None:
    proxy.weather = weather
    assert await echoed(await connect(), b"0123456789") == b"0123456789"


async def test_a_black_hole_takes_and_never_gives(proxy: Proxy, connect: Connect) -> None:
    ends = await connect()
    await echoed(ends, b"before")
    proxy.weather.black_hole = True
    ends[1].write(b"into")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ends[0].read(1), 0.1)
    proxy.mend()
    with pytest.raises(ConnectionResetError):
        await ends[0].read(1)


async def test_a_reset_is_one(proxy: Proxy, connect: Connect) -> None:
    ends = await connect()
    await echoed(ends, b"before")
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        await ends[0].read(1)
    assert await echoed(await connect(), b"after") == b"after"


async def test_it_cuts_after_so_many_bytes(proxy: Proxy, connect: Connect) -> None:
    proxy.weather.reset_after = 10
    ends = await connect()
    assert await echoed(ends, b"0123456789") == b"0123456789"
    ends[1].write(b"x")
    with pytest.raises(ConnectionResetError):
        await ends[0].read(1)


async def test_it_cuts_at_what_the_client_says(proxy: Proxy, connect: Connect) -> None:
    proxy.weather.reset_when = lambda data: b"COMMIT" in data
    ends = await connect()
    await echoed(ends, b"BEGIN")
    ends[1].write(b"COMMIT")
    with pytest.raises(ConnectionResetError):
        while await ends[0].read(1):
            pass
