"""Notifications: in words, handed to stand-ins of the providers on loopback, tried again until they are taken."""

import asyncio
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from psycopg.types.json import Jsonb

from backstop.contracts.notifications import Provider
from backstop.store.notifications import WaitingMessage
from backstop.vault import ChannelContext, HpkeOpener, HpkeSealer
from streamer.couriers import Couriers
from streamer.database import Pool
from streamer.notifier import Notifier, again_in_s
from streamer.wording import Letter, letter
from tests.store.books import Books

KEY = X25519PrivateKey.generate()
TOKEN = "123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc"
PARTS: dict[Provider, dict[str, str]] = {
    "telegram": {"token": TOKEN, "chat_id": "-1001"},
    "discord": {"webhook_url": "https://discord.com/api/webhooks/1234567890/" + "x" * 40},
    "slack": {"webhook_url": "https://hooks.slack.com/services/T01234567/B07654321/" + "y" * 24},
}
CLOSED = {
    "symbol": "BTCUSDT",
    "side": "long",
    "qty": "0.01",
    "exit_price": "65000.50",
    "exit_reason": "take_profit",
    "net_pnl": "9.2534",
}
OPENED = {"symbol": "BTCUSDT", "side": "long", "qty": "0.01", "entry_price": "64000", "stop_loss": "63040"}
REFUSED = {"action": "buy", "symbol": "BTCUSDT", "status": "expired", "reason": "40 s old", "strategy_name": "trend"}


