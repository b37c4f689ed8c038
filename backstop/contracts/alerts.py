"""The native alert: what a webhook body may say."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import (
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from backstop.contracts.base import Incoming, Number, PositiveNumber
from backstop.contracts.strategies import (
    EntrySettings,
    PriceMarkText,
    Sizing,
    SymbolText,
    TakeProfitLadder,
    TrailingSettings,
    entry_from,
    trailing_from,
)
from backstop.domain.protection import PriceSource
from backstop.domain.signal import Action


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _text(value: object) -> object:
    """Numbers may come unquoted; a level is read from its text."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return format(Decimal(str(value)), "f")
    return value


TargetSide = Literal["long", "short", "flat"]
HeldSide = Literal["long", "short"]


class AlertWish(Incoming):
    """What an alert asks for."""

    action: Annotated[Action, BeforeValidator(_lower)]
    symbol: SymbolText
    qty: PositiveNumber | None = None
    sizing: Sizing | None = Field(default=None, description="In place of the strategy's own; not with qty.")
    only: Annotated[HeldSide, BeforeValidator(_lower)] | None = Field(
        default=None, description="Of a close: close a position on this side, and none on the other."
    )
    stop_loss: Annotated[PriceMarkText, BeforeValidator(_text)] | None = None
    take_profit: TakeProfitLadder | None = None
    trailing: Annotated[TrailingSettings, BeforeValidator(trailing_from), BeforeValidator(_text)] | None = None
    trigger_by: Annotated[PriceSource, BeforeValidator(_lower)] | None = None
    entry: Annotated[EntrySettings, BeforeValidator(entry_from), BeforeValidator(_text)] | None = None
    leverage: Annotated[Number, Field(ge=1, le=100)] | None = None
    position: Annotated[TargetSide, BeforeValidator(_lower)] | None = None
    prev_position: Annotated[TargetSide, BeforeValidator(_lower)] | None = None
    id: Annotated[str, Field(min_length=1, max_length=120)] | None = None
    time: AwareDatetime | None = None

    @field_validator("take_profit", mode="before")
    @classmethod
    def _one_target_may_be_plain(cls, value: object) -> object:
        value = _text(value)
        return [{"at": value}] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _target_says_where(self) -> Self:
        if self.action is Action.TARGET and self.position is None:
            raise ValueError("action target needs position: long, short or flat")
        return self

    @model_validator(mode="after")
    def _each_where_it_counts(self) -> Self:
        if self.only is not None and self.action is not Action.CLOSE:
            raise ValueError("only belongs to action close")
        if self.sizing is not None and self.qty is not None:
            raise ValueError("give qty or sizing, not both")
        return self


class NativeAlert(AlertWish):
    """See the README for examples. `id` or `time` make a repeat recognisable for ever; without both, for 30 s."""

    model_config = ConfigDict(title="Alert")

    secret: Annotated[SecretStr, Field(min_length=1, max_length=200)]


class AlertToTry(AlertWish):
    """An alert whose outcome is asked for; its secret may be left in."""

    secret: Annotated[SecretStr, Field(max_length=200)] | None = None
