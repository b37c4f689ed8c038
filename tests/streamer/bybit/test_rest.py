"""REST against the exchange look-alike, through the real ccxt."""

from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from backstop.domain.ids import OrderLinkId, Symbol
from backstop.domain.money import Price, Qty
from backstop.domain.order import Order, OrderStatus, Purpose
from backstop.domain.side import PositionSide, Side
from backstop.domain.slot import Slot
from backstop.engine.events import CancelAnswered, OrderAccepted, OrderRefused, OrderUncertain, Verdict
from backstop.vault import Credentials
from simulator.server import Simulator
from streamer.bybit.answers import NoAnswer, Refusal
from streamer.bybit.hosts import Hosts
from streamer.bybit.rest import BybitRest
from streamer.bybit.ret_codes import stop_already_passed
from streamer.clock import now_ms
from tests.streamer.bybit.conftest import CREDENTIALS

BTC = Symbol("BTCUSDT")


def an_order(link_id: str = "a-o-1", **changes: Any) -> Order:
    whole: dict[str, Any] = {
        "link_id": OrderLinkId(link_id),
        "symbol": BTC,
        "side": Side.BUY,
        "purpose": Purpose.ENTRY,
        "qty": Qty(Decimal("0.01")),
        "created_at": 1,
        "reduce_only": False,
    }
    return Order(**whole | changes)


async def fault(sim: Simulator, kind: str, **parameters: Any) -> None:
    await sim.control("POST", "faults", {"kind": kind, **parameters})


async def test_instruments(rest: BybitRest) -> None:
    btc = (await rest.instruments())[BTC]
    assert (btc.tick_size, btc.qty_step, btc.min_notional) == (Decimal("0.1"), Decimal("0.001"), Decimal(5))
    assert btc.tradable


async def test_order_is_accepted_and_found_by_its_id(rest: BybitRest) -> None:
    outcome = await rest.create(an_order(stop_loss=Price(Decimal(59000))))
    assert isinstance(outcome, OrderAccepted)
    report = await rest.past_order(OrderLinkId("a-o-1")) or await rest.open_order(OrderLinkId("a-o-1"))
    assert report is not None
    assert (report.status, report.exchange_order_id) == (OrderStatus.FILLED, outcome.exchange_order_id)
    (execution,) = await rest.executions_of(OrderLinkId("a-o-1"))
    assert execution.qty == Decimal("0.01")
    (position,) = await rest.positions()
    assert (position.side, position.size, position.stop_loss) == (PositionSide.LONG, Decimal("0.01"), Decimal(59000))
    wallet = await rest.wallet()
    assert wallet is not None and wallet.funds is not None and wallet.funds.cross is not None


async def test_limit_order_waits_until_it_is_canceled(rest: BybitRest) -> None:
    order = an_order(limit_price=Price(Decimal(50000)), stop_loss=Price(Decimal(49000)))
    assert isinstance(await rest.create(order), OrderAccepted)
    assert (await rest.open_order(order.link_id)).status is OrderStatus.OPEN  # type: ignore[union-attr]
    assert await rest.cancel(order) == CancelAnswered(order.link_id, taken=True)
    ended = await rest.past_order(order.link_id) or await rest.open_order(order.link_id)
    assert ended is not None and ended.status is OrderStatus.CANCELED
    assert await rest.cancel(order) == CancelAnswered(order.link_id, taken=False)
    assert await rest.positions() == ()


async def test_cancel_without_an_answer_is_not_taken(sim: Simulator, rest: BybitRest) -> None:
    await rest.create(an_order(limit_price=Price(Decimal(50000))))
    await fault(sim, "http_status", status=502, path="/v5/order/cancel")
    assert await rest.cancel(an_order()) == CancelAnswered(OrderLinkId("a-o-1"), taken=False)


async def test_post_only_order_that_would_take_says_so(rest: BybitRest) -> None:
    order = an_order(limit_price=Price(Decimal(70000)), post_only=True)
    assert isinstance(await rest.create(order), OrderAccepted)
    ended = await rest.past_order(order.link_id) or await rest.open_order(order.link_id)
    assert ended is not None
    assert (ended.status, ended.reason) == (OrderStatus.CANCELED, "EC_PostOnlyWillTakeLiquidity")


