"""Positions: their stops, their settings, and the books they leave."""

from decimal import Decimal

from backstop.domain.money import plain
from infra.conformance.desk import Desk, Row, must, refused, same, taken
from infra.conformance.suite import Cases

CASES = Cases()
case = CASES.case

FULL = {"tpslMode": "Full", "positionIdx": 0}


async def the_stop(desk: Desk) -> Row | None:
    """The StopLoss order that waits."""
    found = [row for row in await desk.open_orders(orderFilter="StopOrder") if row["stopOrderType"] == "StopLoss"]
    return found[0] if found else None


@case("a stop attached to an order becomes the position's: reduce-only, of its size, at its price")
async def attaches_stop(desk: Desk) -> None:
    price = await desk.near("-0.05")
    await desk.opened(stopLoss=plain(price), slTriggerBy="MarkPrice", tpslMode="Full")
    same(Decimal((await desk.position())["stopLoss"]), price, "the position's stopLoss")
    stop = await desk.eventually(lambda: the_stop(desk), "no StopLoss order appeared")
    same((stop["side"], stop["reduceOnly"], stop["closeOnTrigger"]), ("Sell", True, True), "the stop")
    same((Decimal(stop["triggerPrice"]), stop["triggerBy"]), (price, "MarkPrice"), "its trigger")


@case("trading-stop moves it; the same again is 34040; 0 takes it away")
async def moves_stop(desk: Desk) -> None:
    await desk.opened(stopLoss=plain(await desk.near("-0.05")), tpslMode="Full")
    moved = plain(await desk.near("-0.04"))
    taken(await desk.post("/v5/position/trading-stop", **FULL, stopLoss=moved))
    same(Decimal((await desk.position())["stopLoss"]), Decimal(moved), "the position's stopLoss")
    refused(await desk.post("/v5/position/trading-stop", **FULL, stopLoss=moved), 34040, saying="not modified")
    taken(await desk.post("/v5/position/trading-stop", **FULL, stopLoss="0"))
    must((await desk.position())["stopLoss"] in {"", "0", "0.00"}, "the position still names a stopLoss")
    same(await the_stop(desk), None, "the StopLoss order")


@case("trading-stop without a position is 10001")
async def no_stop_for_nothing(desk: Desk) -> None:
    reply = await desk.post("/v5/position/trading-stop", **FULL, stopLoss=plain(await desk.near("-0.05")))
    refused(reply, 10001, saying="zero position")


@case("a stop on the wrong side of the price is 10001 and names the base price")
async def refuses_wrong_side(desk: Desk) -> None:
    refused(await desk.order(stopLoss=plain(await desk.near("0.05"))), 10001, saying="base_price")
    await desk.opened()
    reply = await desk.post("/v5/position/trading-stop", **FULL, stopLoss=plain(await desk.near("0.05")))
    refused(reply, 10001, saying="base_price")


@case("a stop follows the position's size and goes with it: CancelByTpSlTsClear")
async def stop_follows(desk: Desk) -> None:
    await desk.opened(units=2, stopLoss=plain(await desk.near("-0.05")), tpslMode="Full")
    stop = await desk.eventually(lambda: the_stop(desk), "no StopLoss order appeared")
    await desk.ends(await desk.order("Sell", reduceOnly=True))
    await desk.holds("Buy", desk.unit)
    await desk.closed()
    ended = await desk.becomes(stop["orderId"], "Deactivated", "Cancelled")
    same(ended["cancelType"], "CancelByTpSlTsClear", "cancelType")


@case("the stop fires: the exchange closes the position by an order of its own")
async def stop_fires(desk: Desk) -> None:
    price = await desk.near("-0.0002") - desk.rules.tick
    await desk.opened(stopLoss=plain(price), tpslMode="Full")
    await desk.cross(price)
    await desk.holds("", Decimal(0))

    async def look() -> Row | None:
        rows = await desk.rows("/v5/execution/list", symbol=desk.symbol, limit=5)
        return next((row for row in rows if row["createType"] == "CreateByStopLoss"), None)

    fill = await desk.eventually(look, "no fill was made by the stop")
    same((fill["side"], Decimal(fill["execQty"]), fill["stopOrderType"]), ("Sell", desk.unit, "StopLoss"), "the fill")


@case("reduce-only without a position is 110017")
async def nothing_to_reduce(desk: Desk) -> None:
    refused(await desk.order("Sell", reduceOnly=True), 110017)


@case("reduce-only on the side of the position is 110017")
async def reduces_only_against(desk: Desk) -> None:
    await desk.opened()
    refused(await desk.order("Buy", reduceOnly=True), 110017)


@case("reduce-only is cut to the position and never turns it")
async def clips(desk: Desk) -> None:
    await desk.opened(units=2)
    order = await desk.ends(await desk.order("Sell", desk.unit * 3, reduceOnly=True))
    await desk.holds("", Decimal(0))
    same(Decimal(order["cumExecQty"]), desk.unit * 2, "cumExecQty")


@case("quantity 0 with reduceOnly and closeOnTrigger closes everything")
async def closes_all(desk: Desk) -> None:
    await desk.opened(units=2)
    order = await desk.ends(await desk.order("Sell", Decimal(0), reduceOnly=True, closeOnTrigger=True))
    same((order["orderStatus"], Decimal(order["cumExecQty"])), ("Filled", desk.unit * 2), "the order")
    await desk.holds("", Decimal(0))


