"""One account traded by all parts together, against the exchange look-alike and a real database."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from backstop.domain.ids import CommandId, Symbol
from backstop.domain.money import Price
from backstop.domain.position import PositionStatus
from backstop.domain.protection import PriceMark, PriceSource
from backstop.domain.slot import Slot
from backstop.engine.events import CommandReceived, ProtectCommand
from simulator.server import running_simulator
from streamer.database import Pool
from streamer.journal import Fenced
from tests.store.books import Books
from tests.streamer.desk import BTC, CREDENTIALS, Desk, Exchange, Owned
from tests.streamer.waiting import eventually, holding, rows_of

FEE = Decimal("0.00055")
NOTICES = "select data from events where type = 'notice' order by seq"


@pytest.fixture
async def desk(pool: Pool, books: Books) -> AsyncIterator[Desk]:
    async with running_simulator() as sim, aiohttp.ClientSession() as session:
        exchange = Exchange(sim)
        await exchange.opens_account()
        await exchange.price("60000")
        one = Desk(exchange, pool, session, books)
        yield one
        await one.close()


def faults_in(error: BaseException | None) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in faults_in(inner)]
    return [error] if error is not None else []


async def test_a_signal_opens_protected_and_a_tick_closes(desk: Desk) -> None:
    await desk.own()
    signal = desk.signals("buy")
    position = await desk.opens()
    assert (position["id"], position["qty"], position["stop_loss"]) == (signal, Decimal("0.01"), Decimal(59100))
    assert position["resident_stop"] == Decimal(58800)  # 0.5 % of the entry price behind
    await desk.exchange.price("59050")
    (trade,) = await desk.has_traded(1)
    assert (trade["exit_reason"], trade["gross_pnl"]) == ("stop_loss", Decimal("-9.5"))
    assert trade["fees"] == Decimal("0.01") * (60000 + 59050) * FEE
    assert desk.exchange.held == 0
    assert (await desk.settled(signal))["status"] == "executed"
    assert [request.order_link_id for request in desk.exchange.requests] == [row["link_id"] for row in desk.orders()]
    await desk.agrees_with_the_exchange()


async def test_signals_are_carried_out_in_order_one_by_one(desk: Desk) -> None:
    desk.trades_by(max_age_s=300)
    await desk.own()
    bars = [datetime.now(UTC) - timedelta(seconds=back) for back in (15, 12, 9, 6, 3, 0)]
    actions = ("buy", "sell", "close", "sell", "buy", "close")
    sent = [desk.signals(action, alert_time=bar) for action, bar in zip(actions, bars, strict=True)]
    ends = [await desk.settled(signal) for signal in sent]
    assert [end["status"] for end in ends] == ["executed"] * 6
    trades = await desk.has_traded(4)
    assert [trade["side"] for trade in trades] == ["long", "short", "short", "long"]
    assert desk.exchange.held == 0
    await desk.agrees_with_the_exchange()


@pytest.mark.fault(25)
async def test_fills_during_a_cut_private_stream_are_all_there_once(desk: Desk) -> None:
    owned = await desk.own()
    desk.signals("buy", qty=Decimal("0.1"))
    await desk.opens()
    await desk.exchange.fault("refuse_private")
    await desk.exchange.fault("disconnect_private", abort=True)
    await eventually(lambda: not owned.is_connected, "the cut noticed")
    for number in range(30):
        await desk.exchange.price(str(60000 + number))
        await desk.exchange.by_hand("Sell", "0.003", reduce_only=True)
    await desk.exchange.mend()
    await eventually(lambda: owned.is_connected, "back")
    await desk.agrees_with_the_exchange()
    await eventually(lambda: [row["qty"] for row in desk.positions()] == [Decimal("0.010")], "shrunk to what is held")


async def test_lost_messages_are_made_up_for(desk: Desk) -> None:
    await desk.own()
    await desk.exchange.fault("drop_private")
    signal = desk.signals("buy")
    await desk.opens()
    await desk.exchange.price("59050")
    await desk.has_traded(1)
    assert (await desk.settled(signal))["status"] == "executed"
    await desk.agrees_with_the_exchange()


@pytest.mark.fault(22)
async def test_a_deaf_private_stream_is_replaced(desk: Desk) -> None:
    """Connected and ponging, but it tells nothing of what the exchange's lists show."""
    owned = await desk.own()
    (before,) = [connection.conn_id for connection in desk.exchange.sim.venue.private]
    await eventually(lambda: owned.private.hears_for_ms > 1_000, "a stream that should have heard")
    await desk.exchange.fault("mute_private")
    desk.signals("buy")
    await desk.opens()
    replaced = lambda: [one for one in desk.exchange.sim.venue.private if one.conn_id != before]  # noqa: E731
    await eventually(replaced, "another connection")
    await desk.exchange.mend()
    await eventually(lambda: owned.is_connected, "logged in again")
    await desk.exchange.price("59050")
    await desk.has_traded(1)
    await desk.agrees_with_the_exchange()


