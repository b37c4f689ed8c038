"""Whatever the exchange answers to a question is an answer, a refusal, or no answer: never another error, and never less
than was there."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backstop.domain.ids import OrderLinkId, Symbol
from streamer.bybit.answers import NoAnswer, Refusal
from streamer.bybit.hosts import Hosts
from streamer.bybit.rest import BybitRest
from streamer.bybit.transport import judged
from streamer.clock import now_ms

BTC = Symbol("BTCUSDT")
_NOWHERE = Hosts("http://127.0.0.1:9", "", "")


class Answered(BybitRest):
    """Answered at once, with what `says` holds."""

    says: Mapping[str, Any]

    async def _call(self, *_: object, **__: object) -> Any:
        reply = dict(self.says)
        return judged(reply["retCode"], reply)


QUESTIONS: dict[str, Callable[[BybitRest], Awaitable[object]]] = {
    "instruments": lambda rest: rest.instruments(),
    "tickers": lambda rest: rest.tickers([BTC]),
    "positions": lambda rest: rest.positions(with_triggers=True),
    "symbol": lambda rest: rest.symbol(BTC),
    "executions": lambda rest: rest.executions(now_ms() - 1000),
    "executions of": lambda rest: rest.executions_of(OrderLinkId("a-o-1")),
    "open order": lambda rest: rest.open_order(OrderLinkId("a-o-1")),
    "past order": lambda rest: rest.past_order(OrderLinkId("a-o-1")),
    "wallet": lambda rest: rest.wallet(),
    "account mode": lambda rest: rest.account_mode(),
    "hedged": lambda rest: rest.is_hedged(BTC),
}

_FIELDS = """
    list symbol side size positionIdx avgPrice entryPrice markPrice stopLoss seq leverage execId execType execQty execPrice
    execFee execTime orderId orderLinkId orderStatus cumExecQty rejectReason lastPrice indexPrice totalEquity coin equity
    nextPageCursor marginMode contractType settleCoin lotSizeFilter priceFilter leverageFilter status tickSize qtyStep
"""
_NAMES = _FIELDS.split()
_WORDS = (
    "",
    "BTCUSDT",
    "Buy",
    "Sell",
    "0",
    "1",
    "-1",
    "1e999999",
    "NaN",
    "Trade",
    "Funding",
    "Filled",
    "9" * 40,
    "\x00",
    "USDT",
)
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(_WORDS)
_ANY = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=8),
    max_leaves=25,
)
_ROWS = st.lists(st.dictionaries(st.sampled_from(_NAMES), _ANY, max_size=12) | _ANY, max_size=3)
_RESULTS = st.fixed_dictionaries({"list": _ROWS | _ANY}) | _ANY
REPLIES = st.fixed_dictionaries(
    {"retCode": st.sampled_from((0, 0, 0, 0, 10001, 10016, 34040, 123456)), "result": _RESULTS}, optional={"time": _ANY}
)


@pytest.fixture(scope="module")
def asked() -> Iterator[Callable[[str, Mapping[str, Any]], None]]:
    loop = asyncio.new_event_loop()

    async def make() -> tuple[Answered, aiohttp.ClientSession]:
        session = aiohttp.ClientSession()
        return Answered(_NOWHERE, None, session, now_ms), session

    rest, session = loop.run_until_complete(make())

    def ask(question: str, reply: Mapping[str, Any]) -> None:
        rest.says = reply
        loop.run_until_complete(QUESTIONS[question](rest))

    yield ask
    loop.run_until_complete(rest.close())
    loop.run_until_complete(session.close())
    loop.close()


@pytest.mark.fault(12, 31)
@pytest.mark.parametrize("question", QUESTIONS)
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(reply=REPLIES)
def test_any_reply_is_an_answer_or_none(
    asked: Callable[[str, Mapping[str, Any]], None], question: str, reply: Mapping[str, Any]
) -> None:
    with suppress(NoAnswer, Refusal):
        asked(question, reply)


@pytest.mark.parametrize("question", ["positions", "symbol", "executions", "executions of", "open order", "hedged"])
@pytest.mark.parametrize("result", [{}, {"list": None}, {"list": {}}, {"list": "x"}], ids=str)
def test_a_reply_without_a_list_is_not_an_empty_one(
    asked: Callable[[str, Mapping[str, Any]], None], question: str, result: Mapping[str, Any]
) -> None:
    with pytest.raises(NoAnswer):
        asked(question, {"retCode": 0, "result": result, "time": 1})
