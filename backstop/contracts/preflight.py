"""What an alert would do."""

from typing import Literal

from pydantic import Field

from backstop.contracts.base import Number, Outgoing


class ForeseenOrder(Outgoing):
    purpose: str
    request: dict[str, object] = Field(description="The body of Bybit's `/v5/order/create`.")


class ForeseenEntry(Outgoing):
    """Amounts in USDT, at the price known now."""

    side: Literal["long", "short"]
    qty: Number = Field(description="Coins, rounded as the exchange takes them.")
    price: Number = Field(description="What it is likely to fill at.")
    notional: Number
    leverage: Number
    margin: Number
    fees: Number = Field(description="Taker fees of opening and of closing at the same price.")
    stop_loss: Number | None = Field(description="The tightest stop watched from the entry on.")
    exchange_stop: Number | None = Field(description="The stop the order carries to the exchange.")
    loss_at_stop: Number | None = Field(description="With the fees of both legs.")
    liquidation_price: Number | None = Field(description="About where the exchange would take it over.")


class Preflight(Outgoing):
    """`waits`: something is under way for its symbol, it would come after that."""

    outcome: Literal["opens", "grows", "reverses", "closes", "nothing", "waits", "refused", "expired"]
    code: str | None = Field(description="Of what refuses it, stable.")
    reason: str | None
    entry: ForeseenEntry | None
    orders: list[ForeseenOrder] = Field(description="In the order they would be sent.")
