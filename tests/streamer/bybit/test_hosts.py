"""Where each environment lives."""

import pytest

from streamer.bybit.hosts import Hosts, hosts_of


@pytest.mark.parametrize(
    ("environment", "rest", "public", "private"),
    [
        ("mainnet", "api.bybit.com", "stream.bybit.com", "stream.bybit.com"),
        ("testnet", "api-testnet.bybit.com", "stream-testnet.bybit.com", "stream-testnet.bybit.com"),
        ("demo", "api-demo.bybit.com", "stream.bybit.com", "stream-demo.bybit.com"),
    ],
)
def test_hosts_of_bybit(environment: str, rest: str, public: str, private: str) -> None:
    assert hosts_of(environment, {}) == Hosts(
        f"https://{rest}", f"wss://{public}/v5/public/linear", f"wss://{private}/v5/private"
    )


def test_variables_never_move_a_real_environment() -> None:
    elsewhere = {"BACKSTOP_BYBIT_REST_URL": "http://127.0.0.1:1"}
    assert hosts_of("mainnet", elsewhere) == hosts_of("mainnet", {})


def test_simulator_is_local_unless_told_otherwise() -> None:
    assert hosts_of("simulator", {}) == Hosts(
        "http://127.0.0.1:8100", "ws://127.0.0.1:8100/v5/public/linear", "ws://127.0.0.1:8100/v5/private"
    )
    told = {
        "BACKSTOP_BYBIT_REST_URL": "http://127.0.0.1:1",
        "BACKSTOP_BYBIT_PUBLIC_WS_URL": "ws://127.0.0.1:2",
        "BACKSTOP_BYBIT_PRIVATE_WS_URL": "ws://127.0.0.1:3",
    }
    assert hosts_of("simulator", told) == Hosts("http://127.0.0.1:1", "ws://127.0.0.1:2", "ws://127.0.0.1:3")


def test_unknown_environment_has_no_hosts() -> None:
    with pytest.raises(KeyError):
        hosts_of("moon", {})
