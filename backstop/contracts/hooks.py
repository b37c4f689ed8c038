"""What a webhook may ask for and who may send to it."""

from enum import StrEnum
from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field

from backstop.contracts.base import Incoming, Moment, Outgoing, PositiveNumber
from backstop.contracts.strategies import SymbolText
from backstop.domain.side import PositionSide
from backstop.domain.signal import Action

TRADINGVIEW_ADDRESSES = ("52.89.214.238/32", "34.212.75.30/32", "54.218.53.128/32", "52.32.178.7/32")
"""Source: TradingView's help, "How to configure webhook alerts". All its users share them."""


def _network(text: str) -> str:
    if text == "tradingview":
        return text
    try:
        return str(ip_network(text))
    except ValueError:
        raise ValueError('must be "tradingview", or a network like 203.0.113.0/24') from None


SourceText = Annotated[str, Field(max_length=50), AfterValidator(_network)]


class ClientCertificate(StrEnum):
    """`observe` notes TradingView's client certificate with the signal; `require` refuses alerts without."""

    OBSERVE = "observe"
    REQUIRE = "require"


class HookPolicy(Incoming):
    """Null or empty is no limit. What leaves a position is exempt from `sides`, `max_notional` and `max_per_day`.

    `symbols` narrow the strategy's own. `max_notional`: USDT of an alert that names its quantity. `max_per_day`: entries
    in 24 h. `sources`: networks alerts may come from, or `"tradingview"` for its published addresses.
    `require_signature`: the secret in the body does not do, see `POST /strategies/{strategy_id}/hook/signing-key`.
    """

    symbols: Annotated[list[SymbolText], Field(max_length=100)] = Field(default_factory=list)
    sides: Annotated[list[PositionSide], Field(max_length=2)] = Field(default_factory=list)
    actions: Annotated[list[Action], Field(max_length=5)] = Field(default_factory=list)
    max_notional: PositiveNumber | None = None
    max_per_day: Annotated[int, Field(ge=1, le=100_000)] | None = None
    max_per_minute: Annotated[int, Field(ge=1, le=6000)] = 600
    expires_at: Moment | None = None
    sources: Annotated[list[SourceText], Field(max_length=20)] = Field(default_factory=list)
    client_certificate: ClientCertificate = ClientCertificate.OBSERVE
    require_signature: bool = False


class Hook(Outgoing):
    webhook_url: str
    policy: HookPolicy
    previous_secret_until: Moment | None = Field(
        description="Until when the secret before the present one is taken too."
    )
    has_signing_key: bool


class SecretRotation(Incoming):
    """`overlap_s`: how long the old secret is taken beside the new one."""

    overlap_s: Annotated[int, Field(ge=0, le=86_400)] = 0


class SigningKey(Outgoing):
    """Send `X-Backstop-Timestamp` (UTC seconds) and `X-Backstop-Signature`: the hex of HMAC-SHA256 by this key over the
    timestamp, a dot and the body. Within 60 s; each signature counts once."""

    signing_key: str = Field(description="Shown this once.")
