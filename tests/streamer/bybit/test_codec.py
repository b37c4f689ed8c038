"""Bybit's rows, whole as they come, into our events."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backstop.domain.execution import Execution, ExitReason, foreign_exit_reason
from backstop.domain.ids import OrderLinkId, Symbol
from backstop.domain.instrument import Instrument
from backstop.domain.margin import Funds
from backstop.domain.modes import AccountMode, MarginMode
from backstop.domain.money import Price, Qty, Usdt
from backstop.domain.order import Order, OrderStatus, Purpose
from backstop.domain.protection import PriceSource
from backstop.domain.side import PositionSide, Side
from backstop.domain.slot import Slot
from backstop.engine.events import Event, ExchangePosition, Executed, OrderReported, WalletReported
from backstop.vault import Credentials
from streamer.bybit import codec
from streamer.bybit.private import TOPICS, PrivateStream

PROFILE = settings(max_examples=200, deadline=None, derandomize=True, database=None)
BTC = Symbol("BTCUSDT")

ORDER: dict[str, Any] = json.loads("""
{"category":"linear","symbol":"BTCUSDT","orderId":"8a1c","orderLinkId":"e-20261124-0001","parentOrderLinkId":"",
 "blockTradeId":"","side":"Buy","positionIdx":0,"orderStatus":"Filled","createType":"CreateByUser",
 "cancelType":"UNKNOWN","rejectReason":"EC_NoError","orderType":"Market","timeInForce":"IOC","isLeverage":"",
 "price":"60600.0","qty":"0.001","avgPrice":"60001.2","leavesQty":"0","leavesValue":"0","cumExecQty":"0.001",
 "cumExecValue":"60.0012","cumExecFee":"0.03300066","cumFeeDetail":{"USDT":"0.03300066"},"closedPnl":"0",
 "feeCurrency":"","stopOrderType":"","triggerPrice":"","triggerDirection":0,"triggerBy":"","takeProfit":"",
 "stopLoss":"","tpTriggerBy":"","slTriggerBy":"","tpLimitPrice":"","slLimitPrice":"","tpslMode":"","ocoTriggerBy":"",
 "orderIv":"","marketUnit":"","placeType":"","lastPriceOnCreated":"60000.0","reduceOnly":false,"closeOnTrigger":false,
 "smpType":"None","smpGroup":0,"smpOrderId":"","slippageToleranceType":"UNKNOWN","slippageTolerance":"0",
 "rpiTakerAccess":false,"rpiMatchedQty":"0","createdTime":"1795482051198","updatedTime":"1795482051203"}
""")
EXECUTION: dict[str, Any] = json.loads("""
{"category":"linear","symbol":"BTCUSDT","orderId":"8a1c","orderLinkId":"e-20261124-0001","side":"Buy",
 "orderType":"Market","stopOrderType":"UNKNOWN","createType":"CreateByUser","orderPrice":"60600.0","orderQty":"0.001",
 "leavesQty":"0","execId":"0ab1","execType":"Trade","execPrice":"60001.2","execQty":"0.001","execValue":"60.0012",
 "execFee":"0.03300066","feeRate":"0.00055","feeCurrency":"USDT","execPnl":"0","closedSize":"0","isMaker":false,
 "execTime":"1795482051202","markPrice":"60010.00","indexPrice":"","underlyingPrice":"","tradeIv":"","markIv":"",
 "blockTradeId":"","isLeverage":"0","marketUnit":"","extraFees":[],"seq":140612148849383}
""")
POSITION: dict[str, Any] = json.loads("""
{"category":"linear","symbol":"BTCUSDT","positionIdx":0,"side":"Buy","size":"0.001","entryPrice":"60001.2",
 "positionValue":"60.01","markPrice":"60010.00","leverage":"10","liqPrice":"","bustPrice":"",
 "breakEvenPrice":"60067.2","positionBalance":"0","positionIM":"6.03","positionIMByMp":"6.03","positionMM":"0.33",
 "positionMMByMp":"0.33","takeProfit":"","stopLoss":"59000","trailingStop":"0","unrealisedPnl":"0.0088",
 "curRealisedPnl":"-0.03300066","cumRealisedPnl":"-12.53","sessionAvgPrice":"","positionStatus":"Normal",
 "tradeMode":0,"tpslMode":"Full","riskId":1,"riskLimitValue":"2000000","autoAddMargin":0,"adlRankIndicator":2,
 "isReduceOnly":false,"mmrSysUpdatedTime":"","leverageSysUpdatedTime":"","createdTime":"1676538056258",
 "updatedTime":"1795482051203","openTime":1795482051203,"seq":140612148849383}
