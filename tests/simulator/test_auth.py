"""Signatures and time windows, by the vectors of the protocol notes."""

from __future__ import annotations

import pytest

from simulator.auth import check_signature, check_socket_login, check_window, sign

PREFIX = "1700000000000demoKey5000"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("category=linear&symbol=BTCUSDT", "0821d920f0f1c434af59e348aa8cc1303ba28fb8518710466a624b59b4063722"),
        (
            '{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Market","qty":"0.001"}',
            "9096b796df5c1bcd4a3a2daa8215ee19b123ec70225abfb29a420f82fb5e233b",
        ),
        ("", "b79a56ea9412d20217161941ba00263777687778e0c0effc8a917ad37e480ad1"),
    ],
)
def test_a_request_is_signed_over_time_key_window_and_payload(payload: str, expected: str) -> None:
    assert sign("demoSecret", PREFIX + payload) == expected
    assert check_signature("demoSecret", PREFIX + payload, expected) is None


def test_another_secret_is_refused_with_the_string_that_was_built() -> None:
    refusal = check_signature("other", PREFIX, sign("demoSecret", PREFIX))
    assert refusal is not None
    assert (refusal.code, PREFIX in refusal.message) == (10004, True)


@pytest.mark.parametrize("expires", ["1700000010000", 1700000010000])
def test_a_socket_login_takes_expires_as_text_and_as_number(expires: object) -> None:
    signature = "b2f2d9714c2843c76b94d56adc7a0f50abc300b1638a349520a60b1b12df2151"
    assert check_socket_login("demoSecret", expires, signature, 1_700_000_000_000) is None
    late = check_socket_login("demoSecret", expires, signature, 1_700_000_010_000)
    assert late is not None


@pytest.mark.parametrize(
    ("sent", "code"), [(5_000, None), (4_999, 10002), (10_999, None), (11_000, 10002), ("x", 10001)]
)
def test_the_window_reaches_back_recv_window_and_one_second_ahead(sent: object, code: int | None) -> None:
    refusal = check_window(sent, "5000", 10_000)
    assert (refusal.code if refusal else None) == code
