"""Requests: who may make them, when, and what the exchange tells without an order."""

from decimal import Decimal

from backstop.vault import Credentials
from infra.conformance.desk import WRONG_SECRET, Desk, has, must, refused, same, taken
from infra.conformance.suite import Cases

CASES = Cases()
case = CASES.case

_WEEK_MS = 7 * 86_400_000


@case("the time is told in seconds, nanoseconds and in the envelope")
async def tells_time(desk: Desk) -> None:
    reply = taken(await desk.call("GET", "/v5/market/time"))
    seconds, nanos = int(reply.result["timeSecond"]), int(reply.result["timeNano"])
    must(isinstance(reply.extra["time"], int), "the envelope's time is no number")
    must(abs(nanos // 1_000_000 - reply.extra["time"]) < 1_000, "timeNano and the envelope's time differ")
    same(nanos // 1_000_000_000, seconds, "timeNano in seconds")


@case("a wrong signature is 10004 and shows what should have been signed")
async def refuses_signature(desk: Desk) -> None:
    wrong = Credentials(desk.keys.api_key, WRONG_SECRET)
    reply = await desk.call("GET", "/v5/position/list", {"category": "linear", "symbol": desk.symbol}, keys=wrong)
    refused(reply, 10004, saying="error sign! origin_string[")


@case("an unknown key is 10003")
async def refuses_key(desk: Desk) -> None:
    nobody = Credentials("nobodys-key-at-all", "secret")
    refused(await desk.call("GET", "/v5/account/info", keys=nobody), 10003, saying="API key is invalid")


@case("a request older than its recv_window is 10002")
async def refuses_the_old(desk: Desk) -> None:
    reply = await desk.call("GET", "/v5/account/info", skew_ms=-6_000, window="5000")
    refused(reply, 10002, saying="recv_window")


@case("a request more than a second ahead is 10002")
async def refuses_the_early(desk: Desk) -> None:
    refused(await desk.call("GET", "/v5/account/info", skew_ms=3_000), 10002, saying="recv_window")


@case("a wide recv_window lets an old request pass")
async def takes_the_old(desk: Desk) -> None:
    taken(await desk.call("GET", "/v5/account/info", skew_ms=-6_000, window="20000"))


@case("an unknown path is HTTP 404")
async def knows_no_such_path(desk: Desk) -> None:
    same((await desk.call("GET", "/v5/no/such/path")).status, 404, "the HTTP status")


@case("an unknown category and an unknown symbol are 10001")
async def refuses_names(desk: Desk) -> None:
    refused(await desk.call("GET", "/v5/position/list", {"category": "circular", "symbol": desk.symbol}), 10001)
    refused(await desk.call("GET", "/v5/position/list", {"category": "linear", "symbol": "NOSUCHUSDT"}), 10001)


@case("each private answer tells the endpoint's limit, what is left of it, and when it is whole")
async def tells_limits(desk: Desk) -> None:
    left = []
    for _ in range(2):
        headers = taken(await desk.call("GET", "/v5/account/info")).headers
        has(headers, ("x-bapi-limit", "x-bapi-limit-status", "x-bapi-limit-reset-timestamp"), "the answer's header")
        left.append(int(headers["x-bapi-limit-status"]))
        must(0 <= left[-1] < int(headers["x-bapi-limit"]), "what is left does not lie below the limit")
        must(abs(int(headers["x-bapi-limit-reset-timestamp"]) - desk.now_ms()) < 3_000, "the reset is not about now")
    must(left[1] <= left[0], "a second request within the second left more than the first")


@case("a contract tells its grids, limits and price ratios")
async def tells_rules(desk: Desk) -> None:
    row = (await desk.rows("/v5/market/instruments-info", symbol=desk.symbol))[0]
    has(row, ("contractType", "status", "settleCoin", "fundingInterval", "deliveryTime", "leverageFilter"), "the row")
    has(row["priceFilter"], ("tickSize", "minPrice", "maxPrice"), "priceFilter")
    lot = row["lotSizeFilter"]
    has(lot, ("qtyStep", "minOrderQty", "maxOrderQty", "maxMktOrderQty", "minNotionalValue"), "lotSizeFilter")
    same((row["contractType"], row["status"], row["settleCoin"]), ("LinearPerpetual", "Trading", "USDT"), "it")
    must(Decimal(lot["minOrderQty"]) % desk.rules.step == 0, "minOrderQty lies off the step")


@case("a ticker has last, mark and index price, funding and both sides of the book")
async def tells_prices(desk: Desk) -> None:
    row = await desk.ticker()
    prices = ("lastPrice", "markPrice", "indexPrice", "bid1Price", "ask1Price")
    has(row, (*prices, "fundingRate", "nextFundingTime", "openInterest", "price24hPcnt", "turnover24h"), "the ticker")
    must(all(Decimal(row[name]) > 0 for name in prices), f"a price is not above 0: {[row[name] for name in prices]}")
    must(int(row["nextFundingTime"]) > desk.now_ms(), "the next funding lies in the past")


@case("candles come newest first, as texts")
async def tells_candles(desk: Desk) -> None:
    rows = (await desk.get("/v5/market/kline", category="linear", symbol=desk.symbol, interval="5", limit=3))["list"]
    same(len(rows), 3, "the number of candles")
    starts = [int(row[0]) for row in rows]
    same(starts, sorted(starts, reverse=True), "the order of candles")
    must(all(isinstance(cell, str) for row in rows for cell in row), "a cell is no text")
    must(all(Decimal(row[3]) <= Decimal(row[4]) <= Decimal(row[2]) for row in rows), "a close lies outside its candle")


@case("the key may trade and says what it may not")
async def tells_rights(desk: Desk) -> None:
    row = await desk.get("/v5/user/query-api")
    has(row, ("readOnly", "permissions", "ips", "deadlineDay", "expiredAt", "uta"), "query-api")
    same(row["readOnly"], 0, "readOnly")
    must(
        {"Order", "Position"} <= set(row["permissions"].get("ContractTrade", ())), "the key lacks ContractTrade rights"
    )
    same(row["secret"], "", "the secret")


@case("the account is unified and tells its margin mode")
async def tells_account(desk: Desk) -> None:
    row = await desk.get("/v5/account/info")
    must(
        row["marginMode"] in {"REGULAR_MARGIN", "ISOLATED_MARGIN", "PORTFOLIO_MARGIN"},
        f"marginMode {row['marginMode']}",
    )
    must(row["unifiedMarginStatus"] in {3, 4, 5, 6}, f"unifiedMarginStatus {row['unifiedMarginStatus']}")


@case("the wallet tells totals in USD and USDT by itself")
async def tells_wallet(desk: Desk) -> None:
    row = (await desk.get("/v5/account/wallet-balance", accountType="UNIFIED"))["list"][0]
    has(row, ("totalEquity", "totalAvailableBalance", "totalInitialMargin", "accountIMRate", "coin"), "the wallet")
    usdt = next((coin for coin in row["coin"] if coin["coin"] == "USDT"), None)
    must(usdt is not None, "the wallet holds no USDT")
    assert usdt is not None
    has(
        usdt,
        ("equity", "walletBalance", "totalPositionIM", "totalOrderIM", "unrealisedPnl", "cumRealisedPnl", "locked"),
        "USDT",
    )
    must(Decimal(usdt["equity"]) > 0, "there is nothing in it")


@case("a time range of more than seven days is 10001")
async def refuses_long_ranges(desk: Desk) -> None:
    now = desk.now_ms()
    for path in ("/v5/execution/list", "/v5/order/history", "/v5/position/closed-pnl"):
        span = {"category": "linear", "symbol": desk.symbol, "startTime": now - 2 * _WEEK_MS, "endTime": now}
        refused(await desk.call("GET", path, span), 10001)