""")
WALLET: dict[str, Any] = json.loads("""
{"accountType":"UNIFIED","totalEquity":"10001.5","totalAvailableBalance":"9000","coin":[
 {"coin":"BTC","equity":"1","walletBalance":"1"},
 {"coin":"USDT","equity":"9999.5","usdValue":"10001.5","walletBalance":"9990","unrealisedPnl":"9.5",
  "availableToWithdraw":"","collateralSwitch":true}]}
""")
INSTRUMENT: dict[str, Any] = json.loads("""
{"symbol":"BTCUSDT","symbolId":5,"contractType":"LinearPerpetual","status":"Trading","baseCoin":"BTC",
 "quoteCoin":"USDT","settleCoin":"USDT","launchTime":"1585526400000","deliveryTime":"0","deliveryFeeRate":"",
 "priceScale":"2","leverageFilter":{"minLeverage":"1","maxLeverage":"100.00","leverageStep":"0.01"},
 "priceFilter":{"minPrice":"0.10","maxPrice":"1999999.80","tickSize":"0.10"},
 "lotSizeFilter":{"minOrderQty":"0.001","qtyStep":"0.001","maxOrderQty":"1190.000","maxMktOrderQty":"500.000",
  "postOnlyMaxOrderQty":"1190.000","minNotionalValue":"5"},
 "unifiedMarginTrade":true,"fundingInterval":480,"preListingInfo":null}