async def test_a_single_lost_message_costs_one_connection_only(desk: Desk) -> None:
    owned = await desk.own()
    await eventually(lambda: owned.private.hears_for_ms > 1_000)
    await desk.exchange.fault("drop_private", topic="execution", times=1)
    desk.signals("buy")
    await desk.opens()
    await eventually(lambda: owned.is_connected and owned.private.hears_for_ms < 60_000)
    desk.signals("close")
    await desk.has_traded(1)
    await desk.agrees_with_the_exchange()


@pytest.mark.parametrize(
    "order",
    [
        ["position", "order", "execution", "wallet"],
        ["wallet", "order", "position", "execution"],
        ["execution", "wallet"],
    ],
)
@pytest.mark.fault(26)
async def test_doubled_and_reordered_messages_change_nothing(desk: Desk, order: list[str]) -> None:
    await desk.own()
    await desk.exchange.fault("duplicate_private")
    await desk.exchange.fault("reorder", order=order)
    desk.trades_by(protection={"stop_loss": "1.5%", "take_profit": [{"at": "1%", "portion": "50%"}]})
    desk.signals("buy")
    await desk.opens()
    await desk.exchange.price("60601")
    await eventually(lambda: [row["qty"] for row in desk.positions()] == [Decimal("0.005")], "half taken")
    await desk.exchange.price("59050")
    (trade,) = await desk.has_traded(1)
    assert trade["gross_pnl"] == Decimal("0.005") * 601 - Decimal("0.005") * 950
    await desk.agrees_with_the_exchange()


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("broken_json", {"path": "/v5/order/create"}),
        ("ack_lost", {"how": "drop"}),
        ("http_status", {"status": 502, "path": "/v5/order/create"}),
    ],
)
async def test_an_entry_whose_answer_says_nothing_is_made_once_or_not_at_all(
    desk: Desk, kind: str, parameters: dict[str, Any]
) -> None:
    await desk.own()
    await desk.exchange.fault(kind, times=1, **parameters)
    signal = desk.signals("buy")
    row = await desk.settled(signal)
    assert row["status"] == "executed"
    assert desk.exchange.held == Decimal("0.01")
    assert len({request.order_link_id for request in desk.exchange.requests}) == 1
    await desk.agrees_with_the_exchange()


async def test_a_close_whose_answer_is_lost_closes_once(desk: Desk) -> None:
    await desk.own()
    desk.signals("buy")
    await desk.opens()
    await desk.exchange.fault("broken_json", path="/v5/order/create", times=1)
    await desk.exchange.fault("drop_private")
    await desk.exchange.price("59050")
    await desk.has_traded(1)
    assert [row["status"] for row in desk.orders()] == ["filled", "filled"]
    await desk.agrees_with_the_exchange()


@pytest.mark.fault(23)
async def test_a_mute_market_triggers_nothing_and_closes_when_it_is_heard_again(desk: Desk) -> None:
    owned = await desk.own()
    desk.signals("buy")
    await desk.opens()
    await desk.exchange.fault("mute_public")
    await desk.exchange.price("59050")  # beyond the watched stop, not the resident one
    public = owned.market.feed.sockets[0]
    heard = public.last_data_at
    await eventually(lambda: public.last_data_at != heard, "torn down and connected again")
    assert len(desk.exchange.requests) == 1
    assert desk.trades() == []
    await desk.exchange.mend()
    (trade,) = await desk.has_traded(1)
    assert trade["exit_price"] == 59050
    await desk.agrees_with_the_exchange()


async def test_a_price_too_old_opens_nothing(desk: Desk) -> None:
    owned = await desk.own()
    desk.trades_by(max_age_s=1)
    await desk.exchange.fault("mute_public")
    await eventually(lambda: _quote_age(owned) > 3_000, "an old price")
    signal = desk.signals("buy")
    assert (await desk.settled(signal))["status"] == "expired"
    assert desk.exchange.requests == []