@case("an order larger than the opposite position turns it; the fills tell which part closed")
async def turns(desk: Desk) -> None:
    await desk.opened()
    order = await desk.ends(await desk.order("Sell", desk.unit * 3))
    await desk.holds("Sell", desk.unit * 2)
    closed = sum(Decimal(fill["closedSize"]) for fill in await desk.executions(order["orderId"]))
    same(closed, desk.unit, "the sum of closedSize")


@case("the average entry weighs what was bought, and reductions leave it alone")
async def averages(desk: Desk) -> None:
    bought = [(await desk.opened())[0], await desk.ends(await desk.order())]
    value = sum(Decimal(order["cumExecValue"]) for order in bought)
    row = await desk.holds("Buy", desk.unit * 2)
    must(abs(Decimal(row["avgPrice"]) - value / (desk.unit * 2)) < desk.rules.tick, f"avgPrice {row['avgPrice']}")
    await desk.ends(await desk.order("Sell", reduceOnly=True))
    left = await desk.holds("Buy", desk.unit)
    same(left["avgPrice"], row["avgPrice"], "avgPrice after a reduction")


@case("closed-pnl is exit less entry less both fees, as the fills have them")
async def books_profit(desk: Desk) -> None:
    opening, _ = await desk.opened()
    closing = await desk.closed()

    async def look() -> Row | None:
        rows = await desk.rows("/v5/position/closed-pnl", symbol=desk.symbol, limit=5)
        return next((row for row in rows if row["orderId"] == closing["orderId"]), None)

    row = await desk.eventually(look, "closed-pnl tells nothing of the closing order")
    entry, leaving = Decimal(opening["cumExecValue"]), Decimal(closing["cumExecValue"])
    fees = sum(Decimal(order["cumFeeDetail"]["USDT"]) for order in (opening, closing))
    must(abs(Decimal(row["closedPnl"]) - (leaving - entry - fees)) < Decimal("0.0001"), f"closedPnl {row['closedPnl']}")
    same((row["side"], Decimal(row["closedSize"])), ("Sell", desk.unit), "side and closedSize")
    same(Decimal(row["closedPnl"]), _of_parts(row), "closedPnl of its own parts")


def _of_parts(row: Row) -> Decimal:
    gross = Decimal(row["cumExitValue"]) - Decimal(row["cumEntryValue"])
    return gross - Decimal(row["openFee"]) - Decimal(row["closeFee"])


@case("the transaction log's changes are cash flow plus funding less fee, and sum to the wallet's change")
async def books_cash(desk: Desk) -> None:
    before = await _wallet(desk)
    opening, _ = await desk.opened()
    closing = await desk.closed()
    orders = {opening["orderId"], closing["orderId"]}

    async def look() -> list[Row] | None:
        rows = (await desk.get("/v5/account/transaction-log", accountType="UNIFIED", currency="USDT", limit=20))["list"]
        mine = [row for row in rows if row["orderId"] in orders]
        return mine if {row["orderId"] for row in mine} == orders else None

    rows = await desk.eventually(look, "the transaction log tells nothing of the two orders")
    for row in rows:
        parts = Decimal(row["cashFlow"]) + Decimal(row["funding"] or 0) - Decimal(row["fee"])
        same((row["type"], Decimal(row["change"])), ("TRADE", parts), "a row's type and change")
    change = sum(Decimal(row["change"]) for row in rows)
    must(abs(await _wallet(desk) - before - change) < Decimal("0.0001"), "the wallet changed by something else")


async def _wallet(desk: Desk) -> Decimal:
    coins = (await desk.get("/v5/account/wallet-balance", accountType="UNIFIED", coin="USDT"))["list"][0]["coin"]
    return Decimal(coins[0]["walletBalance"])


@case("leverage is set; the same again is 110043; more than the contract's most is 110013")
async def sets_leverage(desk: Desk) -> None:
    before = (await desk.position())["leverage"]
    other = "3" if Decimal(before) != 3 else "4"
    await _leverage(desk, other)
    same(Decimal((await desk.position())["leverage"]), Decimal(other), "the leverage")
    refused(await desk.post("/v5/position/set-leverage", buyLeverage=other, sellLeverage=other), 110043)
    more = plain(desk.rules.max_leverage + 1)
    refused(await desk.post("/v5/position/set-leverage", buyLeverage=more, sellLeverage=more), 110013, 10001)
    await _leverage(desk, before)


async def _leverage(desk: Desk, leverage: str) -> None:
    taken(await desk.post("/v5/position/set-leverage", buyLeverage=leverage, sellLeverage=leverage))


@case("the position mode it has already is 110025")
async def keeps_mode(desk: Desk) -> None:
    refused(await desk.post("/v5/position/switch-mode", mode=0), 110025)


@case("hedge mode is refused while a position is open: 110024")
async def mode_waits(desk: Desk) -> None:
    await desk.opened()
    refused(await desk.post("/v5/position/switch-mode", mode=3), 110024)


@case("position/list shows a flat row by symbol, and only what is held by settleCoin")
async def lists_positions(desk: Desk) -> None:
    flat = await desk.position()
    same((flat["positionIdx"], Decimal(flat["size"])), (0, 0), "the flat row")
    must(flat["side"] in {"", "None"}, f"side {flat['side']!r} of a flat row")
    held = await desk.rows("/v5/position/list", settleCoin="USDT")
    same([row for row in held if row["symbol"] == desk.symbol], [], "the symbol by settleCoin")