async def test_unknown_order_is_known_to_nobody(rest: BybitRest) -> None:
    link_id = OrderLinkId("never-o-1")
    assert await rest.open_order(link_id) is None
    assert await rest.past_order(link_id) is None
    assert await rest.executions_of(link_id) == []


@pytest.mark.parametrize(
    ("changes", "code", "verdict"),
    [
        ({"qty": Qty(Decimal(100))}, 110007, Verdict.FINAL),
        ({"side": Side.SELL, "reduce_only": True}, 110017, Verdict.NOTHING_TO_REDUCE),
    ],
)
async def test_order_is_refused(rest: BybitRest, changes: dict[str, Any], code: int, verdict: Verdict) -> None:
    outcome = await rest.create(an_order(**changes))
    assert isinstance(outcome, OrderRefused)
    assert (outcome.ret_code, outcome.verdict) == (code, verdict)


@pytest.mark.parametrize(
    ("code", "verdict"), [(110094, Verdict.FINAL), (10006, Verdict.RETRY), (110079, Verdict.RETRY)]
)
async def test_order_is_refused_by_code(sim: Simulator, rest: BybitRest, code: int, verdict: Verdict) -> None:
    await fault(sim, "ret_code", code=code, message="because", path="/v5/order/create")
    outcome = await rest.create(an_order())
    assert outcome == OrderRefused(OrderLinkId("a-o-1"), verdict, code, "because")


@pytest.mark.parametrize(
    "trouble",
    [
        {"kind": "ack_lost"},
        {"kind": "http_status", "status": 502, "path": "/v5/order/create"},
        {"kind": "broken_json", "path": "/v5/order/create"},
        {"kind": "ret_code", "code": 10016, "path": "/v5/order/create"},
        {"kind": "ret_code", "code": 987654, "path": "/v5/order/create"},
    ],
)
@pytest.mark.fault(12)
async def test_answer_that_proves_nothing_is_uncertain(
    sim: Simulator, rest: BybitRest, trouble: dict[str, Any]
) -> None:
    await sim.control("POST", "faults", trouble)
    outcome = await rest.create(an_order())
    assert isinstance(outcome, OrderUncertain)
    assert CREDENTIALS.api_secret not in repr(outcome)


@pytest.mark.fault(13)
async def test_id_used_twice_is_uncertain_and_trades_once(rest: BybitRest) -> None:
    assert isinstance(await rest.create(an_order()), OrderAccepted)
    assert isinstance(await rest.create(an_order()), OrderUncertain)
    (position,) = await rest.positions()
    assert position.size == Decimal("0.01")


async def test_leverage_is_set_once_and_the_same_again_is_harmless(
    sim: Simulator, rest: BybitRest, hosts: Hosts, session: aiohttp.ClientSession
) -> None:
    five = Decimal(5)
    assert isinstance(await rest.create(an_order("a-o-1", leverage=five)), OrderAccepted)
    other = BybitRest(hosts, CREDENTIALS, session, now_ms)
    assert isinstance(await other.create(an_order("a-o-2", leverage=five)), OrderAccepted)
    await other.close()
    await fault(sim, "ret_code", code=10001, path="/v5/position/set-leverage")
    assert isinstance(await rest.create(an_order("a-o-3", leverage=five)), OrderAccepted)


async def test_order_is_not_sent_when_its_leverage_is_not_set(sim: Simulator, rest: BybitRest) -> None:
    await fault(sim, "http_status", status=502, path="/v5/position/set-leverage")
    outcome = await rest.create(an_order(leverage=Decimal(5)))
    assert isinstance(outcome, OrderRefused)
    assert outcome.verdict is Verdict.RETRY
    assert (await sim.control("GET", "orders"))["items"] == []


