"""Where each environment lives.

Source: Bybit V5, "Integration Guidance" and "Demo Trading Service" (demo takes its public data from mainnet).
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hosts:
    """`trade_ws` None: orders go by REST (demo has no trade socket)."""

    rest: str
    public_ws: str
    private_ws: str
    trade_ws: str | None = None


_BYBIT = {
    "mainnet": Hosts(
        "https://api.bybit.com",
        "wss://stream.bybit.com/v5/public/linear",
        "wss://stream.bybit.com/v5/private",
        "wss://stream.bybit.com/v5/trade",
    ),
    "testnet": Hosts(
        "https://api-testnet.bybit.com",
        "wss://stream-testnet.bybit.com/v5/public/linear",
        "wss://stream-testnet.bybit.com/v5/private",
        "wss://stream-testnet.bybit.com/v5/trade",
    ),
    "demo": Hosts(
        "https://api-demo.bybit.com",
        "wss://stream.bybit.com/v5/public/linear",
        "wss://stream-demo.bybit.com/v5/private",
    ),
}


def hosts_of(environment: str, variables: Mapping[str, str]) -> Hosts:
    """The addresses of an environment; those of `simulator` come from `BACKSTOP_BYBIT_*_URL`."""
    if environment != "simulator":
        return _BYBIT[environment]
    return Hosts(
        variables.get("BACKSTOP_BYBIT_REST_URL", "http://127.0.0.1:8100"),
        variables.get("BACKSTOP_BYBIT_PUBLIC_WS_URL", "ws://127.0.0.1:8100/v5/public/linear"),
        variables.get("BACKSTOP_BYBIT_PRIVATE_WS_URL", "ws://127.0.0.1:8100/v5/private"),
        variables.get("BACKSTOP_BYBIT_TRADE_WS_URL", "ws://127.0.0.1:8100/v5/trade") or None,
    )
