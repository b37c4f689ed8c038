"""Real requests through the gateway and a real Lambda process."""

import asyncio
import io
import os

import pytest
from yarl import URL

from tests.infra.gateway.conftest import Gateway
from tests.infra.gateway.sample_app import PIXEL


async def test_a_function_sees_the_request_as_rest_proxy_event_v1(gateway: Gateway) -> None:
    headers = {"X-Thing": "1", "User-Agent": "tester", "X-Forwarded-For": "9.9.9.9"}
    async with gateway.http.get("/api/event?a=1&a=2&b=x%20y&c=", headers=headers) as answer:
        event = await answer.json()
    assert (event["resource"], event["path"], event["httpMethod"]) == ("/api/event", "/api/event", "GET")
    assert event["queryStringParameters"] == {"a": "2", "b": "x y", "c": ""}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": ["x y"], "c": [""]}
    assert event["headers"]["X-Thing"] == "1"
    assert event["multiValueHeaders"]["X-Thing"] == ["1"]
    assert event["headers"]["X-Forwarded-For"] == "9.9.9.9, 127.0.0.1"
    assert event["pathParameters"] is None
    assert (event["body"], event["isBase64Encoded"]) == (None, False)
    context = event["requestContext"]
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert context["identity"]["userAgent"] == "tester"
    assert (context["resourcePath"], context["stage"], context["httpMethod"]) == ("/api/event", "local", "GET")
    assert context["requestId"]


async def test_repeated_headers_all_arrive(gateway: Gateway) -> None:
    async with gateway.http.get("/api/event", headers=[("X-Many", "1"), ("X-Many", "2")]) as answer:
        event = await answer.json()
    assert event["multiValueHeaders"]["X-Many"] == ["1", "2"]
    assert event["headers"]["X-Many"] == "2"


async def test_path_parameters_stay_percent_encoded(gateway: Gateway) -> None:
    async with gateway.http.get(URL(f"{gateway.url}/api/items/a%20b/parts/c%2Fd", encoded=True)) as answer:
        assert await answer.json() == {
            "item": "a%20b",
            "part": "c%2Fd",
            "resource": "/api/items/{item}/parts/{part}",
            "path": "/api/items/a%20b/parts/c%2Fd",
        }


async def test_a_fixed_segment_wins_over_a_parameter(gateway: Gateway) -> None:
    async with gateway.http.get("/api/items/newest") as answer:
        assert await answer.json() == {"newest": "yes"}


@pytest.mark.parametrize(
    ("content_type", "body", "is_base64"),
    [
        ("text/plain", b"buy BTCUSDT \xe2\x82\xac", False),
        ("application/json", b'{"a": 1}', False),
        ("application/octet-stream", b"plain", True),
        ("text/plain", b"\xff\xfe\x00", True),
    ],
)
async def test_bodies_pass_both_ways_unchanged(
    gateway: Gateway, content_type: str, body: bytes, is_base64: bool
) -> None:
    headers = {"Content-Type": content_type, "Accept": "application/octet-stream"}
    async with gateway.http.post("/api/event", data=body, headers=headers) as answer:
        assert (await answer.json())["isBase64Encoded"] is is_base64
    async with gateway.http.post("/api/echo", data=body, headers=headers) as answer:
        assert await answer.read() == body


async def test_a_megabyte_passes_both_ways(gateway: Gateway) -> None:
    body = os.urandom(1024 * 1024)
    headers = {"Content-Type": "application/octet-stream", "Accept": "application/octet-stream"}
    async with gateway.http.post("/api/echo", data=body, headers=headers) as answer:
        assert await answer.read() == body


async def test_a_binary_answer_arrives_as_bytes(gateway: Gateway) -> None:
    async with gateway.http.get("/api/pixel", headers={"Accept": "image/png"}) as answer:
        assert (answer.content_type, await answer.read()) == ("image/png", PIXEL)


async def test_every_cookie_is_set(gateway: Gateway) -> None:
    async with gateway.http.get("/api/cookies") as answer:
        assert answer.status == 204
        assert answer.headers.getall("Set-Cookie") == ["a=1; HttpOnly", "b=2"]


async def test_a_body_over_ten_megabytes_is_413(gateway: Gateway) -> None:
    async with gateway.http.post("/api/echo", data=io.BytesIO(bytes(10 * 1024 * 1024 + 1))) as answer:
        assert (answer.status, (await answer.json())["code"]) == (413, "body_too_large")


async def test_an_unknown_path_is_404(gateway: Gateway) -> None:
    async with gateway.http.get("/api/nowhere") as answer:
        assert (answer.status, answer.content_type) == (404, "application/problem+json")
        assert (await answer.json())["message"] == "Not Found"


async def test_another_method_is_405_and_names_the_right_ones(gateway: Gateway) -> None:
    async with gateway.http.delete("/api/event") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, POST, PUT")


async def test_the_gateway_answers_preflight_for_routes_with_cors(gateway: Gateway) -> None:
    async with gateway.http.options("/api/open") as answer:
        assert answer.status == 200
        assert answer.headers["Access-Control-Allow-Origin"] == "https://a.example"
        assert answer.headers["Access-Control-Allow-Methods"] == "GET,OPTIONS"
        assert answer.headers["Access-Control-Max-Age"] == "60"
    async with gateway.http.options("/api/event") as answer:
        assert answer.status == 405


async def test_a_crash_is_502_and_the_next_request_is_served(gateway: Gateway) -> None:
    for _ in range(3):  # more crashes than instances
        async with gateway.http.post("/api/crash") as answer:
            assert (answer.status, (await answer.json())["message"]) == (502, "Internal server error")
    async with gateway.http.get("/api/pid") as answer:
        assert answer.status == 200


async def test_instances_are_processes_of_their_own_and_work_side_by_side(gateway: Gateway) -> None:
    async def held() -> int:
        async with gateway.http.get("/api/held?together=2") as answer:
            pid: int = (await answer.json())["pid"]
            return pid

    pids = await asyncio.gather(held(), held())
    assert len({*pids, os.getpid()}) == 3


@pytest.mark.parametrize("timeout_s", [1.0])
async def test_a_function_that_hangs_is_504_and_replaced(gateway: Gateway) -> None:
    async with gateway.http.post("/api/hang") as answer:
        assert (answer.status, (await answer.json())["message"]) == (504, "Endpoint request timed out")
    async with gateway.http.post("/api/hang") as answer:
        assert answer.status == 504
