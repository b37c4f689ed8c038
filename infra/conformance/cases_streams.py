"""Streams: logins, topics, and that what they tell is what REST tells."""

from decimal import Decimal

from backstop.domain.money import plain
from infra.conformance import wires
from infra.conformance.desk import WRONG_SECRET, Desk, Row, has, must, same
from infra.conformance.suite import Cases

CASES = Cases()
case = CASES.case


def _names(text: str) -> list[str]:
    return text.split()


ORDER_FIELDS = _names(
    """category symbol orderId orderLinkId side positionIdx orderStatus cancelType rejectReason orderType timeInForce price
    qty avgPrice leavesQty cumExecQty cumExecValue cumFeeDetail stopOrderType triggerPrice triggerDirection triggerBy
    takeProfit stopLoss tpTriggerBy slTriggerBy tpslMode reduceOnly closeOnTrigger createType createdTime updatedTime"""
)
EXECUTION_FIELDS = _names(
    """category symbol orderId orderLinkId side orderType stopOrderType createType orderPrice orderQty leavesQty execId
    execType execPrice execQty execValue execFee feeRate execPnl closedSize isMaker execTime seq"""
)
POSITION_FIELDS = _names(
    """category symbol positionIdx side size entryPrice positionValue markPrice leverage liqPrice takeProfit stopLoss
    trailingStop unrealisedPnl curRealisedPnl cumRealisedPnl positionStatus positionIM positionMM createdTime
    updatedTime seq"""
)
TICKER_FIELDS = _names(
    "lastPrice markPrice indexPrice fundingRate nextFundingTime bid1Price bid1Size ask1Price ask1Size"
)
HEADER_FIELDS = _names("X-Bapi-Limit X-Bapi-Limit-Status X-Bapi-Limit-Reset-Timestamp Traceid Timenow")


@case("a private topic is refused before the login")
async def login_comes_first(desk: Desk) -> None:
    async with wires.private(desk) as wire:
        answer = await wire.ask({"op": "subscribe", "args": ["order"]}, "an answer")
        same(answer.get("success"), False, "success of a subscription without login")


@case("a login signed with another secret is refused")
async def refuses_login(desk: Desk) -> None:
    async with wires.private(desk) as wire:
        same((await wire.login(desk, secret=WRONG_SECRET)).get("success"), False, "success of a wrong login")


@case("login and subscription are acknowledged with the connection's id")
async def acknowledges(desk: Desk) -> None:
    async with wires.private(desk) as wire:
        answer = await wire.login(desk)
        same((answer["success"], answer["op"]), (True, "auth"), "the login")
        has(answer, ("conn_id",), "the login's answer")
        request = {"op": "subscribe", "req_id": "mine", "args": ["order", "wallet"]}
        answer = await wire.ask(request, "the subscription's answer", op="subscribe")
        same((answer["success"], answer["req_id"]), (True, "mine"), "the subscription")


@case("an unknown private topic is refused")
async def refuses_topic(desk: Desk) -> None:
    async with wires.private(desk, "order") as wire:
        answer = await wire.ask({"op": "subscribe", "args": ["no-such-topic"]}, "an answer", op="subscribe")
        same(answer["success"], False, "success")


@case("each of the three services answers a ping in its own shape")
async def pongs(desk: Desk) -> None:
    async with wires.public(desk) as wire:
        answer = await wire.ask({"op": "ping", "req_id": "p"}, "a public pong", op="ping")
        same((answer["success"], answer["ret_msg"], answer["req_id"]), (True, "pong", "p"), "the public pong")
    async with wires.private(desk) as wire:
        answer = await wire.ask({"op": "ping", "req_id": "p"}, "a private pong", op="pong")
        must(str(answer["args"][0]).isdecimal(), "the private pong tells no time")
    if desk.hosts.trade_ws is not None:
        async with wires.trading(desk, logged_in=False) as wire:
            answer = await wire.ask({"op": "ping"}, "a trade pong", op="pong")
            same(answer["retCode"], 0, "the trade pong's retCode")


