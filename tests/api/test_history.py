"""Lists, page by page, and the flight record of one alert."""

import pytest

from tests.api.conftest import Hook, User
from tests.store.books import Books


def pages(user: User, path: str) -> list[list[str]]:
    """The ids on each page."""
    seen, cursor = [], ""
    while True:
        page = user.api.get(f"{path}{cursor and f'&cursor={cursor}'}").json
        seen.append([item["id"] for item in page["items"]])
        cursor = page["next_cursor"]
        if cursor is None:
            return seen


@pytest.fixture
def account_id(user: User) -> str:
    return str(user.account()["id"])


@pytest.mark.parametrize("kind", ["orders", "executions", "trades", "positions"])
def test_lists_are_newest_first_and_lose_nothing_between_pages(
    user: User, books: Books, account_id: str, kind: str
) -> None:
    made = []
    for number in range(5):
        match kind:
            case "orders":
                made.append(books.order(user.id, account_id))
            case "executions":
                made.append(books.execution(user.id, account_id))
            case "trades":
                made.append(str(books.trade(user.id, account_id)))
            case _:
                made.append(str(books.position(user.id, account_id, symbol=f"C{number}USDT")))
    made.reverse()
    assert pages(user, f"/api/{kind}?limit=2") == [made[:2], made[2:4], made[4:]]
    assert pages(user, f"/api/{kind}?limit=5") == [made]


def test_rows_added_while_paging_do_not_shift_the_pages(user: User, books: Books, account_id: str) -> None:
    made = [books.order(user.id, account_id) for _ in range(4)]
    first = user.api.get("/api/orders?limit=2").json
    books.order(user.id, account_id)
    second = user.api.get(f"/api/orders?limit=2&cursor={first['next_cursor']}").json
    assert [item["id"] for item in second["items"]] == [made[1], made[0]]


@pytest.mark.parametrize("kind", ["orders", "executions", "trades", "positions", "signals"])
def test_lists_can_be_narrowed(user: User, books: Books, account_id: str, kind: str) -> None:
    assert user.api.get(f"/api/{kind}?symbol=BTCUSDT&account_id={account_id}").json == {
        "items": [],
        "next_cursor": None,
    }
    books.order(user.id, account_id)
    books.execution(user.id, account_id)
    books.trade(user.id, account_id)
    books.position(user.id, account_id)
    books.signal(user.id, books.account(user.id), books.strategy(user.id, books.account(user.id)))
    books.rows("update signals set account_id = %s", account_id)
    assert len(user.api.get(f"/api/{kind}?symbol=BYBIT:BTCUSDT.P").json["items"]) == 1
    assert user.api.get(f"/api/{kind}?symbol=ETHUSDT").json["items"] == []
    assert len(user.api.get(f"/api/{kind}?account_id={account_id}").json["items"]) == 1
    assert user.api.get(f"/api/{kind}?account_id={books.account(user.id)}").json["items"] == []


@pytest.mark.parametrize(("kind", "moment"), [("orders", "created_at"), ("executions", "executed_at")])
def test_orders_and_fills_of_one_position_or_one_time(
    user: User, books: Books, account_id: str, kind: str, moment: str
) -> None:
    position_id = books.position(user.id, account_id)
    add = books.order if kind == "orders" else books.execution
    old = add(user.id, account_id, **{moment: "2026-11-01T08:00:00Z"})
    own = add(user.id, account_id, position_id=position_id, **{moment: "2026-11-02T08:00:00Z"})

    def ids(query: str) -> list[str]:
        return [item["id"] for item in user.api.get(f"/api/{kind}?{query}").json["items"]]

    assert ids(f"position_id={position_id}") == [own]
    assert ids("since=2026-11-02T08:00:00Z") == [own]
    assert ids("until=2026-11-02T08:00:00Z") == [old]
    assert ids("since=2026-11-01T09:30:00%2B02:00") == [own, old]
    assert ids("since=2026-11-01T08:00:01Z&until=2026-11-02T07:59:59Z") == []