@pytest.mark.parametrize("code", [10003, 10005, 33004])
@pytest.mark.parametrize(("reduce_only", "verdict"), [(True, Verdict.RETRY), (False, Verdict.FINAL)])
async def test_close_waits_for_the_key_and_an_entry_does_not(
    sim: Simulator, rest: BybitRest, code: int, reduce_only: bool, verdict: Verdict
) -> None:
    await fault(sim, "ret_code", code=code, path="/v5/order/create")
    outcome = await rest.create(an_order(side=Side.SELL, reduce_only=reduce_only))
    assert isinstance(outcome, OrderRefused)
    assert (outcome.verdict, outcome.ret_code) == (verdict, code)


async def test_resident_stop_is_set_again_and_refused_when_passed(rest: BybitRest) -> None:
    await rest.create(an_order())
    await rest.set_resident_stop(Slot(BTC), Price(Decimal(58000)))
    await rest.set_resident_stop(Slot(BTC), Price(Decimal(58000)))
    (position,) = await rest.positions()
    assert position.stop_loss == Decimal(58000)
    with pytest.raises(Refusal) as refused:
        await rest.set_resident_stop(Slot(BTC), Price(Decimal(61000)))
    assert stop_already_passed(refused.value.code, refused.value.message)


@pytest.mark.parametrize("skew_ms", [-60_000, 60_000])
@pytest.mark.fault(16)
async def test_clock_of_the_exchange_is_signed_with(sim: Simulator, rest: BybitRest, skew_ms: int) -> None:
    """A request refused for its time is sent once more with theirs, and what follows at once."""
    await fault(sim, "clock_skew", ms=skew_ms)
    assert await rest.positions() == ()
    assert abs(rest.clock_offset + skew_ms) < 5_000
    assert isinstance(await rest.create(an_order("a-o-1")), OrderAccepted)


async def test_request_refused_for_its_time_again_stays_refused(sim: Simulator, rest: BybitRest) -> None:
    await fault(sim, "ret_code", code=10002, path="/v5/order/create", times=2)
    refused = await rest.create(an_order("a-o-1"))
    assert isinstance(refused, OrderRefused)
    assert (refused.verdict, refused.ret_code) == (Verdict.RETRY, 10002)
    assert isinstance(await rest.create(an_order("a-o-1")), OrderAccepted)


@pytest.mark.fault(25)
async def test_executions_over_pages_and_weeks_come_once_and_in_order(rest: BybitRest) -> None:
    for number in range(1, 103):
        side = Side.BUY if number % 2 else Side.SELL
        assert isinstance(await rest.create(an_order(f"a-o-{number}", side=side)), OrderAccepted)
    found = await rest.executions(now_ms() - 20 * 86_400_000)
    assert len({execution.exec_id for execution in found}) == len(found) == 102
    assert [execution.at for execution in found] == sorted(execution.at for execution in found)


async def test_failed_read_is_never_an_empty_one(sim: Simulator, rest: BybitRest) -> None:
    await fault(sim, "http_status", status=502)
    for read in (rest.positions, lambda: rest.executions_of(OrderLinkId("x")), lambda: rest.executions(now_ms())):
        with pytest.raises(NoAnswer):
            await read()


@pytest.mark.fault(12)
async def test_broken_read_is_no_answer(sim: Simulator, rest: BybitRest) -> None:
    await fault(sim, "broken_json")
    with pytest.raises(NoAnswer):
        await rest.positions()


async def test_shared_session_outlives_the_account(hosts: Hosts, session: aiohttp.ClientSession) -> None:
    rest = BybitRest(hosts, CREDENTIALS, session, now_ms)
    await rest.positions()
    await rest.close()
    assert not session.closed


async def test_secret_is_in_no_error(hosts: Hosts, session: aiohttp.ClientSession) -> None:
    wrong = BybitRest(hosts, Credentials(CREDENTIALS.api_key, "a-wrong-secret"), session, now_ms)
    with pytest.raises(Refusal) as refused:
        await wrong.positions()
    assert refused.value.code == 10004
    assert "a-wrong-secret" not in f"{refused.value} {refused.value!r} {wrong!r}"
    await wrong.close()
