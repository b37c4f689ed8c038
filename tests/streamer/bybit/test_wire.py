"""One connection: what comes early, in parts, too large or not at all, and how its end is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from picows import WSError
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from streamer.bybit.wire import ConnectionLost, Wire, connect
from tests.streamer.bybit.conftest import until


@asynccontextmanager
async def wired(far_end: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[Wire]:
    async with serve(far_end, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        wire = await connect(f"ws://127.0.0.1:{port}/x", 5)
        yield wire
        await wire.close()


async def test_early_frames_are_taken_first_and_in_order() -> None:
    async def far_end(socket: ServerConnection) -> None:
        for number in range(5):
            await socket.send(str(number))
        await socket.recv()
        await socket.send("5")
        await socket.wait_closed()

    taken: list[bytes] = []
    async with wired(far_end) as wire:
        assert await wire.recv() == b"0"
        await until(lambda: wire._early.qsize() == 4)
        wire.listen(taken.append)
        assert taken == [b"1", b"2", b"3", b"4"]
        wire.send(b"go on")
        await until(lambda: len(taken) == 5)
    assert taken[-1] == b"5"


async def test_a_message_in_parts_is_put_together_and_pings_are_answered_between() -> None:
    heard: list[str] = []

    async def far_end(socket: ServerConnection) -> None:
        await socket.send(["a", "b", "c"])
        await (await socket.ping())
        await socket.send([b"d", b"e"])
        heard.append(str(await socket.recv()))
        await socket.wait_closed()

    async with wired(far_end) as wire:
        assert await wire.recv() == b"abc"
        assert await wire.recv() == b"de"
        wire.send(b'{"a":"\xc3\xa9"}')
        await until(lambda: heard == ['{"a":"é"}'])


async def test_a_message_without_end_is_refused() -> None:
    async def far_end(socket: ServerConnection) -> None:
        await socket.send(["x" * 2**20] * 5)
        await socket.wait_closed()

    async with wired(far_end) as wire:
        wire.listen(lambda _message: pytest.fail("it is no message"))
        assert "4194304" in str(await wire.ended())


async def test_why_it_ended_is_told_and_nothing_is_sent_any_more() -> None:
    async def far_end(socket: ServerConnection) -> None:
        await socket.close(4003, "enough")

    async with wired(far_end) as wire:
        with pytest.raises(ConnectionLost, match="4003 enough"):
            await wire.recv()
        assert isinstance(await wire.ended(), ConnectionLost)
        with pytest.raises(ConnectionLost):
            wire.send(b"x")


async def test_what_the_taker_raises_ends_it_and_is_told() -> None:
    async def far_end(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send("1")
        await socket.send("2")
        await socket.wait_closed()

    taken: list[bytes] = []

    def take(message: bytes) -> None:
        taken.append(message)
        raise ValueError("not understood")

    async with wired(far_end) as wire:
        wire.listen(take)
        wire.send(b"go")
        assert str(await wire.ended()) == "not understood"
    assert taken == [b"1"], "after a fault nothing more is taken"


async def test_a_cut_is_told_at_once_and_an_abort_leaves_nothing_behind() -> None:
    async def far_end(socket: ServerConnection) -> None:
        await socket.recv()
        socket.transport.abort()

    async with wired(far_end) as wire:
        wire.send(b"x")
        assert isinstance(await wire.ended(), ConnectionLost)
    async with wired(lambda socket: socket.wait_closed()) as wire:
        wire.abort()
        with pytest.raises(ConnectionLost):
            wire.send(b"x")
        await wire.ended()


async def test_a_refused_handshake_is_an_error_that_tells_its_status() -> None:
    def refuse(_socket: ServerConnection, _request: Request) -> Response:
        return Response(503, "Service Unavailable", Headers(), b"")

    async with serve(lambda socket: socket.wait_closed(), "127.0.0.1", 0, process_request=refuse) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises((WSError, OSError), match="503"):
            await connect(f"ws://127.0.0.1:{port}/x", 5)


@pytest.mark.parametrize("hangs", [True, False])
async def test_whoever_does_not_answer_the_handshake_is_left(hangs: bool) -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await (reader.read() if hangs else reader.readline())
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises((TimeoutError, WSError, OSError)):
            await connect(f"ws://127.0.0.1:{port}/x", 0.2)
