"""Orders over the trade socket, and by REST where it is not to be had."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from backstop.domain.money import Price
from backstop.domain.side import Side
from backstop.engine.events import OrderAccepted, OrderRefused, OrderUncertain, Verdict
from backstop.vault import Credentials
from simulator.server import Simulator
from streamer.bybit.hosts import Hosts
from streamer.bybit.rest import BybitRest
from streamer.bybit.socket import SocketState
from streamer.bybit.trade import TradeSocket
from streamer.clock import now_ms
from tests.streamer.bybit.conftest import CREDENTIALS, until
from tests.streamer.bybit.test_rest import an_order, fault


@contextlib.asynccontextmanager
async def trading(
    sim: Simulator, rest: BybitRest, credentials: Credentials = CREDENTIALS, answer_within_s: float = 3.0
) -> AsyncIterator[TradeSocket]:
    socket = TradeSocket(
        "alice",
        sim.trade_ws_url,
        credentials,
        turns=rest.turns,
        clock=now_ms,
        exchange_clock=lambda: now_ms() - rest.clock_offset,
        answer_within_s=answer_within_s,
    )
    rest.trade = socket
    running = asyncio.create_task(socket.socket.run())
    try:
        yield socket
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def trade(sim: Simulator, rest: BybitRest) -> AsyncIterator[TradeSocket]:
    async with trading(sim, rest) as one:
        await until(lambda: one.is_open)
        yield one


def ways(sim: Simulator) -> list[tuple[str, str]]:
    return [(request.order_link_id, request.via) for request in sim.venue.exchange.state.requests]


async def test_orders_go_over_the_socket(sim: Simulator, rest: BybitRest, trade: TradeSocket) -> None:
    opened = await rest.create(an_order("a-o-1"))
    assert isinstance(opened, OrderAccepted)
    assert opened.exchange_order_id
    assert isinstance(await rest.create(an_order("a-c-1", side=Side.SELL, reduce_only=True)), OrderAccepted)
    assert ways(sim) == [("a-o-1", "trade_ws"), ("a-c-1", "trade_ws")]
    assert trade.is_open


async def test_many_at_once_each_get_their_own_answer(sim: Simulator, rest: BybitRest, trade: TradeSocket) -> None:
    await fault(sim, "ack_delay", ms=50, times=3)
    outcomes = await asyncio.gather(*(rest.create(an_order(f"a-o-{number}")) for number in range(1, 7)))
    ids = [outcome.exchange_order_id for outcome in outcomes if isinstance(outcome, OrderAccepted)]
    assert len(set(ids)) == 6
    assert [outcome.link_id for outcome in outcomes] == [f"a-o-{number}" for number in range(1, 7)]


async def test_a_refusal_is_told_by_its_code(rest: BybitRest, trade: TradeSocket) -> None:
    refused = await rest.create(an_order("a-c-1", side=Side.SELL, reduce_only=True))
    assert isinstance(refused, OrderRefused)
    assert (refused.ret_code, refused.verdict) == (110017, Verdict.NOTHING_TO_REDUCE)


async def test_before_it_is_open_orders_go_by_rest(sim: Simulator, rest: BybitRest) -> None:
    await fault(sim, "auth_rejected")
    async with trading(sim, rest) as socket:
        assert isinstance(await rest.create(an_order("a-o-1")), OrderAccepted)
        assert not socket.is_open
    assert ways(sim) == [("a-o-1", "rest")]


async def test_a_lost_connection_leaves_orders_under_way_unknown_and_the_next_go_by_rest(
    sim: Simulator, rest: BybitRest, trade: TradeSocket
) -> None:
    await fault(sim, "ack_lost", times=1)
    await fault(sim, "refuse_private")
    unknown = await rest.create(an_order("a-o-1"))
    assert isinstance(unknown, OrderUncertain)
    await until(lambda: not trade.is_open)
    assert isinstance(await rest.create(an_order("a-o-2")), OrderAccepted)
    assert ways(sim) == [("a-o-1", "trade_ws"), ("a-o-2", "rest")]
    await sim.control("DELETE", "faults")
    await until(lambda: trade.is_open)
    assert isinstance(await rest.create(an_order("a-o-3")), OrderAccepted)
    assert ways(sim)[-1] == ("a-o-3", "trade_ws")


@pytest.mark.fault(13)
async def test_an_unknown_order_sent_again_by_rest_trades_once(
    sim: Simulator, rest: BybitRest, trade: TradeSocket
) -> None:
    await fault(sim, "ack_lost", times=1)
    await fault(sim, "refuse_private")
    assert isinstance(await rest.create(an_order("a-o-1")), OrderUncertain)
    await until(lambda: not trade.is_open)
    assert isinstance(await rest.create(an_order("a-o-1")), OrderUncertain)  # 110072: the first one is there
    (position,) = await rest.positions()
    assert str(position.size) == "0.01"


async def test_a_connection_that_owes_an_answer_is_given_up(sim: Simulator, rest: BybitRest) -> None:
    async with trading(sim, rest, answer_within_s=0.2) as trade:
        await until(lambda: trade.is_open)
        await fault(sim, "ack_lost", how="hang", times=1)
        assert isinstance(await rest.create(an_order("a-o-1")), OrderUncertain)
        await until(lambda: not trade.is_open)


async def test_an_order_refused_for_its_time_goes_again_with_the_exchange_s(
    sim: Simulator, rest: BybitRest, trade: TradeSocket
) -> None:
    await fault(sim, "clock_skew", ms=-60_000)
    assert isinstance(await rest.create(an_order("a-o-1")), OrderAccepted)
    assert abs(rest.clock_offset - 60_000) < 1_000
    assert isinstance(await rest.create(an_order("a-o-2")), OrderAccepted)
    assert ways(sim) == [("a-o-1", "rest"), ("a-o-2", "trade_ws")]


async def test_login_uses_the_exchange_s_time(sim: Simulator, hosts: Hosts, session: aiohttp.ClientSession) -> None:
    await fault(sim, "clock_skew", ms=60_000)
    rest = BybitRest(hosts, CREDENTIALS, session, now_ms)
    await rest.synchronise_clock()
    async with trading(sim, rest) as socket:
        await until(lambda: socket.is_open)
    await rest.close()


@pytest.mark.parametrize(("code", "via"), [(10003, "rest"), (10404, "rest")])
async def test_what_the_socket_does_not_take_goes_by_rest(
    sim: Simulator, rest: BybitRest, trade: TradeSocket, code: int, via: str
) -> None:
    await fault(sim, "ret_code", code=code, path="/v5/order/create", times=1)
    assert isinstance(await rest.create(an_order("a-o-1")), OrderAccepted)
    assert ways(sim) == [("a-o-1", via)]
    await until(lambda: not trade.is_open)
    await until(lambda: trade.is_open)


async def test_a_service_that_restarts_leaves_it_unknown_and_is_connected_anew(
    sim: Simulator, rest: BybitRest, trade: TradeSocket
) -> None:
    await fault(sim, "ret_code", code=10019, path="/v5/order/create", times=1)
    assert isinstance(await rest.create(an_order("a-o-1")), OrderUncertain)
    await until(lambda: not trade.is_open)
    await until(lambda: trade.is_open)


@pytest.mark.fault(15)
async def test_under_a_ban_closes_go_over_the_socket_and_nothing_is_opened(
    sim: Simulator, rest: BybitRest, trade: TradeSocket
) -> None:
    """What is opened could not be watched by queries."""
    assert isinstance(await rest.create(an_order("a-o-1")), OrderAccepted)
    rest.turns.address.banned()
    assert isinstance(await rest.create(an_order("a-c-1", side=Side.SELL, reduce_only=True)), OrderAccepted)
    refused = await rest.create(an_order("a-o-2"))
    assert isinstance(refused, OrderRefused)
    assert refused.verdict is Verdict.RETRY
    assert ways(sim) == [("a-o-1", "trade_ws"), ("a-c-1", "trade_ws")]


async def test_cancels_go_over_the_socket_and_by_rest_without_it(
    sim: Simulator, rest: BybitRest, trade: TradeSocket
) -> None:
    for link_id in ("a-o-1", "a-o-2"):
        order = an_order(link_id, limit_price=Price(Decimal(50_000)))
        assert isinstance(await rest.create(order), OrderAccepted)
        assert (await rest.cancel(order)).taken
        rest.trade = None
    assert not (await rest.cancel(an_order("a-o-1"))).taken, "it is gone already"
    account = sim.venue.exchange.account(CREDENTIALS.api_key)
    assert account is not None
    assert account.open_orders == {}


@pytest.mark.parametrize(
    "frame", ["", "[]", "null", '"x"', "{", '{"reqId":"1"}', '{"retCode":0}', '{"reqId":"9","retCode":"0"}', "[" * 5000]
)
async def test_frames_that_answer_nothing_change_nothing(trade: TradeSocket, frame: str) -> None:
    assert trade.receive(frame) is False
    assert trade.is_open


async def test_the_secret_is_in_no_log_of_a_refused_login(
    sim: Simulator, rest: BybitRest, capsys: pytest.CaptureFixture[Any]
) -> None:
    wrong = Credentials(CREDENTIALS.api_key, "a-wrong-secret")
    async with trading(sim, rest, wrong) as socket:
        await until(lambda: len(sim.venue.trade) > 0 or socket.socket.state is SocketState.DISCONNECTED)
        assert isinstance(await rest.create(an_order("a-o-1")), OrderAccepted)
    assert "a-wrong-secret" not in "".join(capsys.readouterr())


async def test_a_close_has_left_before_anything_is_waited_for(
    sim: Simulator, rest: BybitRest, trade: TradeSocket
) -> None:
    assert isinstance(await rest.create(an_order("a-o-1")), OrderAccepted)
    told: list[str] = []
    close = an_order("a-c-1", side=Side.SELL, reduce_only=True)

    def leaves() -> bool:
        told.append("leaves")
        return True

    under_way = rest.submit_close(close, leaves)
    assert (told, under_way is not None) == (["leaves"], True)
    await until(lambda: ways(sim)[-1] == ("a-c-1", "trade_ws"))
    assert isinstance(await rest.create(close, lambda: pytest.fail("it has left already"), under_way), OrderAccepted)
    assert ways(sim) == [("a-o-1", "trade_ws"), ("a-c-1", "trade_ws")]


async def test_what_opens_or_has_no_turn_or_no_socket_does_not_leave_at_once(
    sim: Simulator, rest: BybitRest, trade: TradeSocket
) -> None:
    close = an_order("a-c-1", side=Side.SELL, reduce_only=True)
    assert rest.submit_close(an_order("a-o-1")) is None
    while rest.turns.take_close("/v5/order/create"):
        pass
    assert rest.submit_close(close) is None
    trade.socket.drop()
    assert rest.submit_close(close) is None
    assert ways(sim) == []


async def test_a_close_lost_on_its_way_is_unknown(sim: Simulator, rest: BybitRest, trade: TradeSocket) -> None:
    assert isinstance(await rest.create(an_order("a-o-1")), OrderAccepted)
    await fault(sim, "ack_lost", times=1)
    close = an_order("a-c-1", side=Side.SELL, reduce_only=True)
    assert isinstance(await rest.create(close, under_way=rest.submit_close(close)), OrderUncertain)