@case("order, execution, position and wallet tell of a trade, with every field, as REST does")
async def tells_of_trades(desk: Desk) -> None:
    async with wires.private(desk, "order", "execution", "position", "wallet") as wire:
        link_id = desk.link_id()
        order, position = await desk.opened(orderLinkId=link_id)
        told = await wire.row("order", orderLinkId=link_id, orderStatus="Filled")
        has(told, ORDER_FIELDS, "the order")
        for name in ("orderId", "side", "qty", "avgPrice", "cumExecQty", "cumExecValue", "timeInForce", "positionIdx"):
            same(told[name], order[name], f"the order's {name}")
        filled = Decimal(0)
        while filled < desk.unit:
            fill = await wire.row("execution", orderLinkId=link_id)
            has(fill, EXECUTION_FIELDS, "the execution")
            filled += Decimal(fill["execQty"])
            await _agrees(desk, fill)
        held = await wire.row("position", side="Buy", size=position["size"])
        has(held, POSITION_FIELDS, "the position")
        same(Decimal(held["entryPrice"]), Decimal(position["avgPrice"]), "entryPrice")
        has(await wire.row("wallet"), ("accountType", "totalEquity", "coin"), "the wallet")


async def _agrees(desk: Desk, fill: Row) -> None:
    found = {row["execId"]: row for row in await desk.executions(fill["orderId"])}
    must(fill["execId"] in found, "REST does not know the execution")
    for name in ("execPrice", "execQty", "execFee", "execType", "feeRate", "execTime", "closedSize", "isMaker", "seq"):
        same(found[fill["execId"]][name], fill[name], f"the execution's {name}")


@case("a stop that is attached and moved is told on the position topic")
async def tells_of_stops(desk: Desk) -> None:
    async with wires.private(desk, "position") as wire:
        first, second = plain(await desk.near("-0.05")), plain(await desk.near("-0.04"))
        await desk.opened(stopLoss=first, tpslMode="Full")
        await _names_stop(wire, first)
        await desk.post("/v5/position/trading-stop", tpslMode="Full", positionIdx=0, stopLoss=second)
        await _names_stop(wire, second)


async def _names_stop(wire: wires.Wire, price: str) -> None:
    while Decimal((await wire.row("position"))["stopLoss"] or 0) != Decimal(price):
        pass


@case("flat is told as size 0 without a side")
async def tells_flat(desk: Desk) -> None:
    async with wires.private(desk, "position") as wire:
        await desk.opened()
        await desk.closed()
        row = await wire.row("position", size="0")
        must(row["side"] in {"", "None"}, f"side {row['side']!r}")


@case("a ticker starts whole, then tells only what changed, and agrees with REST")
async def merges(desk: Desk) -> None:
    topic = f"tickers.{desk.symbol}"
    async with wires.public(desk) as wire:
        answer = await wire.ask({"op": "subscribe", "req_id": "t", "args": [topic]}, "an answer", op="subscribe")
        same((answer["success"], answer["req_id"]), (True, "t"), "the subscription")
        message = await wire.next("a snapshot", topic=topic, type="snapshot")
        has(
            message["data"],
            ("lastPrice", "markPrice", "indexPrice", "fundingRate", "bid1Price", "ask1Price"),
            "the snapshot",
        )
        must(isinstance(message["ts"], int), "ts is no number")
        whole = dict(message["data"])
        delta = await wire.next("a delta", topic=topic, type="delta")
        same(delta["data"]["symbol"], desk.symbol, "the delta's symbol")
        must(len(delta["data"]) < len(whole), "the delta is as long as the snapshot")
        whole |= delta["data"]
        rest = await desk.ticker()
        difference = abs(Decimal(rest["lastPrice"]) / Decimal(whole["lastPrice"]) - 1)
        must(difference < Decimal("0.01"), f"last {whole['lastPrice']} by stream, {rest['lastPrice']} by REST")