""")
SEQ = 140_612_148_849_383
FUNDING = EXECUTION | {
    "orderType": "UNKNOWN", "orderLinkId": "", "orderPrice": "0", "orderQty": "0", "execType": "Funding",
    "execQty": "0.5", "execPrice": "60010", "execFee": "-1.25", "stopOrderType": "", "createType": "",
}  # fmt: skip


# ---- executions


def test_trade_is_read_whole() -> None:
    assert codec.read_execution(EXECUTION) == Execution(
        exec_id="0ab1",
        symbol=BTC,
        side=Side.BUY,
        exec_type="Trade",
        price=Price(Decimal("60001.2")),
        qty=Qty(Decimal("0.001")),
        fee=Usdt(Decimal("0.03300066")),
        at=1_795_482_051_202,
        order_link_id="e-20261124-0001",
        exchange_order_id="8a1c",
        stop_order_type="UNKNOWN",
        create_type="CreateByUser",
        seq=SEQ,
    )


@pytest.mark.parametrize(("told", "seq"), [("7", 7), (7, 7), (-1, 0), ("-1", 0), ("", 0), (None, 0), ("x", 0)])
def test_sequence_is_read_where_it_is_told(told: object, seq: int) -> None:
    assert codec.read_execution(EXECUTION | {"seq": told}).seq == seq


def test_funding_keeps_its_sign_and_belongs_to_no_order() -> None:
    execution = codec.read_execution(FUNDING)
    assert (execution.exec_type, execution.fee, execution.order_link_id) == ("Funding", Decimal("-1.25"), "")


def test_liquidation_is_told_as_one() -> None:
    execution = codec.read_execution(
        EXECUTION | {"execType": "BustTrade", "orderLinkId": "", "createType": "CreateByTakeOver_PassThrough"}
    )
    assert foreign_exit_reason(execution) is ExitReason.LIQUIDATION


def test_own_stop_of_the_exchange_is_told_as_one() -> None:
    execution = codec.read_execution(EXECUTION | {"stopOrderType": "StopLoss", "createType": "CreateByStopLoss"})
    assert foreign_exit_reason(execution) is ExitReason.STOP_LOSS


def test_exec_type_nobody_knows_passes_as_it_is() -> None:
    assert codec.read_execution(EXECUTION | {"execType": "NewKindOfFill"}).exec_type == "NewKindOfFill"


@pytest.mark.parametrize("fee", ["", None, "UNKNOWN"])
def test_execution_without_a_fee_is_free(fee: object) -> None:
    assert codec.read_execution(EXECUTION | {"execFee": fee}).fee == 0


@pytest.mark.parametrize("key", ["side", "execId", "symbol", "execPrice", "execQty", "execTime", "execType"])
@pytest.mark.parametrize("value", ["", None])
def test_execution_that_lacks_something_is_unreadable(key: str, value: object) -> None:
    with pytest.raises(codec.Unreadable):
        codec.read_execution(EXECUTION | {key: value})


@pytest.mark.parametrize("value", ["NaN", "Infinity", "UNKNOWN", "1e999999", [], {}, True])
@pytest.mark.parametrize("key", ["execPrice", "execQty", "execTime"])
def test_execution_with_an_absurd_number_is_unreadable(key: str, value: object) -> None:
    with pytest.raises(codec.Unreadable):
        codec.read_execution(EXECUTION | {key: value})


# ---- orders


def test_order_is_read_whole() -> None:
    assert codec.read_order(ORDER) == OrderReported(
        OrderLinkId("e-20261124-0001"), "8a1c", OrderStatus.FILLED, Decimal("0.001")
    )


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("Created", OrderStatus.OPEN),
        ("New", OrderStatus.OPEN),
        ("PartiallyFilled", OrderStatus.OPEN),
        ("Untriggered", OrderStatus.OPEN),
        ("Triggered", OrderStatus.OPEN),
        ("Filled", OrderStatus.FILLED),
        ("Cancelled", OrderStatus.CANCELED),
        ("PartiallyFilledCanceled", OrderStatus.CANCELED),
        ("Deactivated", OrderStatus.CANCELED),
        ("Rejected", OrderStatus.REJECTED),
    ],
)
def test_order_status(name: str, status: OrderStatus) -> None:
    report = codec.read_order(ORDER | {"orderStatus": name})
    assert report is not None
    assert report.status is status


def test_canceled_order_says_what_was_filled_and_why_it_ended() -> None:
    row = ORDER | {"orderStatus": "Cancelled", "rejectReason": "EC_NoImmediateQtyToFill", "cumExecQty": "0.0004"}
    report = codec.read_order(row)
    assert report is not None
    assert (report.filled_qty, report.reason) == (Decimal("0.0004"), "EC_NoImmediateQtyToFill")


def test_filled_order_has_no_reason_even_when_a_cancel_raced_it() -> None:
    report = codec.read_order(ORDER | {"rejectReason": "EC_OrigClOrdIDDoesNotExist"})
    assert report is not None
    assert report.reason is None


@pytest.mark.parametrize("link_id", ["", None])
def test_order_without_our_id_is_not_ours(link_id: object) -> None:
    assert codec.read_order(ORDER | {"orderLinkId": link_id, "orderStatus": "Unheard"}) is None


@pytest.mark.parametrize("status", ["", None, "Frozen", 7])
def test_order_status_nobody_knows_is_unreadable(status: object) -> None:
    with pytest.raises(codec.Unreadable):
        codec.read_order(ORDER | {"orderStatus": status})


# ---- positions


def test_position_is_read_whole() -> None:
    assert codec.read_position(POSITION, 7) == ExchangePosition(
        symbol=BTC,
        side=PositionSide.LONG,
        size=Decimal("0.001"),
        entry_price=Decimal("60001.2"),
        mark_price=Decimal("60010.00"),
        stop_loss=Price(Decimal(59000)),
        at=7,
        seq=SEQ,
        leverage=Decimal(10),
    )


def test_position_read_over_rest_has_its_average_price() -> None:
    row = {key: value for key, value in POSITION.items() if key != "entryPrice"} | {"avgPrice": "60000", "side": "Sell"}
    position = codec.read_position(row, 7)
    assert (position.side, position.entry_price) == (PositionSide.SHORT, Decimal(60000))


@pytest.mark.parametrize("side", ["", "None", None, "Buy"])
@pytest.mark.parametrize("size", ["0", "0.000"])
def test_flat_position(side: object, size: str) -> None:
    row = POSITION | {"side": side, "size": size, "entryPrice": "0", "stopLoss": "0", "liqPrice": "", "markPrice": ""}
    assert codec.read_position(row, 7) == ExchangePosition(
        BTC, None, Decimal(0), Decimal(0), Decimal(0), None, 7, seq=SEQ, leverage=Decimal(10)
    )


@pytest.mark.parametrize("idx", [1, 2, "1", "2"])
def test_position_of_one_side_says_which(idx: object) -> None:
    assert codec.read_position(POSITION | {"positionIdx": idx}, 7).slot == Slot(BTC, int(str(idx)))


@pytest.mark.parametrize("idx", [3, -1, "x", None, 1.5])
def test_position_of_an_unknown_side_is_unreadable(idx: object) -> None:
    with pytest.raises(codec.Unreadable):
        codec.read_position(POSITION | {"positionIdx": idx}, 7)


@pytest.mark.parametrize("leverage", ["", "0", None])
def test_position_without_a_leverage(leverage: object) -> None:
    assert codec.read_position(POSITION | {"leverage": leverage}, 7).leverage is None


@pytest.mark.parametrize(
    ("name", "margin"),
    [
        ("ISOLATED_MARGIN", MarginMode.ISOLATED),
        ("REGULAR_MARGIN", MarginMode.CROSS),
        ("PORTFOLIO_MARGIN", MarginMode.PORTFOLIO),
    ],
)
@pytest.mark.parametrize(("status", "unified"), [(1, False), ("1", False), (3, True), (6, True)])
def test_account_mode(name: str, margin: MarginMode, status: object, unified: bool) -> None:
    assert codec.read_account_mode({"marginMode": name, "unifiedMarginStatus": status}) == AccountMode(margin, unified)


@pytest.mark.parametrize("name", ["", None, "GOLD_MARGIN"])
def test_account_mode_nobody_knows_is_unreadable(name: object) -> None:
    with pytest.raises(codec.Unreadable):
        codec.read_account_mode({"marginMode": name, "unifiedMarginStatus": 6})


@pytest.mark.parametrize("stop", ["", "0", "0.00", None, "UNKNOWN", "None"])
def test_position_without_a_stop(stop: object) -> None:
    assert codec.read_position(POSITION | {"stopLoss": stop}, 7).stop_loss is None


@pytest.mark.parametrize(
    "change",
    [
        {"side": "UNKNOWN"},
        {"side": ""},
        {"side": None},
        {"size": "UNKNOWN"},
        {"size": ""},
        {"size": None},
        {"size": "NaN"},
        {"size": "-0.001"},
        {"symbol": ""},
    ],
)
def test_position_that_is_not_understood_is_never_flat(change: dict[str, object]) -> None:
    with pytest.raises(codec.Unreadable):
        codec.read_position(POSITION | change, 7)


# ---- wallet, instruments


STOP = {"symbol": "BTCUSDT", "stopOrderType": "StopLoss", "triggerPrice": "58700", "triggerBy": "MarkPrice"}


@pytest.mark.parametrize(
    ("name", "source"),
    [("LastPrice", PriceSource.LAST), ("MarkPrice", PriceSource.MARK), ("IndexPrice", PriceSource.INDEX)],
)
def test_stop_at_the_exchange_says_which_price_it_is_compared_with(name: str, source: PriceSource) -> None:
    assert codec.read_stop(STOP | {"triggerBy": name}) == (Slot(BTC), Decimal(58700), source)


@pytest.mark.parametrize("kind", ["TakeProfit", "PartialStopLoss", "TrailingStop", "Stop", "", None])
def test_order_that_is_no_stop_of_a_whole_position_is_passed_over(kind: object) -> None:
    assert codec.read_stop(STOP | {"stopOrderType": kind}) is None


@pytest.mark.parametrize("change", [{"triggerBy": ""}, {"triggerBy": "Gold"}, {"triggerPrice": ""}, {"symbol": ""}])
def test_stop_that_is_not_understood_is_unreadable(change: dict[str, object]) -> None:
    with pytest.raises(codec.Unreadable):
        codec.read_stop(STOP | change)


def test_equity_is_that_of_usdt() -> None:
    assert codec.read_equity([WALLET]) == Decimal("9999.5")


@pytest.mark.parametrize("coins", [None, [], [{"coin": "BTC", "equity": "1"}], [{"coin": "USDT", "equity": ""}]])
def test_equity_is_unknown_without_usdt(coins: object) -> None:
    assert codec.read_equity([WALLET | {"coin": coins}]) is None


def test_free_margin_is_read_for_both_margin_modes() -> None:
    coin = {
        "coin": "USDT",
        "equity": "1000",
        "walletBalance": "990",
        "totalPositionIM": "100",
        "totalOrderIM": "20",
        "locked": "5",
        "bonus": "1",
    }
    told = codec.read_wallet([{"totalAvailableBalance": "", "coin": [coin]}])
    assert told == WalletReported(Decimal(1000), Funds(None, Decimal(864)))
    assert codec.read_wallet([{"totalAvailableBalance": "9", "coin": []}]) is None


def test_instrument_is_read_whole() -> None:
    assert codec.read_instrument(INSTRUMENT) == Instrument(
        symbol=BTC,
        tick_size=Decimal("0.10"),
        qty_step=Decimal("0.001"),
        min_qty=Qty(Decimal("0.001")),
        max_market_qty=Qty(Decimal(500)),
        min_notional=Decimal(5),
        max_leverage=Decimal(100),
        tradable=True,
    )


@pytest.mark.parametrize(
    "change",
    [{"status": "PreLaunch"}, {"status": "Delivering"}, {"status": "Closed"}, {"deliveryTime": "1795482051198"}],
)
def test_instrument_that_is_leaving_is_not_tradable(change: dict[str, object]) -> None:
    assert not codec.read_instrument(INSTRUMENT | change).tradable


# ---- orders out


def an_order(**changes: Any) -> Order:
    return Order(
        **{
            "link_id": OrderLinkId("id-o-1"),
            "symbol": BTC,
            "side": Side.BUY,
            "purpose": Purpose.ENTRY,
            "qty": Qty(Decimal("0.0010")),
            "created_at": 1,
            "reduce_only": False,
            "stop_loss": Price(Decimal("59000.50")),
            **changes,
        }
    )


def test_entry_carries_its_stop() -> None:
    assert codec.create_body(an_order()) == {
        "category": "linear",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Market",
        "qty": "0.001",
        "positionIdx": 0,
        "orderLinkId": "id-o-1",
        "stopLoss": "59000.5",
        "slTriggerBy": "LastPrice",
        "tpslMode": "Full",
        "slOrderType": "Market",
    }


@pytest.mark.parametrize(("post_only", "time_in_force"), [(False, "GTC"), (True, "PostOnly")])
def test_limit_entry_names_its_price_and_how_long_it_stays(post_only: bool, time_in_force: str) -> None:
    body = codec.create_body(an_order(limit_price=Price(Decimal("59900.50")), post_only=post_only))
    assert (body["orderType"], body["price"], body["timeInForce"]) == ("Limit", "59900.5", time_in_force)
    assert body["stopLoss"] == "59000.5"


def test_close_is_reduce_only_and_carries_no_stop() -> None:
    close = an_order(side=Side.SELL, reduce_only=True, purpose=Purpose.STOP_LOSS, qty=Qty(Decimal("1E+3")))
    assert codec.create_body(close) == {
        "category": "linear",
        "symbol": "BTCUSDT",
        "side": "Sell",
        "orderType": "Market",
        "qty": "1000",
        "positionIdx": 0,
        "orderLinkId": "id-o-1",
        "reduceOnly": True,
    }


def test_close_of_dust_asks_for_all_that_is_held() -> None:
    """Bybit V5, "Place Order": qty "0" with reduceOnly and closeOnTrigger."""
    close = an_order(side=Side.SELL, reduce_only=True, whole=True, purpose=Purpose.STOP_LOSS)
    body = codec.create_body(close)
    assert (body["qty"], body["reduceOnly"], body["closeOnTrigger"]) == ("0", True, True)


def test_entry_without_a_stop_says_nothing_of_one() -> None:
    assert "stopLoss" not in codec.create_body(an_order(stop_loss=None))


# ---- anything at all


class Heard:
    """A private stream without a socket, and what came of its frames."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.unreadable: list[tuple[str, str, str]] = []
        self.novel: list[str] = []
        """What was new about rows that count all the same."""
        self.stream = PrivateStream(
            "test",
            "ws://127.0.0.1:1",
            Credentials("k", "s"),
            on_event=self.events.append,
            on_open=lambda: None,
            on_unreadable=self.set_aside,
            clock=lambda: 7,
        )

    def set_aside(self, topic: str, reason: str, payload: str) -> None:
        if reason.startswith("not known here"):
            self.novel.append(reason)
        else:
            self.unreadable.append((topic, reason, payload))

    def hears(self, topic: str, *rows: object) -> None:
        self.stream.receive(json.dumps({"id": "x", "topic": topic, "creationTime": 1, "data": rows}))