async def test_an_entry_whose_price_has_gone_while_it_was_written_down_is_not_sent(desk: Desk) -> None:
    owned = await desk.own()
    async with holding(desk.books, "select 1 from leases for update"):  # nothing can be committed
        signal = desk.signals("buy")
        await eventually(lambda: bool(owned.actor.state.orders), "the entry is decided")
        await desk.exchange.price("60600")
        await eventually(
            lambda: [quote.last for quote in owned.market.quotes().values()] == [60600], "the price is there"
        )
    settled = await desk.settled(signal)
    assert (settled["status"], "the price moved" in settled["reason"]) == ("expired", True)
    assert desk.exchange.requests == []


def _quote_age(owned: Owned) -> int:
    (quote,) = owned.market.quotes().values()
    return owned.account._means.clock() - quote.at


async def test_nothing_opens_without_a_fresh_lease_and_closes_go_through(desk: Desk) -> None:
    fresh = True
    await desk.own(may_open=lambda: fresh)
    desk.trades_by(max_age_s=2)
    desk.signals("buy")
    await desk.opens()
    fresh = False
    refused = desk.signals("reverse")
    await desk.has_traded(1)
    assert desk.exchange.held == 0
    assert (await desk.settled(refused))["status"] == "expired"
    assert [request.reduce_only for request in desk.exchange.requests] == [False, True]


async def test_an_opening_waits_for_a_lease_that_is_renewed_late(desk: Desk) -> None:
    fresh = True
    await desk.own(may_open=lambda: fresh)
    desk.signals("buy")
    await desk.opens()
    fresh = False
    late = desk.signals("reverse")
    await desk.has_traded(1)
    fresh = True
    assert (await desk.settled(late))["status"] == "executed"
    assert desk.exchange.held == Decimal("-0.01")


async def test_a_kill_between_sending_and_hearing_leaves_one_order_and_right_books(desk: Desk) -> None:
    first = await desk.own()
    await desk.exchange.fault("mute_private")
    await desk.exchange.fault("ack_lost", how="hang", times=1)
    signal = desk.signals("buy")
    await eventually(lambda: desk.exchange.held > 0, "the order at the exchange")
    await first.kill()
    assert [row["status"] for row in desk.orders()] in (["intended"], ["sent"])
    await desk.exchange.mend()
    await desk.own("two")
    position = await desk.opens()
    assert (position["id"], position["qty"]) == (signal, Decimal("0.01"))
    assert len(desk.exchange.requests) == 1
    await desk.exchange.price("59050")
    await desk.has_traded(1)
    await desk.agrees_with_the_exchange()


async def test_a_kill_between_writing_an_entry_down_and_sending_it_loses_nothing(desk: Desk) -> None:
    first = await desk.own(may_open=lambda: False)
    signal = desk.signals("buy")
    await eventually(desk.orders, "the intent")
    await first.kill()
    assert ([row["status"] for row in desk.orders()], desk.exchange.requests) == (["intended"], [])
    await desk.own("two")
    assert (await desk.settled(signal))["status"] == "executed"
    assert len(desk.exchange.requests) == 1


async def test_a_kill_between_a_stop_and_its_record_closes_once(desk: Desk) -> None:
    first = await desk.own()
    desk.signals("buy")
    await desk.opens()
    await desk.exchange.fault("mute_private")
    await desk.exchange.fault("ack_lost", how="hang", times=1)
    async with holding(desk.books, "select 1 from leases for update"):  # nothing can be committed
        await desk.exchange.price("59050")
        await eventually(lambda: desk.exchange.held == 0, "closed at the exchange")
        await first.kill()
    assert [row["status"] for row in desk.positions()] == ["open"]
    await desk.exchange.mend()
    await desk.own("two")
    (trade,) = await desk.has_traded(1)
    assert trade["exit_reason"] == "stop_loss"
    assert len([request for request in desk.exchange.requests if request.reduce_only]) == 1
    await desk.agrees_with_the_exchange()


