"""Orders: which are refused and how, and what becomes of the others."""

import asyncio
from decimal import Decimal

from backstop.domain.money import plain
from infra.conformance.desk import Desk, has, must, refused, same, taken
from infra.conformance.suite import Cases

CASES = Cases()
case = CASES.case


@case("an orderLinkId is taken once: again is 110072, while the order is open and afterwards")
async def link_ids_are_unique(desk: Desk) -> None:
    link_id = desk.link_id()
    order = await desk.rests(orderLinkId=link_id)
    refused(await desk.limit(await desk.near("-0.05"), orderLinkId=link_id), 110072)
    taken(await desk.post("/v5/order/cancel", orderId=order["orderId"]))
    await desk.becomes(order["orderId"], "Cancelled")
    refused(await desk.limit(await desk.near("-0.05"), orderLinkId=link_id), 110072)
    same(len(await desk.rows("/v5/order/realtime", symbol=desk.symbol, orderLinkId=link_id)), 1, "orders of that id")


@case("an orderLinkId of more than 36 characters is 10001")
async def link_ids_are_short(desk: Desk) -> None:
    refused(await desk.order(orderLinkId="x" * 37), 10001)


@case("a quantity below the smallest is 10001")
async def refuses_little(desk: Desk) -> None:
    refused(await desk.order(qty=Decimal(0)), 10001)


@case("a quantity above the largest is 10001")
async def refuses_much(desk: Desk) -> None:
    reply = await desk.limit(await desk.near("-0.05"), qty=desk.rules.max_qty + desk.rules.step)
    refused(reply, 10001, saying="maximum limit")


@case("a quantity off the lot step never buys more than was asked for")
async def keeps_the_step(desk: Desk) -> None:
    asked = desk.unit + desk.rules.step / 2
    reply = await desk.limit(await desk.near("-0.05"), qty=asked)
    if reply.code == 0:  # cut down, as has been seen; refused is as good
        order = await desk.becomes(reply.result["orderId"], "New")
        must(Decimal(order["qty"]) <= asked, f"{order['qty']} was ordered where {plain(asked)} was asked for")
    else:
        refused(reply, 10001)


@case("a price off the tick is 110003")
async def keeps_the_tick(desk: Desk) -> None:
    refused(await desk.limit(await desk.near("-0.05") + desk.rules.tick / 2), 110003)


@case("an order worth less than the minimum is 110094")
async def refuses_small_value(desk: Desk) -> None:
    price = desk.rules.price(desk.rules.min_notional / desk.rules.min_qty / 2)
    refused(await desk.limit(price, qty=desk.rules.min_qty), 110094)


@case("a buy beyond the price limit is moved to it, or refused as the account is set")
async def keeps_the_band(desk: Desk) -> None:
    limits = await desk.get("/v5/market/price-limit", category="linear", symbol=desk.symbol)
    highest = Decimal(limits["buyLmt"])
    reply = await desk.limit(desk.rules.price(highest * Decimal("1.2")))
    if reply.code == 0:
        order = await desk.ends(reply)
        must(
            Decimal(order["price"]) <= highest * Decimal("1.005"), f"the price is {order['price']}, the limit {highest}"
        )
    else:
        refused(reply, 110003, 110121)


@case("a positionIdx of hedge mode is 10001 in one-way mode")
async def refuses_index(desk: Desk) -> None:
    refused(await desk.order(positionIdx=1), 10001, saying="position idx not match position mode")


@case("an order beyond the free margin is 110007")
async def refuses_without_margin(desk: Desk) -> None:
    wallet = (await desk.get("/v5/account/wallet-balance", accountType="UNIFIED"))["list"][0]
    leverage, price = Decimal((await desk.position())["leverage"]), await desk.near("-0.01")
    qty = Decimal(wallet["totalEquity"]) * leverage * 3 / price // desk.rules.step * desk.rules.step
    refused(await desk.limit(price, qty=min(qty, desk.rules.max_qty)), 110007)


