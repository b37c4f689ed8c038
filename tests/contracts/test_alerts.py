"""The native alert: what its fields may say, and how they are read."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from backstop.contracts.alerts import NativeAlert
from backstop.contracts.live import ClientMessage, Hello, Ping


def alert(**fields: Any) -> NativeAlert:
    return NativeAlert.model_validate({"secret": "hush", "action": "buy", "symbol": "BTCUSDT", **fields})


def test_the_documented_example_is_read() -> None:
    read = alert(
        qty="0.01",
        stop_loss="64000",
        take_profit=[{"at": "2%", "portion": "50%"}],
        leverage=5,
        position="long",
        prev_position="flat",
        id="a1",
        time="2026-11-24T00:00:00Z",
    )
    assert read.model_dump(mode="json", exclude={"secret"}) == {
        "action": "buy",
        "symbol": "BTCUSDT",
        "qty": "0.01",
        "sizing": None,
        "only": None,
        "stop_loss": "64000",
        "take_profit": [{"at": "2%", "portion": "50%"}],
        "trailing": None,
        "trigger_by": None,
        "entry": None,
        "leverage": "5",
        "position": "long",
        "prev_position": "flat",
        "id": "a1",
        "time": "2026-11-24T00:00:00Z",
    }


@pytest.mark.parametrize(
    ("field", "sent", "read"),
    [
        ("action", " BUY ", "buy"),
        ("symbol", "BYBIT:BTCUSDT.P", "BTCUSDT"),
        ("stop_loss", 64000, "64000"),
        ("stop_loss", 64000.5, "64000.5"),
        ("take_profit", "3%", [{"at": "3%", "portion": "100%"}]),
        ("take_profit", 70000, [{"at": "70000", "portion": "100%"}]),
        ("qty", 0.01, "0.01"),
        ("position", "Flat", "flat"),
    ],
)
def test_what_senders_write_otherwise_is_read_too(field: str, sent: object, read: object) -> None:
    assert alert(**{field: sent}).model_dump(mode="json")[field] == read


def test_the_secret_does_not_show_itself() -> None:
    assert "hush" not in repr(alert())
    assert "hush" not in alert().model_dump_json()


def test_a_parsed_alert_reads_back_as_itself() -> None:
    stored = alert(qty="0.010", take_profit="3%", time="2026-11-24T00:00:00+02:00").model_dump(mode="json")
    assert alert(**{**stored, "secret": "hush"}).model_dump(mode="json") == stored


@given(fields=st.dictionaries(st.text(max_size=8), st.text(max_size=8), min_size=1))
def test_unknown_fields_are_never_dropped(fields: dict[str, str]) -> None:
    unknown = {name: text for name, text in fields.items() if name not in NativeAlert.model_fields}
    if unknown:
        with pytest.raises(ValidationError) as caught:
            alert(**unknown)
        assert {error["loc"][0] for error in caught.value.errors()} == set(unknown)


def test_clients_say_hello_or_ping() -> None:
    assert ClientMessage.model_validate({"action": "hello", "last_seq": 4}).root == Hello(action="hello", last_seq=4)
    assert ClientMessage.model_validate({"action": "ping"}).root == Ping(action="ping")