async def test_a_kill_before_a_signal_is_decided_loses_nothing(desk: Desk) -> None:
    """Claimed under an epoch that ended: the next one takes it again."""
    first = await desk.own()
    async with holding(desk.books, "select 1 from leases for update"):
        signal = desk.signals("buy")
        await eventually(
            lambda: desk.books.rows("select id from signals where claimed_epoch is not null"), "the signal claimed"
        )
        await first.kill()
    assert desk.signal(signal)["status"] == "accepted"
    await desk.own("two")
    await desk.opens()
    assert len(desk.exchange.requests) == 1


async def test_a_claim_whose_answer_was_lost_is_taken_again(desk: Desk) -> None:
    await desk.own()
    async with holding(desk.books, "lock table commands in access exclusive mode"):
        signal = desk.signals("buy")
        waiting = "select pid from pg_stat_activity where wait_event_type = 'Lock' and query like %s"
        (row,) = await eventually(lambda: desk.books.rows(waiting, "%update commands%"), "commands asked for")
        desk.books.rows("select pg_terminate_backend(%s)", row["pid"])
        await eventually(lambda: not desk.books.rows("select pid from pg_stat_activity where pid = %s", row["pid"]))
    assert (await desk.settled(signal))["status"] == "executed"
    assert desk.exchange.held == Decimal("0.01")


async def test_the_one_whose_lease_was_taken_stops_and_writes_nothing(desk: Desk) -> None:
    first = await desk.own("one")
    desk.signals("buy")
    await desk.opens()
    second = await desk.own("two")
    await desk.exchange.price("59050")
    await desk.has_traded(1)
    await eventually(first.work.done, "the stale one stopped")
    assert any(isinstance(fault, Fenced) for fault in faults_in(first.work.exception()))
    assert not second.work.done()
    assert len([request for request in desk.exchange.requests if request.ret_code == 0]) == 2
    assert desk.exchange.held == 0
    await desk.agrees_with_the_exchange()


async def test_two_owners_at_once_make_one_order_of_a_signal(desk: Desk) -> None:
    first = await desk.own("one")
    await desk.own("two")
    sent = [desk.signals("buy"), desk.signals("close")]
    for signal in sent:
        assert (await desk.settled(signal))["status"] == "executed"
    await desk.has_traded(1)
    assert desk.exchange.held == 0
    assert len([request for request in desk.exchange.requests if request.ret_code == 0]) == 2
    await desk.agrees_with_the_exchange()
    first.work.cancel()


async def test_an_owner_that_stopped_does_nothing_more(desk: Desk) -> None:
    """Its reminders are still in the loop's timers."""
    owned = await desk.own()
    desk.signals("buy")
    await desk.opens()
    await desk.exchange.fault("no_fill")
    await desk.exchange.price("59050")
    await eventually(lambda: len(desk.exchange.requests) >= 2, "a close that found nobody")
    await owned.close()
    asked, state = len(desk.exchange.requests), owned.actor.state
    timers = asyncio.Event()
    asyncio.get_running_loop().call_later(2.5, timers.set)
    await timers.wait()
    assert len(desk.exchange.requests) == asked
    assert owned.actor.state is state


async def test_closing_lets_what_is_under_way_come_back(desk: Desk) -> None:
    owned = await desk.own()
    await desk.exchange.fault("ack_delay", ms=300, times=1)
    desk.signals("buy")
    await eventually(lambda: desk.exchange.held > 0, "sent")
    await owned.close()
    (order,) = desk.orders()
    assert order["status"] in ("open", "filled")
    assert order["exchange_order_id"] is not None


async def test_a_position_outlives_its_owner_and_is_watched_by_the_next(desk: Desk) -> None:
    first = await desk.own("one")
    desk.signals("buy")
    await desk.opens()
    await first.close()
    await desk.own("two")
    await desk.exchange.price("59050")
    (trade,) = await desk.has_traded(1)
    assert trade["exit_reason"] == "stop_loss"
    await desk.agrees_with_the_exchange()


@pytest.mark.fault(52)
async def test_a_key_that_does_not_work_pauses_the_account_until_it_does(desk: Desk) -> None:
    await desk.exchange.fault("ret_code", code=10003, message="API key is invalid.", api_key="alice")
    owned = await desk.start(await desk.take_lease("one"))
    (row,) = await eventually(
        lambda: desk.books.rows("select status_reason from accounts where status = 'paused'"), "paused"
    )
    assert "10003" in row["status_reason"]
    await desk.exchange.mend()
    await eventually(lambda: desk.books.rows("select id from accounts where status = 'active'"), "active")
    await owned.ready()


