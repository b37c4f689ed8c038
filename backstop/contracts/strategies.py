"""Strategies: how an alert becomes an order, and how the position is protected."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from backstop.contracts.base import Incoming, Moment, Number, Outgoing, PositiveNumber, is_usual
from backstop.contracts.watch import SourceState, WatchSettings
from backstop.domain.instrument import read_symbol
from backstop.domain.protection import PriceSource, read_price_mark
from backstop.domain.strategy import OnOpposite, SizingMode


def _mark(text: str) -> str:
    mark = read_price_mark(text)
    if mark is None or not is_usual(mark.price or mark.share or Decimal(0)):
        raise ValueError('must be a distance like "1.5%" or a price like "64000"')
    return text


def _share(text: str) -> str:
    mark = read_price_mark(text)
    if mark is None or mark.share is None or not 0 < mark.share <= 1 or not is_usual(mark.share):
        raise ValueError('must be a share like "50%", above 0 and at most 100%')
    return text


def _symbol(text: str) -> str:
    symbol = read_symbol(text)
    if symbol is None:
        raise ValueError("must be a symbol like BTCUSDT, BYBIT:BTCUSDT.P or BTC/USDT:USDT")
    return symbol


PriceMarkText = Annotated[str, Field(max_length=40), AfterValidator(_mark)]
PortionText = Annotated[str, Field(max_length=20), AfterValidator(_share)]
SymbolText = Annotated[str, Field(max_length=40), AfterValidator(_symbol)]


class Sizing(Incoming):
    """`qty`: base coins, `quote`: USDT, `equity_pct`: % of equity as notional, `risk_pct`: % lost at the stop."""

    mode: SizingMode
    value: PositiveNumber

    @model_validator(mode="after")
    def _percent_is_a_percent(self) -> "Sizing":
        if self.mode is SizingMode.RISK_PCT and self.value > 100:
            raise ValueError("risk_pct must be at most 100")
        if self.mode is SizingMode.EQUITY_PCT and self.value > 10_000:
            raise ValueError("equity_pct must be at most 10000")
        return self


class TakeProfitRung(Incoming):
    at: PriceMarkText
    portion: PortionText = "100%"


def _portions_fit(rungs: list[TakeProfitRung]) -> list[TakeProfitRung]:
    marks = [read_price_mark(rung.portion) for rung in rungs]
    if sum((mark.share for mark in marks if mark and mark.share), start=Decimal(0)) > 1:
        raise ValueError("portions add up to more than 100%")
    return rungs


TakeProfitLadder = Annotated[list[TakeProfitRung], Field(max_length=10), AfterValidator(_portions_fit)]


class TrailingSettings(Incoming):
    """A stop that follows the best price at `distance` (`"0.8%"` of it, or USDT), from entry or from `activation` on."""

    distance: PriceMarkText
    activation: PriceMarkText | None = None


def trailing_from(value: object) -> object:
    """A trailing stop may be written as its distance alone."""
    return {"distance": value} if isinstance(value, str) else value


def _offset(text: str) -> str:
    return text if text == "0%" else _share(text)


class BreakEvenSettings(Incoming):
    """Once `trigger` is reached, the stop moves to entry with the fees of both legs, plus `offset` (% of entry)."""

    trigger: PriceMarkText
    offset: Annotated[str, Field(max_length=20), AfterValidator(_offset)] = "0%"


TimeExitSeconds = Annotated[int, Field(ge=1, le=366 * 86_400)]


class ProtectionSettings(Incoming):
    """Levels checked on every tick. `resident_gap` is how much wider the exchange's own stop lies, as % of entry.
    `trigger_by`: the price all of them are compared with: of the last trade, or the exchange's mark or index price."""

    stop_loss: PriceMarkText | None = None
    take_profit: TakeProfitLadder = Field(default_factory=list)
    resident_gap: PortionText = "0.5%"
    trailing: Annotated[TrailingSettings, BeforeValidator(trailing_from)] | None = None
    break_even: BreakEvenSettings | None = None
    time_exit_s: TimeExitSeconds | None = None
    trigger_by: PriceSource = PriceSource.LAST

    @field_validator("take_profit", mode="before")
    @classmethod
    def _one_target_may_be_plain_text(cls, value: object) -> object:
        return [{"at": value}] if isinstance(value, str) else value