@case("a market order is IOC, fills, and its fills add up to it")
async def fills_at_market(desk: Desk) -> None:
    order = await desk.ends(await desk.order())
    same((order["orderStatus"], order["timeInForce"], order["leavesQty"]), ("Filled", "IOC", "0"), "the order")
    same(Decimal(order["cumExecQty"]), desk.unit, "cumExecQty")
    fills = await desk.executions(order["orderId"])
    same(sum(Decimal(fill["execQty"]) for fill in fills), desk.unit, "the sum of execQty")
    value = sum(Decimal(fill["execQty"]) * Decimal(fill["execPrice"]) for fill in fills)
    same(value, Decimal(order["cumExecValue"]), "the fills' value")
    fees = sum(Decimal(fill["execFee"]) for fill in fills)
    must(abs(fees - Decimal(order["cumFeeDetail"]["USDT"])) < Decimal("0.00001"), "cumFeeDetail is not the sum of fees")
    for fill in fills:
        wanted = Decimal(fill["execQty"]) * Decimal(fill["execPrice"]) * Decimal(fill["feeRate"])
        must(abs(Decimal(fill["execFee"]) - wanted) < Decimal("0.00001"), f"execFee {fill['execFee']}, not {wanted}")
        same((fill["execType"], fill["isMaker"], Decimal(fill["closedSize"])), ("Trade", False, 0), "a fill")


@case("an IOC limit that meets no one is cancelled unfilled")
async def ioc_ends(desk: Desk) -> None:
    order = await desk.ends(await desk.limit(await desk.near("-0.05"), timeInForce="IOC"))
    same((order["orderStatus"], Decimal(order["cumExecQty"])), ("Cancelled", 0), "the order")
    same(order["rejectReason"], "EC_NoImmediateQtyToFill", "rejectReason")


@case("a FOK limit that meets no one is cancelled unfilled")
async def fok_ends(desk: Desk) -> None:
    order = await desk.ends(await desk.limit(await desk.near("-0.05"), timeInForce="FOK"))
    same((order["orderStatus"], Decimal(order["cumExecQty"])), ("Cancelled", 0), "the order")


@case("a PostOnly that would take is cancelled: EC_PostOnlyWillTakeLiquidity")
async def post_only_never_takes(desk: Desk) -> None:
    order = await desk.ends(await desk.limit(await desk.near("0.005"), timeInForce="PostOnly"))
    same((order["orderStatus"], Decimal(order["cumExecQty"])), ("Cancelled", 0), "the order")
    same(order["rejectReason"], "EC_PostOnlyWillTakeLiquidity", "rejectReason")


@case("a PostOnly that waits is amended in price and quantity, and cancelled by its user")
async def amends_and_cancels(desk: Desk) -> None:
    order = await desk.rests(timeInForce="PostOnly")
    price, link_id = await desk.near("-0.06"), order["orderLinkId"]
    taken(await desk.post("/v5/order/amend", orderLinkId=link_id, price=plain(price), qty=plain(desk.unit * 2)))
    amended = await desk.becomes(order["orderId"], "New")
    same((Decimal(amended["price"]), Decimal(amended["qty"])), (price, desk.unit * 2), "price and quantity")
    taken(await desk.post("/v5/order/cancel", orderLinkId=link_id))
    ended = await desk.becomes(order["orderId"], "Cancelled")
    same((ended["cancelType"], ended["rejectReason"]), ("CancelByUser", "EC_PerCancelRequest"), "how it ended")


@case("what is over or never was is neither amended nor cancelled: 110001")
async def too_late(desk: Desk) -> None:
    order = await desk.ends(await desk.limit(await desk.near("-0.05"), timeInForce="IOC"))
    refused(await desk.post("/v5/order/cancel", orderId=order["orderId"]), 110001)
    refused(await desk.post("/v5/order/amend", orderId=order["orderId"], price=order["price"]), 110001)
    refused(await desk.post("/v5/order/cancel", orderLinkId=desk.link_id()), 110001)


@case("a cancel that races a fill ends in one truth")
async def races(desk: Desk) -> None:
    link_id = desk.link_id()
    placing = desk.limit(await desk.near("0.004"), orderLinkId=link_id)
    placed, canceled = await asyncio.gather(placing, desk.post("/v5/order/cancel", orderLinkId=link_id))
    if canceled.code != 0:
        refused(canceled, 110001)
    order = await desk.ends(placed)
    filled = sum(Decimal(fill["execQty"]) for fill in await desk.executions(order["orderId"]))
    same(filled, Decimal(order["cumExecQty"]), "the sum of execQty")
    same(Decimal((await desk.position())["size"]), filled, "the position")