class Providers:
    """All of them behind one address, with what they were told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.status = 200
        self.url = ""

    def couriers(self) -> Couriers:
        return Couriers(elsewhere=dict.fromkeys(PARTS, f"{self.url}/bot"))


@pytest.fixture
def providers() -> Iterator[Providers]:
    it = Providers()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            it.told.append((self.path, json.loads(body)))
            self.send_response(it.status)
            self.end_headers()
            self.wfile.write(b"ok" if it.status == 200 else b'{"description":"no"}')

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        it.url = f"http://127.0.0.1:{server.server_port}"
        with served(server):
            yield it


@contextmanager
def served(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


def waiting(topic: str, data: dict[str, Any] | None) -> WaitingMessage:
    return WaitingMessage(1, topic, data)


def test_events_in_words() -> None:
    assert letter([waiting("opened", OPENED)]) == Letter(
        "Backstop: BTCUSDT long opened", "0.01 at 64000, stop-loss 63040", "info"
    )
    assert letter([waiting("closed", CLOSED)]) == Letter(
        "Backstop: BTCUSDT long closed by take profit", "+9.25 USDT net, 0.01 out at 65000.5", "success"
    )
    assert letter([waiting("refused", REFUSED)]).body == "40 s old (trend)"
    both = letter([waiting("closed", CLOSED), waiting("error", {"message": "the key is refused"})])
    assert (both.title, both.kind) == ("Backstop: 2 messages", "failure")
    assert both.body.splitlines()[1] == "error: the key is refused"
    assert letter([waiting("test", None)]).title == "Backstop: test"


@pytest.mark.parametrize("provider", PARTS)
def test_a_provider_is_told_at_its_own_address(providers: Providers, provider: Provider) -> None:
    assert (
        providers.couriers().send(provider, PARTS[provider], Letter("Backstop: x", "0.01 at <64000>", "info")) is None
    )
    ((path, body),) = providers.told
    assert "64000" in json.dumps(body)
    assert (
        path
        == {
            "telegram": f"/bot{TOKEN}/sendMessage",
            "discord": "/bot/1234567890/" + "x" * 40,
            "slack": "/bot/T01234567/B07654321/" + "y" * 24,
        }[provider]
    )
    if provider == "telegram":
        assert body["chat_id"] in (-1001, "-1001")


@pytest.mark.parametrize("provider", PARTS)
def test_what_is_not_taken_is_told_by_its_status_and_without_the_token(
    providers: Providers, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    providers.status = 401
    assert providers.couriers().send(provider, PARTS[provider], Letter("x", "y", "info")) == "the provider answered 401"
    assert TOKEN not in "".join(capfd.readouterr())


def test_a_provider_that_is_away() -> None:
    away = Couriers(elsewhere=dict.fromkeys(PARTS, "http://127.0.0.1:1/bot"))
    assert away.send("discord", PARTS["discord"], Letter("x", "y", "info")) == "the provider could not be reached"


def test_mail_goes_through_the_mail_server_and_only_where_there_is_one() -> None:
    mails: list[str] = []

    class Smtp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline():
                if line.upper().startswith(b"DATA"):
                    self.wfile.write(b"354 go on\r\n")
                    text = b""
                    while (part := self.rfile.readline()) != b".\r\n":
                        text += part
                    mails.append(text.decode())
                self.wfile.write(b"221 bye\r\n" if line.upper().startswith(b"QUIT") else b"250 ok\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Smtp) as server, served(server):
        url = f"mailto://127.0.0.1:{server.server_address[1]}?from=bot@example.com&smtp=127.0.0.1"
        assert Couriers(url).send("email", {"address": "ada@example.com"}, Letter("Backstop: x", "y", "info")) is None
    assert "To: ada@example.com" in mails[0]
    assert "Subject: Backstop: x" in mails[0]
    assert Couriers().send("email", {"address": "ada@example.com"}, Letter("x", "y", "info")) is not None


def test_waits_grow_and_stay_bounded() -> None:
    assert [again_in_s(n) for n in (0, 1, 2, 6, 7, 100)] == [5, 10, 20, 320, 600, 600]


# ---- the outbox


def channel(books: Books, user: UUID, provider: Provider = "telegram", **values: object) -> None:
    parts = json.dumps(PARTS[provider]).encode()
    sealed = HpkeSealer(KEY.public_key()).seal_bytes(parts, ChannelContext(user, provider))
    usual = {"topics": ["closed", "error"], "destination": "-", "sealed": sealed}
    books.insert("notification_channels", **{"user_id": user, "provider": provider, **usual, **values})


def closes(books: Books, user: UUID, name: str) -> None:
    books.rows("select append_event(%s, 'trade', %s)", user, Jsonb({**CLOSED, "id": name}))


def notifier(pool: Pool, providers: Providers) -> Notifier:
    return Notifier(pool, HpkeOpener(KEY), providers.couriers())


async def test_what_was_committed_is_sent_once_in_one_message(pool: Pool, books: Books, providers: Providers) -> None:
    user = books.user()
    channel(books, user)
    closes(books, user, "a")
    closes(books, user, "b")
    one, two = notifier(pool, providers), notifier(pool, providers)
    await asyncio.gather(one.send_due(), two.send_due())
    assert not await one.send_due()
    ((_, body),) = providers.told
    assert body["text"].count("closed by take profit") == 2
    (row,) = books.rows("select * from notification_channels")
    assert (row["last_error"], row["retry_at"], row["failures"]) == (None, None, 0)
    assert row["last_sent_at"] is not None


async def test_what_is_not_taken_waits_and_goes_out_later(pool: Pool, books: Books, providers: Providers) -> None:
    user = books.user()
    channel(books, user)
    closes(books, user, "a")
    providers.status = 502
    it = notifier(pool, providers)
    assert await it.send_due()
    (row,) = books.rows("select *, retry_at > now() + interval '4 s' as later from notification_channels")
    assert (row["last_error"], row["failures"], row["later"]) == ("the provider answered 502", 1, True)
    assert not await it.send_due(), "it waits"
    providers.status = 200
    books.rows("update notification_channels set retry_at = now()")
    assert await it.send_due()
    (told,) = books.rows("select attempts, sent_at from notifications")
    assert (told["attempts"], told["sent_at"] is not None) == (2, True)


async def test_a_process_that_died_while_sending_leaves_it_to_be_sent(
    pool: Pool, books: Books, providers: Providers
) -> None:
    user = books.user()
    channel(books, user, retry_at="2020-01-01")
    closes(books, user, "a")
    assert await notifier(pool, providers).send_due()
    assert len(providers.told) == 1


async def test_a_broken_channel_holds_back_no_other(pool: Pool, books: Books, providers: Providers) -> None:
    user = books.user()
    channel(books, user, sealed=b"\x01nothing that opens")
    channel(books, user, "slack")
    closes(books, user, "a")
    await notifier(pool, providers).send_due()
    assert len(providers.told) == 1
    rows = {row["provider"]: row["last_error"] for row in books.rows("select * from notification_channels")}
    assert rows == {"slack": None, "telegram": "what was stored of it cannot be opened; set it up again"}


async def test_old_news_is_given_up(pool: Pool, books: Books, providers: Providers) -> None:
    user = books.user()
    channel(books, user)
    closes(books, user, "a")
    books.rows("update notifications set created_at = now() - interval '7 h'")
    assert not await notifier(pool, providers).send_due()
    assert providers.told == []
