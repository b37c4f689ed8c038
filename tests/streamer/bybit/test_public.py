"""The public stream on a real socket: subscribe, merge, fall silent, come back."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.ids import Symbol
from simulator.server import Simulator
from streamer.bybit.feed import READ_AFTER_MS, PublicFeed
from streamer.bybit.public import PublicStream, Ticker
from streamer.bybit.rest import BybitRest
from streamer.clock import now_ms
from tests.streamer.bybit.conftest import until

BTC, ETH, SOL = Symbol("BTCUSDT"), Symbol("ETHUSDT"), Symbol("SOLUSDT")


@dataclass
class Listener:
    sim: Simulator
    heard: list[tuple[str, str, str]] = field(default_factory=list)
    opened: int = 0

    def __post_init__(self) -> None:
        self.feed = PublicFeed("simulator", self.sim.public_ws_url, self.take, now_ms, silence_s=1.5, topics_each=2)

    def take(self, ticker: Ticker) -> None:
        self.heard.append((ticker.symbol, ticker.last, ticker.mark))

    async def fault(self, kind: str, **parameters: Any) -> None:
        await self.sim.control("POST", "faults", {"kind": kind, **parameters})

    async def hears(self, symbol: Symbol) -> None:
        count = len(self.heard)
        await until(lambda: any(one[0] == symbol for one in self.heard[count:]))


@pytest.fixture
async def listener(sim: Simulator) -> AsyncIterator[Listener]:
    one = Listener(sim)
    running = asyncio.create_task(one.feed.run())
    await until(lambda: one.feed.connected)
    yield one
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_delta_changes_only_what_it_names(listener: Listener) -> None:
    listener.feed.watch(BTC)
    await listener.hears(BTC)
    mark = listener.heard[-1][2]
    await listener.fault("bad_ticker", symbol=BTC, fields={"lastPrice": "60123"})
    await until(lambda: (BTC, "60123", mark) in listener.heard)


async def test_disconnect_is_followed_by_the_same_subscriptions(listener: Listener) -> None:
    listener.feed.watch(BTC)
    listener.feed.watch(ETH)
    await listener.hears(ETH)
    await listener.fault("disconnect_public", abort=True)
    await until(lambda: not listener.feed.connected)
    await until(lambda: listener.feed.connected)
    await listener.hears(BTC)
    await listener.hears(ETH)


@pytest.mark.fault(23)
async def test_mute_socket_is_torn_down_and_comes_back(listener: Listener) -> None:
    listener.feed.watch(BTC)
    await listener.hears(BTC)
    await listener.fault("mute_public")
    await until(lambda: not listener.feed.connected)
    await listener.sim.control("DELETE", "faults")
    await listener.hears(BTC)


async def test_first_subscription_after_a_quiet_time_keeps_the_connection(listener: Listener) -> None:
    """Seen: the time without any subscription was counted as silence."""
    (before,) = listener.sim.venue.public
    quiet_until = asyncio.get_running_loop().time() + 1.6
    await until(lambda: asyncio.get_running_loop().time() > quiet_until)
    listener.feed.watch(BTC)
    await listener.hears(BTC)
    assert list(listener.sim.venue.public) == [before]


async def test_refused_topic_does_not_make_the_others_deaf(listener: Listener) -> None:
    """A request is refused as a whole; its topics then ask alone, on the same connection."""
    await listener.fault("subscribe_rejected", topic=f"tickers.{ETH}")
    (before,) = listener.sim.venue.public
    listener.feed.watch(BTC)
    listener.feed.watch(ETH)
    await listener.hears(BTC)
    assert list(listener.sim.venue.public) == [before]
    assert before.topics == {f"tickers.{BTC}"}


async def test_what_is_asked_for_at_once_is_asked_for_together(listener: Listener) -> None:
    listener.feed.watch(BTC)
    listener.feed.watch(ETH)
    listener.feed.watch(BTC)
    await listener.hears(ETH)
    await listener.hears(BTC)
    (connection,) = listener.sim.venue.public
    assert connection.topics == {f"tickers.{BTC}", f"tickers.{ETH}"}


async def test_topics_are_spread_over_connections(listener: Listener) -> None:
    """Two a connection here; each gets over the loss of another."""
    for symbol in (BTC, ETH, SOL):
        listener.feed.watch(symbol)
    await listener.hears(SOL)
    await listener.hears(BTC)
    topics = [connection.topics for connection in listener.sim.venue.public]
    assert topics == [{f"tickers.{BTC}", f"tickers.{ETH}"}, {f"tickers.{SOL}"}]
    assert listener.feed.symbols == {BTC, ETH, SOL}
    await listener.fault("disconnect_public")
    await until(lambda: not listener.feed.connected)
    await until(lambda: listener.feed.connected)
    for symbol in (BTC, SOL):
        await listener.hears(symbol)


def test_no_connection_carries_more_characters_than_the_exchange_takes() -> None:
    feed = PublicFeed("simulator", "ws://127.0.0.1:1", lambda _: None, now_ms, topics_each=10_000)

    async def watch_all() -> None:
        for number in range(2_000):
            feed.watch(Symbol(f"{number:09}USDT"))

    asyncio.run(watch_all())
    assert len(feed.shards) > 1
    assert all(shard.args_length <= 21_000 for shard in feed.shards)
    assert sum(len(shard.symbols) for shard in feed.shards) == 2_000


async def set_price(sim: Simulator, symbol: Symbol, last: str) -> None:
    await sim.control("POST", "price", {"symbol": symbol, "last": last})


async def test_one_mute_symbol_among_talking_ones_is_read_and_asked_for_anew(
    listener: Listener, rest: BybitRest
) -> None:
    listener.feed.read = rest.tickers
    listener.feed.watch(BTC)
    listener.feed.watch(ETH)
    await listener.hears(ETH)
    (before,) = listener.sim.venue.public
    await listener.fault("mute_public", symbol=ETH)
    await set_price(listener.sim, ETH, "3456.7")
    await until(lambda: (ETH, "3456.70", "3456.70") in listener.heard)
    await until(lambda: listener.feed.mute == {ETH})
    assert list(listener.sim.venue.public) == [before], "the connection that talks is kept"
    await listener.sim.control("DELETE", "faults")
    await until(lambda: listener.feed.mute == frozenset())
    await listener.hears(ETH)


@pytest.mark.fault(23)
async def test_prices_are_read_while_the_stream_is_down(listener: Listener, rest: BybitRest) -> None:
    listener.feed.read = rest.tickers
    listener.feed.watch(BTC)
    await listener.hears(BTC)
    await listener.fault("refuse_public")
    await listener.fault("disconnect_public", abort=True)
    await set_price(listener.sim, BTC, "61234.5")
    await until(lambda: (BTC, "61234.50", "61234.50") in listener.heard)
    assert not listener.feed.connected


async def test_many_silent_symbols_are_read_in_one_request(rest: BybitRest) -> None:
    six = [Symbol(f"{coin}USDT") for coin in ("BTC", "ETH", "SOL", "XRP", "DOGE", "NONE")]
    found = await rest.tickers(six)
    assert {ticker.symbol for ticker in found} == {BTC, ETH, SOL, "XRPUSDT", "DOGEUSDT"}
    assert all(float(ticker.last) > 0 and abs(ticker.ts - now_ms()) < 60_000 for ticker in found)


async def test_a_stream_that_spoke_while_it_was_read_is_believed() -> None:
    clock, heard = [1_000_000], list[tuple[str, int]]()
    feed = PublicFeed("simulator", "ws://127.0.0.1:1", lambda one: heard.append((one.last, one.ts)), lambda: clock[0])

    async def read(symbols: Sequence[Symbol]) -> list[Ticker]:
        assert list(symbols) == [BTC]
        says(feed.shards[0], "snapshot", clock[0], lastPrice="60002")
        return [Ticker(BTC, "60001", "60001", "", clock[0] - 1)]

    feed.read = read
    feed.watch(BTC)
    clock[0] += READ_AFTER_MS + 1
    await feed.look()
    assert heard == [("60002", clock[0])]


async def test_what_the_stream_says_late_does_not_replace_what_was_read_since() -> None:
    clock, heard = [1_000_000], list[tuple[str, int]]()
    feed = PublicFeed("simulator", "ws://127.0.0.1:1", lambda one: heard.append((one.last, one.ts)), lambda: clock[0])

    async def read(symbols: Sequence[Symbol]) -> list[Ticker]:
        return [Ticker(symbol, "60001", "60001", "", clock[0]) for symbol in symbols]

    feed.read = read
    feed.watch(BTC)
    clock[0] += READ_AFTER_MS + 1
    await feed.look()
    says(feed.shards[0], "snapshot", clock[0] - 50, lastPrice="59000")
    says(feed.shards[0], "delta", clock[0] + 50, lastPrice="60002")
    assert heard == [("60001", clock[0]), ("60002", clock[0] + 50)]


def says(stream: PublicStream, kind: str, ts: int, **data: str) -> bool:
    data = {"symbol": BTC, **data}
    frame = {"topic": f"tickers.{data['symbol']}", "type": kind, "ts": ts, "data": data}
    return stream.receive(json.dumps(frame))


def test_inverse_tickers_are_merged_alike() -> None:
    """As Bybit sends them for BTCUSD: quantities in dollars, prices with one or two digits, fields of its own."""
    heard: list[tuple[str, str, str]] = []
    stream = PublicStream(
        "mainnet",
        "wss://stream.bybit.com/v5/public/inverse",
        lambda one: heard.append((one.last, one.mark, one.index)),
        now_ms,
    )
    coin = Symbol("BTCUSD")
    stream.add(coin)
    whole = {
        "tickDirection": "PlusTick",
        "price24hPcnt": "0.017103",
        "lastPrice": "60000.50",
        "prevPrice24h": "58991.00",
        "markPrice": "60001.10",
        "indexPrice": "60002.13",
        "openInterest": "512345678",
        "openInterestValue": "8540.11",
        "turnover24h": "12345.6789",
        "volume24h": "740740740",
        "nextFundingTime": "1795507200000",
        "fundingRate": "0.0001",
        "bid1Price": "60000.00",
        "bid1Size": "1000",
        "ask1Price": "60000.50",
        "ask1Size": "25000",
        "deliveryTime": "2026-12-25T08:00:00Z",
        "basisRate": "",
        "predictedDeliveryPrice": "",
    }
    assert says(stream, "snapshot", 1, symbol=coin, **whole)
    assert says(stream, "delta", 2, symbol=coin, lastPrice="60010.00", openInterest="512345679")
    assert says(stream, "delta", 3, symbol=coin, bid1Price="60009.50")
    assert says(stream, "snapshot", 4, symbol=coin, lastPrice="1.00")
    assert heard == [
        ("60000.50", "60001.10", "60002.13"),
        ("60010.00", "60001.10", "60002.13"),
        ("60010.00", "60001.10", "60002.13"),
        ("1.00", "", ""),
    ]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["snapshot", "delta", "closed"]),
            st.dictionaries(
                st.sampled_from(["lastPrice", "markPrice", "indexPrice", "bid1Price"]), st.sampled_from("1234")
            ),
        ),
        max_size=30,
    )
)
@pytest.mark.fault(29)
def test_the_merge_is_what_the_exchange_has(messages: list[tuple[str, dict[str, str]]]) -> None:
    """A snapshot replaces all, a delta what it names, and after a cut nothing counts before the next snapshot."""
    heard: list[tuple[str, str, str]] = []
    stream = PublicStream("x", "ws://127.0.0.1:1", lambda one: heard.append((one.last, one.mark, one.index)), now_ms)
    stream.add(BTC)
    theirs: dict[str, str] | None = None
    wanted = []
    for ts, (kind, data) in enumerate(messages):
        if kind == "closed":
            theirs = None
            stream.closed()
            continue
        says(stream, kind, ts, **data)
        if kind == "snapshot":
            theirs = dict(data)
        elif theirs is not None:
            theirs |= data
        if theirs is not None:
            wanted.append(tuple(theirs.get(name, "") for name in ("lastPrice", "markPrice", "indexPrice")))
    assert heard == wanted


@pytest.mark.parametrize(
    "frame", ["", "[" * 100_000, "{", "null", b"\xff\xfe", b'"\xff"', '{"topic":1}', '{"topic":"tickers.X","data":[]}']
)
def test_garbage_carries_no_data(frame: str | bytes) -> None:
    stream = PublicStream("simulator", "ws://127.0.0.1:1", lambda _: None, now_ms)
    assert not stream.receive(frame)


@pytest.mark.fault(29)
async def test_nothing_is_decided_on_a_delta_before_its_snapshot() -> None:
    heard: list[tuple[str, str, int]] = []
    stream = PublicStream(
        "simulator", "ws://127.0.0.1:1", lambda one: heard.append((one.last, one.mark, one.ts)), now_ms
    )
    stream.add(BTC)

    says(stream, "delta", 1, lastPrice="1")
    assert heard == []
    says(stream, "snapshot", 2, lastPrice="60000", markPrice="60001")
    says(stream, "delta", 3, markPrice="60002")
    stream.closed()
    says(stream, "delta", 4, lastPrice="1")
    assert heard == [("60000", "60001", 2), ("60000", "60002", 3)]