@pytest.mark.fault(52)
async def test_a_key_that_stops_working_pauses_the_account_too(desk: Desk) -> None:
    owned = await desk.own()
    desk.signals("buy")
    await desk.opens()
    await desk.exchange.fault("ret_code", code=33004, message="Your api key has expired.")
    owned.actor.reread()
    (row,) = await eventually(
        lambda: desk.books.rows("select status_reason from accounts where status = 'paused'"), "paused"
    )
    assert "33004" in row["status_reason"]
    await desk.exchange.mend()
    await eventually(lambda: desk.books.rows("select id from accounts where status = 'active'"), "active again")


@pytest.mark.parametrize("ms", [30_000, -30_000])
@pytest.mark.fault(16)
async def test_a_clock_that_jumps_is_measured_again(desk: Desk, ms: int) -> None:
    """Either side's: every request is refused with 10002 until the difference is known."""
    owned = await desk.own()
    await desk.exchange.fault("clock_skew", ms=ms)
    owned.actor.audited.clear()
    owned.actor.reread()
    await eventually(owned.actor.audited.is_set, "the exchange read under the new clock")


async def test_a_database_that_is_away_at_the_start_is_waited_for(desk: Desk, books: Books) -> None:
    """The first read is done, its outcome cannot be written yet."""
    async with holding(books, "select 1 from accounts for update"):
        owned = await desk.start(await desk.take_lease("one"))
        waiting = "select pid from pg_stat_activity where wait_event_type = 'Lock' and query like %s"
        (row,) = await eventually(lambda: books.rows(waiting, "%update accounts set status%"), "the status written")
        books.rows("select pg_terminate_backend(%s)", row["pid"])
        await eventually(lambda: not books.rows("select pid from pg_stat_activity where pid = %s", row["pid"]))
    await owned.ready()
    await eventually(lambda: books.rows("select id from accounts where status = 'active'"), "active")


async def test_a_position_made_by_hand_is_told_of_and_left_alone(desk: Desk) -> None:
    await desk.own()
    await desk.exchange.by_hand("Buy", "0.02")
    refused = None

    def told() -> bool:
        rows = desk.books.rows("select data from events where type = 'notice'")
        return any(row["data"]["code"] == "foreign_position" for row in rows)

    await eventually(told, "a notice")
    refused = desk.signals("buy")
    assert (await desk.settled(refused))["reason_code"] == "foreign_position"
    assert desk.exchange.held == Decimal("0.02")


@pytest.mark.fault(31)
async def test_messages_nobody_understands_are_kept(desk: Desk) -> None:
    await desk.own()
    await desk.exchange.fault("unknown_exec_type", value="CorporateAction", times=1)
    desk.signals("buy")
    await eventually(lambda: desk.books.rows("select topic from quarantine"), "a row in quarantine")
    assert desk.books.rows("select distinct topic from quarantine") == [{"topic": "execution"}]


async def test_a_signal_that_comes_with_its_strategy_finds_it(desk: Desk) -> None:
    """However the two fall between the reads of one look for work."""
    owned = await desk.own()
    strategy, signal = uuid4(), uuid4()
    with desk.books.connected() as trader:
        await asyncio.to_thread(trader.execute, "lock table signals in access exclusive mode")
        owned.account.wake()
        waiting = "select pid from pg_stat_activity where wait_event_type = 'Lock' and query like %s"
        await eventually(lambda: desk.books.rows(waiting, "%update signals%"), "signals asked for")
        trader.execute(
            """insert into strategies (id, user_id, account_id, name, symbols, settings, hook_id, secret_hash)
               select %s, user_id, account_id, 'new', symbols, settings, 'new', secret_hash from strategies""",
            [strategy],
        )
        trader.execute(
            """insert into signals (id, user_id, account_id, strategy_id, dedupe_key, body_hash, raw, parsed, symbol,
                                    action, status)
               select %s, user_id, account_id, id, 'x', '-', '{}', '{}', 'BTCUSDT', 'buy', 'accepted'
                 from strategies where id = %s""",
            [signal, strategy],
        )
        trader.commit()
    assert (await desk.settled(signal))["status"] == "executed"


