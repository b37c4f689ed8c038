"""Proxy responses as HTTP."""

import pytest

from infra.gateway.responses import MalformedResponseError, http_response, problem


def test_headers_of_both_kinds_are_merged() -> None:
    answer = http_response(
        {"statusCode": 201, "headers": {"A": "1", "B": "x"}, "multiValueHeaders": {"A": ["1", "2"]}, "body": "é"}
    )
    assert answer.status == 201
    assert answer.headers == [("B", "x"), ("A", "1"), ("A", "2"), ("Content-Type", "application/json")]
    assert answer.body == "é".encode()


def test_base64_bodies_become_bytes() -> None:
    assert http_response({"statusCode": "200", "body": "AP8=", "isBase64Encoded": True}).body == b"\x00\xff"


def test_headers_of_the_hop_are_the_gateways() -> None:
    headers = {"Content-Length": "99", "Connection": "close", "Content-Type": "text/plain"}
    assert http_response({"statusCode": 200, "headers": headers}).headers == [("Content-Type", "text/plain")]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "text",
        {},
        {"statusCode": "many"},
        {"statusCode": 42},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "body": "!", "isBase64Encoded": True},
        {"statusCode": 200, "headers": {"A": "1\r\nB: 2"}},
        {"statusCode": 200, "headers": ["A"]},
    ],
)
def test_anything_else_is_malformed(answer: object) -> None:
    with pytest.raises(MalformedResponseError):
        http_response(answer)


def test_the_gateways_own_words_are_problem_json() -> None:
    said = problem(404, "not_found", "Not Found", {"Allow": "GET"})
    assert said.headers == [("Content-Type", "application/problem+json"), ("Allow", "GET")]
    assert b'"code": "not_found"' in said.body