@case("a book of one level is a snapshot with both sides")
async def tells_book(desk: Desk) -> None:
    topic = f"orderbook.1.{desk.symbol}"
    async with wires.public(desk) as wire:
        await wire.ask({"op": "subscribe", "args": [topic]}, "an answer", op="subscribe")
        book = (await wire.next("a book", topic=topic, type="snapshot"))["data"]
        has(book, ("s", "b", "a", "u", "seq"), "the book")
        must(Decimal(book["b"][0][0]) <= Decimal(book["a"][0][0]), "the bid lies above the ask")


@case("an unknown public topic is refused by its name")
async def refuses_public_topic(desk: Desk) -> None:
    async with wires.public(desk) as wire:
        answer = await wire.ask({"op": "subscribe", "args": ["tickers.NOSUCHUSDT"]}, "an answer", op="subscribe")
        same(answer["success"], False, "success")
        must("tickers.NOSUCHUSDT" in answer["ret_msg"], f"the answer says {answer['ret_msg']!r}")


@case("the trade socket takes no order before the login")
async def trades_after_login(desk: Desk) -> None:
    async with wires.trading(desk, logged_in=False) as wire:
        request = wires.command(desk, "1", "order.create", side="Buy", orderType="Market", qty=plain(desk.unit))
        must((await wire.ask(request, "an answer", op="order.create"))["retCode"] != 0, "the order was taken")


@case("the trade socket creates, amends and cancels, and tells limits in each answer's header")
async def trades_over_socket(desk: Desk) -> None:
    async with wires.trading(desk) as wire:
        link_id, price = desk.link_id(), plain(await desk.near("-0.05"))
        fields = {"side": "Buy", "orderType": "Limit", "qty": plain(desk.unit), "price": price, "orderLinkId": link_id}
        desk.touched()
        created = await wire.ask(wires.command(desk, "1", "order.create", **fields), "an answer", reqId="1")
        same(
            (created["retCode"], created["op"], created["data"]["orderLinkId"]), (0, "order.create", link_id), "create"
        )
        has(
            created["header"],
            ("X-Bapi-Limit", "X-Bapi-Limit-Status", "X-Bapi-Limit-Reset-Timestamp", "Traceid", "Timenow"),
            "it",
        )
        await desk.becomes(created["data"]["orderId"], "New")
        moved = plain(await desk.near("-0.06"))
        amend = wires.command(desk, "2", "order.amend", orderLinkId=link_id, price=moved)
        same((await wire.ask(amend, "an answer", reqId="2"))["retCode"], 0, "amend")
        same(
            Decimal((await desk.becomes(created["data"]["orderId"], "New"))["price"]),
            Decimal(moved),
            "the amended price",
        )
        cancel = wires.command(desk, "3", "order.cancel", orderLinkId=link_id)
        same((await wire.ask(cancel, "an answer", reqId="3"))["retCode"], 0, "cancel")
        await desk.becomes(created["data"]["orderId"], "Cancelled")
        again = wires.command(desk, "4", "order.cancel", orderLinkId=link_id)
        same((await wire.ask(again, "an answer", reqId="4"))["retCode"], 110001, "cancel of what is over")


@case("the trade socket refuses a reqId twice (20006), an unknown op (10404) and an old time (10002)")
async def refuses_on_socket(desk: Desk) -> None:
    async with wires.trading(desk) as wire:
        first = wires.command(desk, "1", "order.cancel", orderLinkId=desk.link_id())
        same((await wire.ask(first, "an answer", reqId="1"))["retCode"], 110001, "a cancel of nothing")
        same((await wire.ask(first, "an answer", reqId="1"))["retCode"], 20006, "the same reqId again")
        unknown = wires.command(desk, "2", "order.juggle")
        same((await wire.ask(unknown, "an answer", reqId="2"))["retCode"], 10404, "an unknown op")
        old = wires.command(desk, "3", "order.cancel", orderLinkId=desk.link_id())
        old["header"]["X-BAPI-TIMESTAMP"] = str(desk.now_ms() - 20_000)
        same((await wire.ask(old, "an answer", reqId="3"))["retCode"], 10002, "an old request")