TEXTS = st.one_of(
    st.sampled_from(["", "0", "None", "UNKNOWN", "NaN", "sNaN", "Infinity", "-1", "1e999999999", "-0", "Buy", "Trade"]),
    st.text(max_size=8),
)
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
WHOLE = {"execution": EXECUTION, "order": ORDER, "position": POSITION, "wallet": WALLET}


@PROFILE
@given(topic=st.sampled_from(TOPICS), data=st.data())
@pytest.mark.fault(31)
def test_row_spoilt_anywhere_becomes_an_event_or_is_set_aside(topic: str, data: st.DataObject) -> None:
    row = dict(WHOLE[topic])
    for key in data.draw(st.lists(st.sampled_from(sorted(row)), min_size=1, max_size=4)):
        row[key] = data.draw(ANYTHING)
    heard = Heard()
    heard.hears(topic, row, {"unknown": 1, **WHOLE[topic]})
    assert len(heard.events) + len(heard.unreadable) <= 2
    assert heard.events, "the good row behind it must be read"


@PROFILE
@given(topic=st.sampled_from([*TOPICS, "greeks", ""]), rows=ANYTHING)
@pytest.mark.fault(31)
def test_rows_of_any_shape_never_raise(topic: str, rows: Any) -> None:
    Heard().stream.receive(json.dumps({"topic": topic, "data": rows}))
    Heard().hears(topic, rows)


