"""Real WebSocket clients, and boto3 on the management API."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import boto3
import pytest
from botocore.config import Config
from types_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from infra.gateway.link import Limits
from tests.infra.gateway.conftest import Gateway


class Client:
    """boto3's client of the gateway, off the event loop."""

    def __init__(self, inner: ApiGatewayManagementApiClient) -> None:
        self._inner = inner
        self.exceptions = inner.exceptions

    async def post(self, connection_id: str, data: bytes) -> None:
        await asyncio.to_thread(self._inner.post_to_connection, ConnectionId=connection_id, Data=data)

    async def get(self, connection_id: str) -> Any:
        return await asyncio.to_thread(self._inner.get_connection, ConnectionId=connection_id)

    async def delete(self, connection_id: str) -> None:
        await asyncio.to_thread(self._inner.delete_connection, ConnectionId=connection_id)


@pytest.fixture
def management(gateway: Gateway) -> Iterator[Client]:
    inner = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=gateway.url,
        region_name="us-east-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",
        config=Config(retries={"total_max_attempts": 1}),
    )
    yield Client(inner)
    inner.close()


def noted(gateway: Gateway) -> list[dict[str, Any]]:
    file = gateway.folder / "events.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


async def noted_last(gateway: Gateway, kind: str) -> dict[str, Any]:
    """The newest event of a kind, once there is one."""
    async with asyncio.timeout(20):
        while True:
            found = [it for it in noted(gateway) if it["requestContext"]["eventType"] == kind]
            if found:
                return found[-1]
            await asyncio.sleep(0.01)


@asynccontextmanager
async def connected(gateway: Gateway, query: str = "") -> AsyncIterator[tuple[ClientConnection, str]]:
    """An open socket and its connection id."""
    url = gateway.url.replace("http", "ws", 1) + f"/ws{query}"
    async with connect(url, user_agent_header="tester", compression=None, max_size=None) as socket:
        yield socket, (await noted_last(gateway, "CONNECT"))["requestContext"]["connectionId"]


async def test_connect_message_and_disconnect_reach_their_functions(gateway: Gateway) -> None:
    async with connected(gateway, "?ticket=t%201&ticket=t2") as (socket, connection_id):
        await socket.send("hello")
        assert await socket.recv() == "heard hello"
        await socket.close(4000, "had enough")
    gone = await noted_last(gateway, "DISCONNECT")
    came, said, gone = noted(gateway)
    assert came["queryStringParameters"] == {"ticket": "t2"}
    assert came["multiValueQueryStringParameters"] == {"ticket": ["t 1", "t2"]}
    assert came["headers"]["Host"] == came["requestContext"]["domainName"] == gateway.url.removeprefix("http://")
    assert [it["requestContext"]["routeKey"] for it in (came, said, gone)] == ["$connect", "$default", "$disconnect"]
    assert {it["requestContext"]["connectionId"] for it in (came, said, gone)} == {connection_id}
    assert len({it["requestContext"]["connectedAt"] for it in (came, said, gone)}) == 1
    assert came["requestContext"]["identity"] == {"sourceIp": "127.0.0.1", "userAgent": "tester"}
    assert (said["body"], said["isBase64Encoded"]) == ("hello", False)
    assert said["requestContext"]["messageId"]
    assert gone["requestContext"]["disconnectStatusCode"] == 4000
    assert gone["requestContext"]["disconnectReason"] == "had enough"


@pytest.mark.parametrize("status", [401, 403, 500])
async def test_connect_is_refused_with_the_functions_status(gateway: Gateway, status: int) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connected(gateway, f"?answer={status}"):
            pass
    assert refused.value.response.status_code == status


async def test_a_plain_request_to_the_socket_is_told_to_upgrade(gateway: Gateway) -> None:
    async with gateway.http.get("/ws") as answer:
        assert answer.status == 426
    assert noted(gateway) == []


async def test_messages_of_one_client_stay_in_order(gateway: Gateway) -> None:
    async with connected(gateway) as (socket, _):
        sent = [str(number) for number in range(100)]
        for text in sent:
            await socket.send(text)
        assert [await socket.recv() for _ in sent] == [f"heard {text}" for text in sent]


