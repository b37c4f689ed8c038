"""The core's laws: money, average entry, flips, reduce-only."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.model import ZERO, MarginMode, Position, Side
from simulator.orders import cancel_all
from simulator.settlement import fund, trade_by_hand
from tests.simulator.bench import BALANCE, Bench

D = Decimal
lots = st.integers(1, 200).map(lambda count: str(D(count) / 1000))
prices = st.integers(500_000, 700_000).map(lambda ticks: str(D(ticks) / 10))
step = st.tuples(
    st.sampled_from(["price", "market", "limit", "reduce", "reduce limit", "fund", "hand", "cancel"]),
    st.sampled_from(["Buy", "Sell"]),
    lots,
    prices,
)
lives = st.lists(step, min_size=5, max_size=60)


def play(bench: Bench, steps: list[tuple[str, str, str, str]]) -> None:
    """Carry out a random life; refusals are part of it."""
    for kind, side, qty, price in steps:
        match kind:
            case "price":
                bench.price(price)
            case "market":
                bench.order(side, qty)
            case "limit":
                bench.order(side, qty, orderType="Limit", price=price)
            case "reduce":
                bench.order(side, qty, reduceOnly=True)
            case "reduce limit":
                bench.order(side, qty, orderType="Limit", price=price, reduceOnly=True)
            case "fund":
                fund(bench.exchange, "BTCUSDT", D("0.0001"), bench.now)
            case "hand":
                trade_by_hand(
                    bench.exchange, bench.account, symbol="BTCUSDT", side=Side(side), qty=D(qty), now_ms=bench.now
                )
            case _:
                cancel_all(
                    bench.exchange,
                    bench.account,
                    symbol="BTCUSDT",
                    order_filter="",
                    stop_order_type="",
                    now_ms=bench.now,
                )


@settings(max_examples=80, deadline=None)
@given(lives)
def test_the_wallet_is_the_sum_of_the_ledger_and_of_the_executions(steps: list[tuple[str, str, str, str]]) -> None:
    bench = Bench()
    play(bench, steps)
    account = bench.account
    assert account.wallet == sum((row.change for row in account.ledger), ZERO)
    assert account.wallet == BALANCE + sum((fill.pnl - fill.fee for fill in account.executions), ZERO)
    assert all(row.change == row.cash_flow + row.funding - row.fee for row in account.ledger)
    balances = [row.balance for row in account.ledger]
    assert balances[-1] == account.wallet


@settings(max_examples=80, deadline=None)
@given(lives)
def test_the_position_is_the_sum_of_the_trades(steps: list[tuple[str, str, str, str]]) -> None:
    bench = Bench()
    play(bench, steps)
    trades = [fill for fill in bench.account.executions if fill.exec_type != "Funding"]
    assert bench.position.size == sum((fill.side.sign * fill.qty for fill in trades), ZERO)
    assert sum((order.margin_reserved for order in bench.account.closed_orders.values()), ZERO) == 0
    for order in (*bench.account.open_orders.values(), *bench.account.closed_orders.values()):
        mine = [fill for fill in trades if fill.order_id == order.order_id]
        assert order.cum_exec_qty == sum((fill.qty for fill in mine), ZERO) <= order.qty
        if order.reduce_only:
            assert all(fill.closed_size == fill.qty for fill in mine)


@settings(max_examples=60, deadline=None)
@given(lives)
def test_over_a_round_trip_the_profit_is_the_cash_that_moved(steps: list[tuple[str, str, str, str]]) -> None:
    bench = Bench()
    play(bench, steps)
    size = bench.position.size
    if size:
        side = Side.SELL if size > 0 else Side.BUY
        trade_by_hand(
            bench.exchange,
            bench.account,
            symbol="BTCUSDT",
            side=side,
            qty=abs(size),
            now_ms=bench.now,
            reduce_only=True,
        )
    trades = [fill for fill in bench.account.executions if fill.exec_type != "Funding"]
    moved = sum((-fill.side.sign * fill.qty * fill.price for fill in trades), ZERO)
    assert bench.position == Position(
        "BTCUSDT",
        cum_realised=bench.position.cum_realised,
        created_ms=bench.position.created_ms,
        updated_ms=bench.position.updated_ms,
        seq=bench.position.seq,
    )
    assert sum((fill.pnl for fill in trades), ZERO) == moved


@settings(max_examples=60, deadline=None)
@given(lives, st.sampled_from(["Buy", "Sell"]), lots)
def test_reduce_only_never_increases_a_position(steps: list[tuple[str, str, str, str]], side: str, qty: str) -> None:
    bench = Bench()
    play(bench, steps)
    before = bench.position.size
    bench.order(side, qty, reduceOnly=True)
    after = bench.position.size
    assert abs(after) <= abs(before)
    assert after * before >= 0


def test_average_entry_weighs_the_openings_and_ignores_reductions() -> None:
    bench = Bench()
    bench.placed("Buy", "0.01")
    bench.price(63_000)
    bench.placed("Buy", "0.02")
    assert bench.position.entry_price == 62_000  # (0.01·60000 + 0.02·63000) / 0.03
    bench.price(64_000)
    closing = bench.placed("Sell", "0.015", reduceOnly=True)
    assert bench.position.entry_price == 62_000
    fill = bench.account.executions[-1]
    assert (fill.pnl, fill.closed_size) == (D(30), D("0.015"))  # 0.015·(64000 - D(62000))
    # Net of half the opening fees, (600 + 1260)·0.00055/2, and the closing fee, 960·0.00055.
    assert closing.closed_pnl == 30 - D("0.5115") - D("0.528")


def test_a_flip_closes_the_old_side_and_starts_the_average_anew() -> None:
    bench = Bench()
    bench.placed("Buy", "0.01")
    bench.price(61_000)
    bench.placed("Sell", "0.03")
    fill = bench.account.executions[-1]
    assert (fill.qty, fill.closed_size, fill.pnl) == (D("0.03"), D("0.01"), D(10))
    assert (bench.position.size, bench.position.entry_price) == (D("-0.02"), D(61_000))
    assert bench.account.closed_pnl[-1].closed_size == D("0.01")


def test_a_fee_is_quantity_times_price_times_rate() -> None:
    bench = Bench(D(100_000))
    bench.price("95900.1")
    bench.placed("Buy", "0.5")
    assert bench.account.executions[-1].fee == D("26.3725275")  # the docs' own sample


def test_funding_moves_cash_and_not_the_position() -> None:
    bench = Bench()
    bench.placed("Sell", "0.1")
    before = bench.account.wallet
    assert fund(bench.exchange, "BTCUSDT", D("0.0001"), bench.now) == 1
    row, fill = bench.account.ledger[-1], bench.account.executions[-1]
    assert bench.account.wallet - before == D("0.6")  # a short receives 0.1·60000·0.0001
    assert (row.kind, row.funding, row.change) == ("SETTLEMENT", D("0.6"), D("0.6"))
    assert (fill.exec_type, fill.fee, fill.fee_rate, fill.qty) == ("Funding", D("-0.6"), D("-0.0001"), D("0.1"))
    assert bench.position.size == D("-0.1")


def test_ids_depend_on_the_seed_and_the_order_of_events_alone() -> None:
    first, second = Bench(), Bench()
    ids = [bench.placed("Buy", "0.01").order_id for bench in (first, second)]
    assert ids[0] == ids[1] != first.placed("Buy", "0.01").order_id


def test_a_cross_account_is_liquidated_when_equity_meets_maintenance_and_never_owes() -> None:
    bench = Bench(D(1_000))
    bench.account.leverage["BTCUSDT"] = D(100)
    bench.placed("Buy", "0.1")
    bench.price(55_000)
    assert bench.position.size != 0
    bench.price(40_000)
    fill = bench.account.executions[-1]
    assert (bench.position.size, fill.exec_type) == (D(0), "BustTrade")
    assert fill.create_type == "CreateByTakeOver_PassThrough"
    assert 0 <= bench.account.wallet < D("0.01")


def test_an_isolated_position_is_taken_over_at_its_bankruptcy_price() -> None:
    bench = Bench()
    bench.account.margin_mode = MarginMode.ISOLATED
    bench.placed("Buy", "0.1")
    bench.price(54_300)  # liquidation: 54000/0.995 = 54271.4
    assert bench.position.size != 0
    bench.price(54_271)
    fill = bench.account.executions[-1]
    assert (bench.position.size, fill.exec_type, fill.price) == (D(0), "BustTrade", D(54_000))