@case("cancel-all takes back every order of the symbol and names it")
async def cancels_all(desk: Desk) -> None:
    waiting = {(await desk.rests())["orderId"] for _ in range(2)}
    answer = taken(await desk.post("/v5/order/cancel-all"))
    same({row["orderId"] for row in answer.result["list"]}, waiting, "what was cancelled")
    for order_id in waiting:
        await desk.becomes(order_id, "Cancelled")
    same(await desk.open_orders(), [], "open orders")


@case("a batch answers for each of its orders")
async def batches(desk: Desk) -> None:
    price = plain(await desk.near("-0.05"))
    good = {"symbol": desk.symbol, "side": "Buy", "orderType": "Limit", "qty": plain(desk.unit), "price": price}
    body = {"category": "linear", "request": [{**good, "orderLinkId": desk.link_id()}, {**good, "qty": "0"}]}
    answer = taken(await desk.call("POST", "/v5/order/create-batch", body))
    same(answer.extra["list"][0]["code"], 0, "the first order's code")
    same(answer.extra["list"][1]["code"], 10001, "the second order's code")
    must(answer.result["list"][0]["orderId"], "the first has no orderId")


@case("a conditional order on the wrong side of the price is 110092 or 110093")
async def refuses_triggers(desk: Desk) -> None:
    below, above = plain(await desk.near("-0.01")), plain(await desk.near("0.01"))
    refused(
        await desk.order(triggerPrice=below, triggerDirection=1, triggerBy="LastPrice"), 110092, saying="expect Rising"
    )
    refused(
        await desk.order(triggerPrice=above, triggerDirection=2, triggerBy="LastPrice"), 110093, saying="expect Falling"
    )


@case("a conditional order waits Untriggered, fires, fills, and keeps its id")
async def triggers(desk: Desk) -> None:
    trigger = await desk.near("0.0002") + desk.rules.tick
    waiting = taken(await desk.order(triggerPrice=plain(trigger), triggerDirection=1, triggerBy="LastPrice"))
    order = await desk.becomes(waiting.result["orderId"], "Untriggered")
    same((order["stopOrderType"], Decimal(order["triggerPrice"])), ("Stop", trigger), "what waits")
    await desk.cross(trigger)
    fired = await desk.becomes(order["orderId"], "Filled")
    same(fired["orderLinkId"], order["orderLinkId"], "orderLinkId")


@case("a conditional order that is taken back before its trigger is Deactivated")
async def deactivates(desk: Desk) -> None:
    above = plain(await desk.near("0.05"))
    reply = await desk.order(triggerPrice=above, triggerDirection=1, triggerBy="MarkPrice")
    waiting = taken(reply).result["orderId"]
    await desk.becomes(waiting, "Untriggered")
    taken(await desk.post("/v5/order/cancel", orderId=waiting))
    await desk.becomes(waiting, "Deactivated", "Cancelled")


@case("an id outranks every other filter of order/realtime")
async def ids_outrank(desk: Desk) -> None:
    order = await desk.rests()
    found = await desk.rows("/v5/order/realtime", symbol="NOSUCHUSDT", orderLinkId=order["orderLinkId"])
    same([row["orderId"] for row in found], [order["orderId"]], "what was found")


@case("pages of one row walk through all fills, newest first, each once")
async def pages(desk: Desk) -> None:
    for side in ("Buy", "Sell", "Buy"):
        await desk.ends(await desk.order(side))
    met: list[tuple[str, str]] = []
    cursor = ""
    for _ in range(3):
        fields = {"category": "linear", "symbol": desk.symbol, "limit": 1, **({"cursor": cursor} if cursor else {})}
        page = await desk.get("/v5/execution/list", **fields)
        must(len(page["list"]) == 1, f"a page of {len(page['list'])} rows")
        has(page, ("nextPageCursor", "category"), "the page")
        met.append((page["list"][0]["execTime"], page["list"][0]["execId"]))
        cursor = page["nextPageCursor"]
    same(len(set(met)), 3, "different fills on three pages")
    times = [int(time) for time, _ in met]
    same(times, sorted(times, reverse=True), "the order of fills")