async def test_a_stop_by_the_mark_price_is_kept_by_it_here_and_at_the_exchange(desk: Desk) -> None:
    desk.trades_by(protection={"stop_loss": "1.5%", "trigger_by": "mark"})
    owned = await desk.own()
    desk.signals("buy")
    await desk.opens()

    def proven() -> bool:
        (position,) = owned.actor.state.positions.values()
        return position.resident.trigger_by is PriceSource.MARK

    await eventually(proven, "the stop proven to be compared with the mark price")
    await desk.exchange.price("59000", mark="60000", index="60000")
    fallen = lambda: (quote := owned.market.quote(Symbol(BTC))) and quote.last == Decimal(59000)  # noqa: E731
    await eventually(fallen, "the last price far below the stop")
    assert desk.trades() == []
    await desk.exchange.price("59000", mark="59050", index="60000")
    (trade,) = await desk.has_traded(1)
    assert (trade["exit_reason"], trade["exit_price"]) == ("stop_loss", Decimal(59000))
    await desk.agrees_with_the_exchange()


async def test_a_resident_stop_by_the_wrong_price_is_set_anew(desk: Desk) -> None:
    desk.trades_by(protection={"stop_loss": "1.5%", "trigger_by": "mark"})
    owned = await desk.own()
    desk.signals("buy")
    row = await desk.opens()
    async with desk.exchange.client() as rest:
        await rest.set_resident_stop(Slot(Symbol(BTC)), Price(row["resident_stop"]), PriceSource.LAST)
    assert desk.exchange.stop_triggers == ["LastPrice"]
    owned.actor.reread()
    await eventually(lambda: desk.exchange.stop_triggers == ["MarkPrice"], "the stop compared with the mark price")


async def test_a_resident_stop_whose_setting_was_lost_is_set_by_the_next_look(desk: Desk) -> None:
    owned = await desk.own()
    desk.signals("buy")
    row = await desk.opens()
    await desk.exchange.fault("drop_request", path="/v5/position/trading-stop", times=1)
    (slot,) = owned.actor.state.positions
    wanted = Price(row["resident_stop"] + 500)
    owned.actor.handle(
        CommandReceived(
            ProtectCommand(CommandId(uuid4()), row["id"], PriceMark(price=Price(row["stop_loss"] + 500)), None, 0)
        )
    )
    await eventually(lambda: [stop.trigger_price for stop in desk.exchange.stops] == [wanted], "the stop, moved")
    assert owned.actor.state.positions[slot].status is PositionStatus.OPEN


async def both_sides(desk: Desk) -> Owned:
    """A long and a short of one symbol, of two strategies, open and protected."""
    await desk.exchange.modes(hedge=True)
    first, second = desk.strategy, desk.trades_by(beside=True)
    owned = await desk.own()
    desk.signals("buy", strategy=first)
    desk.signals("sell", strategy=second)

    def proven() -> bool:
        return [row["resident_verified_at"] is not None for row in desk.positions()] == [True, True]

    await eventually(proven, "a long and a short, each with its stop")
    return owned


async def test_both_sides_are_held_at_once_and_each_stop_closes_its_own(desk: Desk) -> None:
    await both_sides(desk)
    assert {(row["side"], row["position_idx"]) for row in desk.positions()} == {("long", 1), ("short", 2)}
    assert {(stop.symbol, stop.position_idx) for stop in desk.exchange.stops} == {(BTC, 1), (BTC, 2)}
    await desk.exchange.price("60950")
    (trade,) = await desk.has_traded(1)
    assert (trade["side"], trade["exit_reason"]) == ("short", "stop_loss")
    assert [row["side"] for row in desk.positions()] == ["long"]
    await desk.exchange.price("59050")
    trades = await desk.has_traded(2)
    assert [trade["side"] for trade in trades] == ["short", "long"]
    assert desk.exchange.held == 0
    await desk.agrees_with_the_exchange()


async def test_both_sides_are_recovered_and_watched_again(desk: Desk) -> None:
    owned = await both_sides(desk)
    await owned.kill()
    await desk.own("two")
    await desk.exchange.price("60950")
    (trade,) = await desk.has_traded(1)
    assert trade["side"] == "short"
    await desk.agrees_with_the_exchange()


async def test_a_reversal_crosses_from_one_side_to_the_other(desk: Desk) -> None:
    await desk.exchange.modes(hedge=True)
    await desk.own()
    desk.signals("buy")
    await desk.opens()
    signal = desk.signals("sell")
    assert (await desk.settled(signal))["status"] == "executed"
    await desk.has_traded(1)
    assert [(row["side"], row["position_idx"]) for row in desk.positions()] == [("short", 2)]
    assert [order["position_idx"] for order in desk.orders()] == [1, 1, 2]
    await desk.agrees_with_the_exchange()


