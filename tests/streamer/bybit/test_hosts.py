"""Where each environment lives."""

import pytest

from streamer.bybit.hosts import Hosts, hosts_of


@pytest.mark.parametrize(
    ("environment", "rest", "public", "private", "trade"),
    [
        ("mainnet", "api.bybit.com", "stream.bybit.com", "stream.bybit.com", "wss://stream.bybit.com/v5/trade"),
        (
            "testnet",
            "api-testnet.bybit.com",
            "stream-testnet.bybit.com",
            "stream-testnet.bybit.com",
            "wss://stream-testnet.bybit.com/v5/trade",
        ),
        ("demo", "api-demo.bybit.com", "stream.bybit.com", "stream-demo.bybit.com", None),
    ],
)
def test_hosts_of_bybit(environment: str, rest: str, public: str, private: str, trade: str | None) -> None:
    """Demo takes its public data from mainnet, and has no trade socket."""
    assert hosts_of(environment, {}) == Hosts(
        f"https://{rest}", f"wss://{public}/v5/public/linear", f"wss://{private}/v5/private", trade
    )


def test_variables_never_move_a_real_environment() -> None:
    elsewhere = {"BACKSTOP_BYBIT_REST_URL": "http://127.0.0.1:1"}
    assert hosts_of("mainnet", elsewhere) == hosts_of("mainnet", {})


def test_simulator_is_local_unless_told_otherwise() -> None:
    assert hosts_of("simulator", {}) == Hosts(
        "http://127.0.0.1:8100",
        "ws://127.0.0.1:8100/v5/public/linear",
        "ws://127.0.0.1:8100/v5/private",
        "ws://127.0.0.1:8100/v5/trade",
    )
    told = {
        "BACKSTOP_BYBIT_REST_URL": "http://127.0.0.1:1",
        "BACKSTOP_BYBIT_PUBLIC_WS_URL": "ws://127.0.0.1:2",
        "BACKSTOP_BYBIT_PRIVATE_WS_URL": "ws://127.0.0.1:3",
        "BACKSTOP_BYBIT_TRADE_WS_URL": "ws://127.0.0.1:4",
    }
    assert hosts_of("simulator", told) == Hosts(
        "http://127.0.0.1:1", "ws://127.0.0.1:2", "ws://127.0.0.1:3", "ws://127.0.0.1:4"
    )
    assert hosts_of("simulator", told | {"BACKSTOP_BYBIT_TRADE_WS_URL": ""}).trade_ws is None


def test_unknown_environment_has_no_hosts() -> None:
    with pytest.raises(KeyError):
        hosts_of("moon", {})