def test_trades_can_be_narrowed_further(user: User, books: Books, account_id: str) -> None:
    strategy_id = books.strategy(user.id, account_id)
    won = str(books.trade(user.id, account_id, closed_at="2026-11-02T08:00:00Z", strategy_id=strategy_id))
    lost = str(books.trade(user.id, account_id, closed_at="2026-11-01T08:00:00Z", exit_reason="stop_loss"))

    def ids(query: str) -> list[str]:
        return [item["id"] for item in user.api.get(f"/api/trades?{query}").json["items"]]

    assert ids("exit_reason=stop_loss") == [lost]
    assert ids(f"strategy_id={strategy_id}") == [won]
    assert ids("since=2026-11-02T00:00:00Z") == [won]
    assert ids("until=2026-11-02T00:00:00Z") == [lost]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=%C3%A9", "cursor"),
        ("cursor=LTE", "cursor"),
        ("account_id=x", "account_id"),
        ("since=x", "since"),
        ("since=2026-11-01T08:00:00", "since"),
        ("until=9999-12-31T23:59:59-12:00", "until"),
        ("symbol=%00", "symbol"),
        ("order=asc", "order"),
    ],
)
def test_a_query_that_makes_no_sense_says_which_part(user: User, query: str, field: str) -> None:
    reply = user.api.get(f"/api/orders?{query}")
    assert (reply.status, reply.fields) == (422, [field])


def test_signals_can_be_narrowed_by_status(hook: Hook, user: User) -> None:
    hook.api.post(hook.path, hook.alert())
    hook.api.post(hook.path, hook.alert(qty=0))
    assert [item["status"] for item in user.api.get("/api/signals").json["items"]] == ["rejected", "accepted"]
    (rejected,) = user.api.get("/api/signals?status=rejected").json["items"]
    assert rejected["errors"][0]["field"] == "qty"
    assert (rejected["symbol"], rejected["strategy_name"]) == (None, "trend")


def test_the_flight_record_goes_from_raw_text_to_fills(hook: Hook, user: User, books: Books) -> None:
    signal_id = hook.api.post(hook.path, hook.alert(qty="0.01")).json["signal_id"]
    account_id = hook.strategy["account_id"]
    link_id = books.order(user.id, account_id, signal_id=signal_id)
    late = books.execution(user.id, account_id, order_link_id=link_id, executed_at="2026-11-24T12:00:01Z")
    early = books.execution(user.id, account_id, order_link_id=link_id)
    books.order(user.id, account_id)
    books.execution(user.id, account_id)

    record = user.api.get(f"/api/signals/{signal_id}").json
    assert record["raw"] == '{"secret": "***", "action": "buy", "symbol": "BTCUSDT", "qty": "0.01"}'
    assert record["parsed"]["qty"] == "0.01"
    assert [order["id"] for order in record["orders"]] == [link_id]
    assert record["orders"][0]["avg_price"] == "64010"
    assert [fill["id"] for fill in record["executions"]] == [early, late]
    assert record["executions"][0]["fee"] == "0.352"


def test_events_are_told_in_order_after_a_seq(user: User, books: Books) -> None:
    for number in range(5):
        books.rows("select append_event(%s, 'notice', jsonb_build_object('n', %s::int))", user.id, number)
    page = user.api.get("/api/events?after=1&limit=3").json
    assert [(item["seq"], item["data"]) for item in page["items"]] == [(2, {"n": 1}), (3, {"n": 2}), (4, {"n": 3})]
    rest = user.api.get(f"/api/events?after=1&limit=3&cursor={page['next_cursor']}").json
    assert [item["seq"] for item in rest["items"]] == [5]
    assert rest["next_cursor"] is None
    assert user.api.get("/api/events?after=5").json["items"] == []
