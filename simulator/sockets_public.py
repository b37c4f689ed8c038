"""The public stream: tickers, order book, trades, candles.

Source: Bybit V5, "WebSocket Stream / Public".
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from simulator.candles import MINUTE_MS, MINUTES, candle
from simulator.exchange import Ticked, Traded
from simulator.instruments import INSTRUMENTS
from simulator.market import orderbook, ticker, ticker_delta
from simulator.numbers import fixed, text
from simulator.sockets import ACK_DELAY_S, Connection, accept, encode, req_id, socket_of, topics_of
from simulator.venue import Venue

QUIET_S = 0.5
"""A subscribed ticker that did not change for this long gets a small delta."""
BOOK_DEPTHS = frozenset({"1", "50", "200", "1000"})
MAX_ARGS_LENGTH = 21_000


class PublicStream:
    """Serves /v5/public/linear."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._tickers: dict[str, dict[str, str]] = {}
        self._pushed_ms: dict[str, int] = {}
        venue.on_market(self.publish)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection, from handshake to end."""
        fault = self._venue.faults.take("refuse_public")
        if fault is not None:
            return web.Response(status=fault.number("status"))
        connection = await accept(request, self._venue.socket_id())
        with self._venue.public.holding(connection):
            await connection.run(lambda body: self._receive(connection, body), _failure(connection, "Params Error", ""))
        return socket_of(connection)

    async def keep_alive(self) -> None:
        """Refresh quiet tickers for ever."""
        while True:
            await asyncio.sleep(QUIET_S)
            now = self._venue.now_ms()
            watched = {
                topic.partition(".")[2] for one in self._venue.public for topic in one.live if "tickers" in topic
            }
            for symbol in sorted(watched):
                if abs(now - self._pushed_ms.get(symbol, 0)) >= QUIET_S * 1000:
                    self._venue.exchange.quote(symbol).refreshes += 1
                    self.publish([Ticked(symbol)])

    def publish(self, events: list[Ticked | Traded]) -> None:
        """Send what changed to whoever listens."""
        for symbol in dict.fromkeys(event.symbol for event in events if isinstance(event, Ticked)):
            self._push_ticker(symbol)
            self._push_derived(symbol)
        for event in events:
            if isinstance(event, Traded):
                self._broadcast(f"publicTrade.{event.symbol}", _trade_message(event))

    def push_fields(self, symbol: str, fields: dict[str, Any]) -> None:
        """Send a ticker delta with exactly these fields (fault bad_ticker)."""
        message = self._ticker_message(symbol, "delta", {"symbol": symbol, **fields})
        self._broadcast(f"tickers.{symbol}", message)
        # Remembered as sent, so that the next delta puts it right.
        self._tickers[symbol] = self._tickers.get(symbol, self._ticker(symbol)) | fields

    def push_snapshot(self, symbol: str) -> None:
        """Send a whole ticker again (fault ticker_snapshot)."""
        self._tickers[symbol] = self._ticker(symbol)
        self._broadcast(f"tickers.{symbol}", self._ticker_message(symbol, "snapshot", self._tickers[symbol]))

    def _receive(self, connection: Connection, body: dict[str, Any]) -> None:
        faults, op = self._venue.faults, body.get("op")
        if op == "ping":
            if not (faults.find("no_pong", scope="public") or faults.find("no_pong", scope="all")):
                connection.send(_reply(connection, "ping", req_id(body), "pong"))
        elif op == "subscribe":
            self._subscribe(connection, body)
        elif op == "unsubscribe":
            for topic in topics_of(body):
                connection.topics.discard(topic)
                connection.live.discard(topic)
            connection.send(_reply(connection, "unsubscribe", req_id(body)), ACK_DELAY_S)
        else:
            connection.send(_failure(connection, f"error:invalid op,op:{op}", req_id(body)))

    def _subscribe(self, connection: Connection, body: dict[str, Any]) -> None:
        topics, number = topics_of(body), req_id(body)
        problem = "" if topics else "error:Params Error"
        if sum(map(len, topics)) > MAX_ARGS_LENGTH:
            problem = "args length exceeds 21000"
        for topic in topics:
            if topic in connection.topics:
                problem = f"error:already subscribed,topic:{topic}"
            elif not is_topic(topic) or self._venue.faults.take("subscribe_rejected", topic=topic):
                problem = f"error:handler not found,topic:{topic}"
        if problem:
            connection.send(_failure(connection, problem, number), ACK_DELAY_S)
            return
        connection.topics.update(topics)
        connection.send(_reply(connection, "subscribe", number), ACK_DELAY_S)
        connection.later(lambda: self._go_live(connection, topics), ACK_DELAY_S)

    def _go_live(self, connection: Connection, topics: list[str]) -> None:
        for topic in topics:
            if topic not in connection.topics:
                continue
            connection.live.add(topic)
            if not self._venue.faults.find("mute_public", None, topic.rpartition(".")[2]):
                for message in self._first(topic):
                    connection.send(message)

    def _first(self, topic: str) -> list[dict[str, Any]]:
        kind, _, rest = topic.partition(".")
        if kind == "tickers":
            # Deltas build on the last ticker sent to all, so that is what a newcomer starts from.
            data = self._tickers.setdefault(rest, self._ticker(rest))
            return [self._ticker_message(rest, "snapshot", data)]
        if kind == "orderbook":
            depth, _, symbol = rest.partition(".")
            return [self._book_message(symbol, depth)]
        if kind == "kline":
            interval, _, symbol = rest.partition(".")
            return [self._kline_message(symbol, interval)]
        return []

    def _push_ticker(self, symbol: str) -> None:
        now = self._ticker(symbol)
        before = self._tickers.get(symbol)
        self._tickers[symbol] = now
        self._pushed_ms[symbol] = self._venue.now_ms()
        delta = ticker_delta(before, now) if before is not None else {}
        if delta and not self._venue.faults.take("drop_ticker", None, symbol):
            self._broadcast(f"tickers.{symbol}", self._ticker_message(symbol, "delta", delta))

    def _push_derived(self, symbol: str) -> None:
        wanted = {topic for one in self._venue.public for topic in one.live if topic.endswith(f".{symbol}")}
        for topic in sorted(wanted):
            if not topic.startswith(("tickers.", "publicTrade.")):
                for message in self._first(topic):
                    self._broadcast(topic, message)

    def _broadcast(self, topic: str, message: dict[str, Any]) -> None:
        if self._venue.faults.find("mute_public", None, topic.rpartition(".")[2]):
            return
        encoded = ""
        for connection in self._venue.public:
            if topic in connection.live:
                encoded = encoded or encode(message)
                connection.send(encoded)

    def _ticker(self, symbol: str) -> dict[str, str]:
        return ticker(self._venue.exchange.quote(symbol), INSTRUMENTS[symbol], self._venue.now_ms())

    def _ticker_message(self, symbol: str, kind: str, data: dict[str, Any]) -> dict[str, Any]:
        sequence = self._venue.exchange.state.number
        return {"topic": f"tickers.{symbol}", "type": kind, "data": data, "cs": sequence, "ts": self._venue.now_ms()}

    def _book_message(self, symbol: str, depth: str) -> dict[str, Any]:
        now, sequence = self._venue.now_ms(), self._venue.exchange.state.number + 1
        book = orderbook(self._venue.exchange.quote(symbol), INSTRUMENTS[symbol], int(depth))
        data = {**book, "u": sequence, "seq": sequence}
        return {"topic": f"orderbook.{depth}.{symbol}", "type": "snapshot", "ts": now, "data": data, "cts": now}

    def _kline_message(self, symbol: str, interval: str) -> dict[str, Any]:
        now, step = self._venue.now_ms(), MINUTES[interval] * MINUTE_MS
        start, instrument = now // step * step, INSTRUMENTS[symbol]
        tape, price = self._venue.exchange.tape(symbol), self._venue.exchange.quote(symbol).last
        tape.record(now, price)
        bar = candle(tape, price, start, MINUTES[interval], instrument.tick_size)
        row = {
            "start": start,
            "end": start + step - 1,
            "interval": interval,
            **dict(
                zip(("open", "high", "low", "close"), (fixed(one, instrument.tick_size) for one in bar), strict=True)
            ),
            "volume": "100",
            "turnover": text(100 * bar[3]),
            "confirm": False,
            "timestamp": now,
        }
        return {"topic": f"kline.{interval}.{symbol}", "type": "snapshot", "ts": now, "data": [row]}


def is_topic(topic: str) -> bool:
    """Whether the linear stream has this topic."""
    kind, _, rest = topic.partition(".")
    detail, _, symbol = rest.rpartition(".")
    if symbol not in INSTRUMENTS:
        return False
    match kind:
        case "tickers" | "publicTrade":
            return not detail
        case "orderbook":
            return detail in BOOK_DEPTHS
        case "kline":
            return detail in MINUTES
        case _:
            return False


def _trade_message(event: Traded) -> dict[str, Any]:
    row = {
        "T": event.time_ms,
        "s": event.symbol,
        "S": event.side,
        "v": text(event.qty),
        "p": fixed(event.price, INSTRUMENTS[event.symbol].tick_size),
        "L": "ZeroPlusTick",
        "i": event.trade_id,
        "BT": False,
        "RPI": False,
        "seq": event.seq,
    }
    return {"topic": f"publicTrade.{event.symbol}", "type": "snapshot", "ts": event.time_ms, "data": [row]}


def _reply(connection: Connection, op: str, number: str, message: str = "") -> dict[str, Any]:
    return {"success": True, "ret_msg": message, "conn_id": connection.conn_id, "req_id": number, "op": op}


def _failure(connection: Connection, problem: str, number: str) -> dict[str, Any]:
    return {
        "success": False,
        "ret_msg": problem,
        "conn_id": connection.conn_id,
        "req_id": number,
        "op": "subscribe",
    }