async def test_a_failing_message_function_is_reported_and_the_socket_lives(gateway: Gateway) -> None:
    async with connected(gateway) as (socket, connection_id):
        await socket.send("fail")
        report = json.loads(await socket.recv())
        assert (report["message"], report["connectionId"]) == ("Internal server error", connection_id)
        await socket.send("again")
        assert await socket.recv() == "heard again"


async def test_a_posted_message_comes_in_frames_of_32_kb(gateway: Gateway, management: Client) -> None:
    async with connected(gateway) as (socket, connection_id):
        text = "é" * (64 * 1024)  # 128 KB, and no frame may split it wrongly
        await management.post(connection_id, text.encode())
        parts = [part async for part in socket.recv_streaming(decode=False)]
        assert [len(part) for part in parts] == [32 * 1024] * 4
        assert b"".join(parts).decode() == text


async def test_more_than_128_kb_cannot_be_posted(gateway: Gateway, management: Client) -> None:
    async with connected(gateway) as (_, connection_id):
        with pytest.raises(management.exceptions.PayloadTooLargeException):
            await management.post(connection_id, bytes(128 * 1024 + 1))


async def test_a_connection_is_described(gateway: Gateway, management: Client) -> None:
    async with connected(gateway) as (_, connection_id):
        found = await management.get(connection_id)
        assert found["Identity"] == {"SourceIp": "127.0.0.1", "UserAgent": "tester"}
        assert datetime.now(UTC) - found["ConnectedAt"] < timedelta(minutes=5)
        assert found["LastActiveAt"] >= found["ConnectedAt"]


async def test_a_deleted_connection_is_closed_and_gone(gateway: Gateway, management: Client) -> None:
    async with connected(gateway) as (socket, connection_id):
        await management.delete(connection_id)
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        for call in (management.get, management.delete):
            with pytest.raises(management.exceptions.GoneException):
                await call(connection_id)
    await noted_last(gateway, "DISCONNECT")


async def test_unknown_and_closed_connections_are_gone(gateway: Gateway, management: Client) -> None:
    with pytest.raises(management.exceptions.GoneException):
        await management.post("never=", b"x")
    async with connected(gateway) as (socket, connection_id):
        await socket.close()
    await noted_last(gateway, "DISCONNECT")
    with pytest.raises(management.exceptions.GoneException):
        await management.post(connection_id, b"x")


async def test_a_frame_over_32_kb_closes_with_1009(gateway: Gateway) -> None:
    async with connected(gateway) as (socket, _):
        await socket.send("x" * (32 * 1024))
        await socket.recv()
        await socket.send("x" * (32 * 1024 + 1))
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1009


async def test_a_message_over_128_kb_closes_with_1009(gateway: Gateway) -> None:
    async with connected(gateway) as (socket, _):
        await socket.send(["x" * (32 * 1024)] * 3)
        await socket.recv()
        with pytest.raises(ConnectionClosed):
            await socket.send(["x" * (32 * 1024)] * 5)
            await socket.recv()
        assert socket.close_code == 1009
    assert (await noted_last(gateway, "DISCONNECT"))["requestContext"]["disconnectStatusCode"] == 1009


async def test_binary_messages_are_refused(gateway: Gateway) -> None:
    async with connected(gateway) as (socket, _):
        await socket.send(b"\x00")
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1003


@pytest.mark.parametrize("limits", [Limits(idle_s=0.2), Limits(lifetime_s=0.2)])
@pytest.mark.fault(58)
async def test_a_connection_ends_at_its_limit(gateway: Gateway) -> None:
    async with connected(gateway) as (socket, _):
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1001
    await noted_last(gateway, "DISCONNECT")


async def test_a_client_that_vanishes_is_1006(gateway: Gateway) -> None:
    async with connected(gateway) as (socket, _):
        socket.transport.abort()
        assert (await noted_last(gateway, "DISCONNECT"))["requestContext"]["disconnectStatusCode"] == 1006


async def test_another_client_library_works_too(gateway: Gateway) -> None:
    async with gateway.http.ws_connect("/ws") as socket:
        await socket.send_str("hi")
        answer = await socket.receive()
        assert (answer.type, answer.data) == (aiohttp.WSMsgType.TEXT, "heard hi")
        await socket.send_str("big 50000")
        assert len((await socket.receive()).data) == 50000
