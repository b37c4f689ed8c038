"""Exchange accounts. A secret goes in and never comes out."""

from enum import StrEnum
from typing import Annotated, Literal, get_args
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, SecretStr

from backstop.contracts.base import Incoming, Moment, Number, Outgoing, PositiveNumber
from backstop.contracts.strategies import SymbolText
from backstop.domain.limits import HaltLevel
from backstop.domain.modes import MarginMode


class Environment(StrEnum):
    SIMULATOR = "simulator"
    DEMO = "demo"
    TESTNET = "testnet"
    MAINNET = "mainnet"


class AccountStatus(StrEnum):
    CONNECTING = "connecting"
    ACTIVE = "active"
    PAUSED = "paused"


class NewAccount(Incoming):
    label: Annotated[str, Field(min_length=1, max_length=60)]
    environment: Environment
    api_key: Annotated[SecretStr, Field(min_length=4, max_length=128)]
    api_secret: Annotated[SecretStr, Field(min_length=4, max_length=4096)]


Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ClockTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["09:30"])]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError('must be a time zone like "UTC" or "Europe/Berlin"') from None
    return name


def _every_day() -> list[Weekday]:
    return list(get_args(Weekday))


class TradingWindow(Incoming):
    """From `start` until `end` on these days, by the clock of `zone`. One that ends before it starts goes on into the next
    day; one that ends when it starts takes the whole day."""

    days: Annotated[list[Weekday], Field(min_length=1, max_length=7)] = Field(
        default_factory=lambda: list(get_args(Weekday))
    )
    start: ClockTime
    end: ClockTime
    zone: Annotated[str, Field(max_length=64), AfterValidator(_zone)] = "UTC"


class AccountLimits(Incoming):
    """Rails around an account; null is no limit. They stop entries only: exits always go through."""

    daily_loss_pct: Annotated[Number, Field(gt=0, le=100)] | None = None
    max_open_positions: Annotated[int, Field(ge=1, le=1000)] | None = None
    max_notional: PositiveNumber | None = None
    max_orders_per_minute: Annotated[int, Field(ge=1, le=600)] | None = None
    max_orders_per_day: Annotated[int, Field(ge=1, le=100_000)] | None = None
    cooldown_s: Annotated[int, Field(ge=1, le=7 * 86_400)] | None = None
    max_position_notional: PositiveNumber | None = None
    max_leverage: Annotated[Number, Field(ge=1, le=100)] | None = None
    symbols: Annotated[list[SymbolText], Field(min_length=1, max_length=500)] | None = None
    windows: Annotated[list[TradingWindow], Field(min_length=1, max_length=50)] | None = None


class AccountChange(Incoming):
    """Only what is named changes; `limits` replaces all of them."""

    label: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    limits: AccountLimits | None = None


class HaltOrder(Incoming):
    """`no_entries`: nothing new · `reduce_only`: nothing that adds either · `flatten`: close everything too.
    Without `account_id`, all of your accounts."""

    level: HaltLevel
    account_id: UUID | None = None


class ResumeOrder(Incoming):
    """Without `account_id`, all of your accounts."""

    account_id: UUID | None = None


class HaltAccepted(Outgoing):
    command_ids: list[UUID] = Field(description="One for each account.")


class HaltState(Outgoing):
    """In force until resumed, across restarts."""

    level: HaltLevel
    reason: str
    at: Moment


class Account(Outgoing):
    id: UUID
    label: str
    environment: Environment
    api_key_last4: str
    status: AccountStatus
    status_reason: str | None = Field(description="Why it is paused, and what to do.")
    equity: str | None = Field(description="USDT, as last read at the exchange.")
    limits: AccountLimits
    margin_mode: MarginMode | None = Field(description="As last read at the exchange.")
    hedged_symbols: list[str] = Field(
        description="In hedge mode at the exchange: a long and a short may be held at once."
    )
    halt: HaltState | None
    version: int = Field(default=1, description="Of label and limits; rises by one with each change.")
    created_at: Moment