class EntryKind(StrEnum):
    MARKET = "market"
    LIMIT = "limit"


class EntrySettings(Incoming):
    """How to open: at `market`, or by a `limit` order `at` a distance better than the last price (`"0.2%"`) or at a price.
    What is not filled after `expires_s` is canceled; `post_only` forbids it to fill at once."""

    kind: EntryKind
    at: PriceMarkText | None = None
    expires_s: Annotated[int, Field(ge=1, le=86_400)] = 60
    post_only: bool = False

    @model_validator(mode="after")
    def _a_limit_is_somewhere(self) -> "EntrySettings":
        if self.kind is EntryKind.LIMIT and self.at is None:
            raise ValueError('a limit needs at: a distance like "0.2%" or a price like "64000"')
        if self.kind is EntryKind.MARKET and (self.at is not None or self.post_only):
            raise ValueError("at and post_only belong to kind limit")
        return self


def entry_from(value: object) -> object:
    """An entry may be written as `"market"`, or as where its limit lies."""
    if not isinstance(value, str):
        return value
    return {"kind": "market"} if value.strip().lower() == "market" else {"kind": "limit", "at": value}


def _at_a_distance(entry: EntrySettings) -> EntrySettings:
    mark = read_price_mark(entry.at) if entry.at is not None else None
    if mark is not None and mark.price is not None:
        raise ValueError('a strategy enters at a distance like "0.2%"; a price is for an alert to say')
    return entry


StrategyEntry = Annotated[EntrySettings, BeforeValidator(entry_from), AfterValidator(_at_a_distance)]


def _at_market() -> EntrySettings:
    return EntrySettings(kind=EntryKind.MARKET)


MaxEntries = Annotated[
    int,
    Field(ge=1, le=100, description="How many signals of one side may open and enlarge a position; 1 only opens it."),
]
MarginModeWanted = Annotated[
    Literal["any", "isolated", "cross"],
    Field(description="Entries are refused while the account is in another margin mode at the exchange."),
]


class NewStrategy(Incoming):
    account_id: UUID
    name: Annotated[str, Field(min_length=1, max_length=80)]
    symbols: Annotated[list[SymbolText], Field(min_length=1, max_length=100)]
    sizing: Sizing
    leverage: Annotated[Number, Field(ge=1, le=100)] = Decimal(1)
    max_age_s: Annotated[int, Field(ge=1, le=3600)] = 30
    on_opposite: OnOpposite = OnOpposite.REVERSE
    protection: ProtectionSettings = Field(default_factory=ProtectionSettings)
    entry: StrategyEntry = Field(default_factory=_at_market)
    max_entries: MaxEntries = 1
    margin_mode: MarginModeWanted = "any"
    watch: WatchSettings = Field(default_factory=WatchSettings)


class StrategyChange(Incoming):
    """Only what is named changes."""

    name: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    symbols: Annotated[list[SymbolText], Field(min_length=1, max_length=100)] | None = None
    sizing: Sizing | None = None
    leverage: Annotated[Number, Field(ge=1, le=100)] | None = None
    max_age_s: Annotated[int, Field(ge=1, le=3600)] | None = None
    on_opposite: OnOpposite | None = None
    protection: ProtectionSettings | None = None
    entry: StrategyEntry | None = None
    max_entries: MaxEntries | None = None
    margin_mode: MarginModeWanted | None = None
    watch: WatchSettings | None = None
    enabled: bool | None = None


class Strategy(Outgoing):
    id: UUID
    account_id: UUID
    name: str
    symbols: list[str]
    sizing: Sizing
    leverage: Number
    max_age_s: int
    on_opposite: OnOpposite
    protection: ProtectionSettings
    entry: EntrySettings = Field(default_factory=_at_market)
    max_entries: int = 1
    margin_mode: MarginModeWanted = "any"
    watch: WatchSettings = Field(default_factory=WatchSettings)
    source: SourceState = Field(default_factory=SourceState)
    enabled: bool
    version: int = Field(default=1, description="Of its settings; rises by one with each change.")
    webhook_url: str
    created_at: Moment


class CreatedStrategy(Strategy):
    webhook_secret: str = Field(description="Shown this once.")
