"""The dashboard's WebSocket: in by a ticket, then deltas or a snapshot."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from backstop.contracts.live import LiveMessage
from tests.api.conftest import ORIGIN, Hook, User
from tests.api.connections import Connections
from tests.api.gateway_events import Socket
from tests.store.books import Books


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[Connections]:
    with Connections().serving() as connections:
        monkeypatch.setenv("BACKSTOP_WS_ENDPOINT", connections.url)
        yield connections


def ticket(user: User) -> str:
    reply = user.api.post("/api/ws-ticket")
    assert reply.status == 200
    return str(reply.json["ticket"])


def connected(user: User, connection_id: str = "L0SM9cOFvHcCIhw=") -> Socket:
    socket = Socket(connection_id)
    assert socket.connect(ticket(user)) == 200
    return socket


def told(gateway: Connections, socket: Socket) -> list[Any]:
    """What the socket got, each a message of the contract."""
    messages = gateway.posted[socket.connection_id]
    for message in messages:
        LiveMessage.model_validate(message)
    return messages


def notices(books: Books, user: User, number: int, text: str = "x") -> None:
    for _ in range(number):
        notice = Jsonb({"level": "info", "code": "test", "message": text})
        books.rows("select append_event(%s, 'notice', %s)", user.id, notice)


def live_from(books: Books) -> list[int | None]:
    return [row["live_from"] for row in books.rows("select live_from from ws_connections")]


def test_a_ticket_opens_the_socket_once(user: User, books: Books) -> None:
    once = ticket(user)
    assert Socket("one").connect(once) == 200
    assert Socket("two").connect(once) == 401
    assert [row["connection_id"] for row in books.rows("select * from ws_connections")] == ["one"]


def test_a_ticket_is_kept_as_its_hash(user: User, books: Books) -> None:
    once = ticket(user)
    (row,) = books.rows("select * from ws_tickets")
    assert bytes(row["ticket_hash"]) == sha256(once.encode()).digest()


def test_a_ticket_runs_out_after_thirty_seconds(user: User, books: Books) -> None:
    once = ticket(user)
    books.rows("update ws_tickets set expires_at = expires_at - interval '30 seconds'")
    assert Socket("one").connect(once) == 401
    ticket(user)
    assert len(books.rows("select * from ws_tickets")) == 1, "the one that ran out is cleared away"


@pytest.mark.parametrize("wrong", [None, "", "made-up", "\ud800", "a" * 5000])
def test_without_a_ticket_nobody_gets_in(user: User, wrong: str | None) -> None:
    assert Socket("one").connect(wrong) == 401


def test_other_sites_pages_do_not_get_in(user: User) -> None:
    once = ticket(user)
    assert Socket("one").connect(once, origin="https://evil.example") == 401
    assert Socket("one").connect(once, origin=ORIGIN) == 200


def test_hello_gets_a_snapshot(hook: Hook, user: User, books: Books, gateway: Connections) -> None:
    signal = hook.api.post(hook.path, hook.alert()).json["signal_id"]
    position = books.position(user.id, hook.strategy["account_id"])
    books.position(user.id, hook.strategy["account_id"], status="closed", qty=0, cost=0)
    socket = connected(user)
    assert live_from(books) == [None]
    assert socket.send({"action": "hello"}) == 200
    (message,) = told(gateway, socket)
    assert (message["type"], message["seq"]) == ("snapshot", 1)
    assert [item["id"] for item in message["data"]["positions"]] == [str(position)]
    assert [item["id"] for item in message["data"]["signals"]] == [signal]
    assert live_from(books) == [1]


def test_hello_gets_what_it_missed_in_order(user: User, books: Books, gateway: Connections) -> None:
    notices(books, user, 5)
    socket = connected(user)
    socket.send({"action": "hello", "last_seq": 2})
    assert [(message["type"], message["seq"]) for message in told(gateway, socket)] == [
        ("notice", 3),
        ("notice", 4),
        ("notice", 5),
    ]
    assert live_from(books) == [5]


@pytest.mark.parametrize("last_seq", [None, 0, 502, 900])
def test_whoever_is_up_to_date_or_too_far_away_gets_a_snapshot(
    user: User, books: Books, gateway: Connections, last_seq: int | None
) -> None:
    books.rows(
        "select append_event(%s, 'notice', %s) from generate_series(1, 502)",
        user.id,
        Jsonb({"level": "info", "code": "test", "message": "x"}),
    )
    socket = connected(user)
    socket.send({"action": "hello", "last_seq": last_seq})
    assert [(message["type"], message["seq"]) for message in told(gateway, socket)] == [("snapshot", 502)]


def test_a_gap_in_the_events_means_a_snapshot(user: User, books: Books, gateway: Connections) -> None:
    notices(books, user, 5)
    books.rows("delete from events where seq <= 3")
    socket = connected(user)
    socket.send({"action": "hello", "last_seq": 1})
    assert [message["type"] for message in told(gateway, socket)] == ["snapshot"]


def test_a_snapshot_too_large_for_one_message_says_so(user: User, books: Books, gateway: Connections) -> None:
    account_id = user.account()["id"]
    for number in range(300):
        books.position(user.id, account_id, symbol=f"COIN{number}USDT")
    socket = connected(user)
    socket.send({"action": "hello"})
    (message,) = told(gateway, socket)
    assert message["data"] == {"positions": [], "signals": [], "truncated": True}


def test_an_event_too_large_for_one_message_means_a_snapshot(user: User, books: Books, gateway: Connections) -> None:
    notices(books, user, 1, "x" * 130_000)
    socket = connected(user)
    socket.send({"action": "hello", "last_seq": 0})
    assert [message["type"] for message in told(gateway, socket)] == ["snapshot"]


def test_ping_gets_pong(user: User, gateway: Connections) -> None:
    socket = connected(user)
    assert socket.send({"action": "ping"}) == 200
    (message,) = told(gateway, socket)
    assert (message["type"], message["data"]) == ("pong", {})


@pytest.mark.parametrize("message", ["", "x", "[]", "{}", '{"action":"shout"}', '{"action":"hello","last_seq":-1}'])
def test_what_is_no_message_is_answered_with_nothing(user: User, gateway: Connections, message: str) -> None:
    socket = connected(user)
    assert socket.send(message) == 400
    assert told(gateway, socket) == []


def test_a_user_sees_nothing_of_another(user: User, other: User, books: Books, gateway: Connections) -> None:
    books.position(other.id, other.account()["id"])
    notices(books, other, 3)
    socket = connected(user)
    socket.send({"action": "hello", "last_seq": 0})
    socket.send({"action": "hello"})
    for message in told(gateway, socket):
        assert (message["seq"], message["data"]["positions"]) == (0, [])


@pytest.mark.parametrize("action", ["ping", "hello"])
def test_a_connection_that_is_gone_is_forgotten(user: User, books: Books, gateway: Connections, action: str) -> None:
    socket = connected(user)
    gateway.gone.add(socket.connection_id)
    assert socket.send({"action": action}) == 200
    assert live_from(books) == []


def test_a_closed_connection_is_forgotten(user: User, books: Books, gateway: Connections) -> None:
    socket = connected(user)
    assert socket.disconnect() == 200
    assert live_from(books) == []
    assert socket.disconnect() == 200
    assert socket.send({"action": "hello"}) == 410


def test_without_a_database_the_socket_stays_shut(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    once = ticket(user)
    monkeypatch.setenv("BACKSTOP_API_DATABASE_URL", "postgresql://backstop@127.0.0.1:1/none")
    assert Socket("one").connect(once) == 503