async def test_trades_by_hand_in_hedge_mode_are_booked_to_their_side(desk: Desk) -> None:
    await both_sides(desk)
    await desk.exchange.by_hand("Buy", "0.004", reduce_only=True, position_idx=2)

    def shrunk() -> bool:
        return {row["side"]: row["qty"] for row in desk.positions()} == {
            "long": Decimal("0.010"),
            "short": Decimal("0.006"),
        }

    await eventually(shrunk, "the short smaller, the long as it was")
    await desk.agrees_with_the_exchange()


@pytest.mark.fault(19)
async def test_position_mode_switched_unseen_is_found_by_the_next_entry(desk: Desk) -> None:
    owned = await desk.own()
    await eventually(lambda: owned.actor.state.hedge.get(Symbol(BTC)) is False, "one-way mode read")
    await desk.exchange.modes(hedge=True)
    signal = desk.signals("buy")
    assert (await desk.settled(signal))["status"] == "executed"
    (position,) = desk.positions()
    assert (position["position_idx"], desk.exchange.held) == (1, Decimal("0.010"))
    first, again = desk.exchange.requests
    assert (first.order_link_id, first.ret_code, again.ret_code) == (again.order_link_id, 10001, 0)
    assert (await rows_of(desk.books, "select hedged_symbols from accounts"))[0]["hedged_symbols"] == [BTC]
    assert "position_mode" in [row["data"]["code"] for row in await rows_of(desk.books, NOTICES)]
    await desk.exchange.price("59050")
    await desk.has_traded(1)
    await desk.agrees_with_the_exchange()


async def test_margin_mode_a_strategy_is_not_made_for_refuses_its_signals(desk: Desk) -> None:
    desk.trades_by(margin_mode="isolated")
    owned = await desk.own()
    assert (await desk.settled(desk.signals("buy")))["reason_code"] == "margin_mode"
    await desk.exchange.modes(margin_mode="ISOLATED_MARGIN")
    await owned.actor.read_account_mode()
    assert (await desk.settled(desk.signals("buy")))["status"] == "executed"
    assert "margin_mode" in [row["data"]["code"] for row in await rows_of(desk.books, NOTICES)]
    assert (await rows_of(desk.books, "select margin_mode from accounts"))[0]["margin_mode"] == "isolated"


async def test_leverage_changed_by_hand_is_told_and_set_anew_by_the_next_entry(desk: Desk) -> None:
    desk.trades_by(leverage="5")
    await desk.own()
    desk.signals("buy")
    await desk.opens()
    assert desk.exchange.leverage == 5
    await desk.exchange.modes(leverage="20")
    await eventually(lambda: desk.positions()[0]["leverage"] == 20, "the position's leverage as it is now")
    assert "leverage" in [row["data"]["code"] for row in await rows_of(desk.books, NOTICES)]
    desk.signals("close")
    await desk.has_traded(1)
    await desk.settled(desk.signals("buy"))
    assert desk.exchange.leverage == 5


@pytest.mark.fault(55)
async def test_a_position_on_a_contract_that_is_delisted_is_watched_after_a_restart(desk: Desk) -> None:
    owned = await desk.own()
    desk.signals("buy")
    await desk.opens()
    await owned.kill()
    await desk.exchange.fault("instrument_status", symbol=BTC, status="Delivering")
    await desk.exchange.price("59050")
    await desk.start(await desk.take_lease("two"))
    await eventually(lambda: len(desk.exchange.requests) > 1, "its stop still reached")


@pytest.mark.fault(42)
async def test_a_position_the_exchange_lets_only_shrink_takes_no_more_and_is_closed(desk: Desk) -> None:
    """As after a risk limit was cut (isReduceOnly)."""
    desk.trades_by(max_entries=2)
    await desk.own()
    desk.signals("buy")
    await desk.opens()
    await desk.exchange.fault("reduce_only_position", api_key=CREDENTIALS.api_key, symbol=BTC)
    more = await desk.settled(desk.signals("buy"))
    assert more["status"] == "failed"
    assert more["reason_code"] == "exchange_refused"
    assert more["reason"]
    await desk.exchange.price("58000")
    await desk.has_traded(1)
    await desk.agrees_with_the_exchange()