@PROFILE
@given(frame=st.one_of(st.binary(max_size=60), st.text(max_size=60), ANYTHING.map(json.dumps)))
@pytest.mark.fault(31)
def test_frame_of_any_bytes_never_raises(frame: str | bytes) -> None:
    Heard().stream.receive(frame)


def test_frame_nested_too_deep_is_set_aside() -> None:
    heard = Heard()
    assert not heard.stream.receive("[" * 100_000)
    assert heard.unreadable[0][0] == "private"


def test_good_rows_around_a_bad_one_are_read() -> None:
    heard = Heard()
    heard.hears("execution", EXECUTION, {"category": "linear"}, None, EXECUTION | {"execId": "0ab2"})
    assert [event.execution.exec_id for event in heard.events if isinstance(event, Executed)] == ["0ab1", "0ab2"]
    assert [what[0] for what in heard.unreadable] == ["execution", "execution"]
    assert heard.unreadable[0][2] == '{"category":"linear"}'


def test_rows_of_other_categories_and_topics_are_passed_over() -> None:
    heard = Heard()
    heard.hears("order", ORDER | {"category": "spot", "orderStatus": "Unheard", "onlyOfSpot": "1"})
    heard.hears("greeks", {"coin": "BTC"})
    assert not heard.events
    assert not heard.unreadable
    assert not heard.novel


def test_wallet_becomes_equity() -> None:
    heard = Heard()
    heard.hears("wallet", WALLET)
    assert heard.events == [WalletReported(Decimal("9999.5"), Funds(Decimal(9000), Decimal(9990)))]
