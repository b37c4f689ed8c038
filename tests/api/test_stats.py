"""Numbers over what happened: trades, equity, speed, exports, and what became of commands."""

import csv
import io
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import exports
from api.exports import written
from api.stats import farthest_fall
from backstop.contracts.trading import Order
from tests.api.conftest import User
from tests.store.books import NOON, Books


def trade(books: Books, user: User, account: str, net: object, hour: int = 0, **values: Any) -> None:
    closed_at = NOON + timedelta(hours=hour)
    opened_at = closed_at - timedelta(minutes=10)
    usual = {"gross_pnl": net, "fees": 1, "funding": 0, "net_pnl": net, "opened_at": opened_at, "closed_at": closed_at}
    books.trade(user.id, account, **{**usual, **values})


@pytest.fixture
def account(user: User) -> str:
    return str(user.account()["id"])


def test_numbers_of_nothing(user: User) -> None:
    stats = user.api.get("/api/stats").json
    assert (stats["trades"], stats["net_pnl"], stats["max_drawdown"]) == (0, "0", "0")
    assert (stats["win_rate"], stats["profit_factor"], stats["expectancy"], stats["groups"]) == (None, None, None, [])


def test_numbers_of_trades(user: User, books: Books, account: str) -> None:
    for hour, net in enumerate([10, -4, -6, 20, 0]):
        trade(books, user, account, net, hour)
    stats = user.api.get("/api/stats").json
    assert {name: stats[name] for name in ("trades", "wins", "losses", "win_rate", "profit_factor", "expectancy")} == {
        "trades": 5,
        "wins": 2,
        "losses": 2,
        "win_rate": "0.4",
        "profit_factor": "3",
        "expectancy": "4",
    }
    assert (stats["avg_win"], stats["avg_loss"], stats["best"], stats["worst"]) == ("15", "-5", "20", "-6")
    assert (stats["net_pnl"], stats["fees"], stats["max_drawdown"], stats["avg_duration_s"]) == ("20", "5", "10", 600)


def test_a_fall_from_the_start_counts(user: User, books: Books, account: str) -> None:
    for hour, net in enumerate([-7, 3]):
        trade(books, user, account, net, hour)
    assert user.api.get("/api/stats").json["max_drawdown"] == "7"


def test_only_losers_or_only_winners(user: User, books: Books, account: str) -> None:
    trade(books, user, account, -5)
    assert user.api.get("/api/stats").json["profit_factor"] == "0"
    trade(books, user, account, 5, 1, symbol="ETHUSDT")
    assert user.api.get("/api/stats?symbol=ETHUSDT").json["profit_factor"] is None


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("symbol", ["ETHUSDT", "BTCUSDT"]),
        ("exit_reason", ["trailing", "stop_loss"]),
        ("side", ["short", "long"]),
        ("day", ["2026-11-24", "2026-11-25"]),
    ],
)
def test_groups(user: User, books: Books, account: str, by: str, names: list[str]) -> None:
    trade(books, user, account, 5, 0, exit_reason="stop_loss")
    trade(books, user, account, -4, 1, exit_reason="stop_loss")
    trade(books, user, account, 30, 13, symbol="ETHUSDT", exit_reason="trailing", side="short")
    groups = user.api.get(f"/api/stats?by={by}").json["groups"]
    assert [group["key"] for group in groups] == names
    assert sorted((group["trades"], group["net_pnl"], group["max_drawdown"]) for group in groups) == [
        (1, "30", "0"),
        (2, "1", "4"),
    ]


def test_strategies_are_named(user: User, books: Books, account: str) -> None:
    strategy = user.strategy(account)
    trade(books, user, account, 5, strategy_id=strategy["id"])
    trade(books, user, account, 1)
    groups = user.api.get("/api/stats?by=strategy").json["groups"]
    assert [(group["key"], group["label"]) for group in groups] == [(strategy["id"], "trend"), ("none", "by hand")]
    assert user.api.get(f"/api/stats?strategy_id={strategy['id']}").json["trades"] == 1


def test_numbers_of_a_period(user: User, books: Books, account: str) -> None:
    for hour in range(3):
        trade(books, user, account, 1, hour)
    query = "since=2026-11-24T13:00:00Z&until=2026-11-24T14:00:00Z"
    assert user.api.get(f"/api/stats?{query}").json["trades"] == 1


def test_numbers_are_of_ones_own(user: User, other: User, books: Books) -> None:
    trade(books, other, other.account()["id"], 5)
    assert user.api.get("/api/stats?by=symbol").json["trades"] == 0
    books.rows("update accounts set equity = 1000")
    assert user.api.get("/api/equity").json["points"][-1]["equity"] is None


# ---- the curve


def test_equity_is_noted_once_a_minute(user: User, books: Books, account: str) -> None:
    for equity in (1000, 1001):
        books.rows("update accounts set equity = %s", equity)
    assert [row["equity"] for row in books.rows("select equity from equity_points")] == [1000]
    books.rows("update equity_points set at = at - interval '61 seconds'")
    books.rows("update accounts set equity = 1002")
    assert [row["equity"] for row in books.rows("select equity from equity_points order by at")] == [1000, 1002]


def test_the_curve_sums_accounts_and_carries_readings_on(user: User, books: Books, account: str) -> None:
    second = user.account(label="second")["id"]
    for id_, equity, minutes in ((account, 1000, 0), (second, 500, 2), (account, 900, 3)):
        books.insert(
            "equity_points", account_id=id_, user_id=user.id, equity=equity, at=NOON + timedelta(minutes=minutes)
        )
    curve = user.api.get("/api/equity?since=2026-11-24T11:59:00Z&until=2026-11-24T12:04:00Z").json
    assert curve["step_s"] == 60
    assert [point["equity"] for point in curve["points"]] == [None, "1000", "1000", "1500", "1400", "1400"]
    assert (curve["max_drawdown"], curve["max_drawdown_share"]) == ("100", "0.066667")
    only = user.api.get(f"/api/equity?account_id={second}&since=2026-11-24T12:01:00Z&until=2026-11-24T12:02:00Z").json
    assert [point["equity"] for point in only["points"]] == [None, "500"]


def test_the_curve_counts_what_was_booked(user: User, books: Books, account: str) -> None:
    for number, (kind, amount) in enumerate((("realised_pnl", 10), ("fee", -1), ("funding", "0.5"))):
        books.insert(
            "ledger",
            user_id=user.id,
            account_id=account,
            exec_id=str(number),
            kind=kind,
            amount=amount,
            at=NOON + timedelta(minutes=number),
        )
    curve = user.api.get("/api/equity?since=2026-11-24T11:59:00Z&until=2026-11-24T12:02:00Z").json
    assert [point["realised_pnl"] for point in curve["points"]] == ["0", "10", "9", "9.5"]


def test_a_long_curve_has_some_four_hundred_points(user: User, account: str) -> None:
    curve = user.api.get("/api/equity?since=2020-01-01T00:00:00Z&until=2026-01-01T00:00:00Z").json
    assert 395 <= len(curve["points"]) <= 405
    assert curve["points"][-1]["at"] == "2026-01-01T00:00:00Z"


def test_a_curve_ends_after_it_began(user: User) -> None:
    reply = user.api.get("/api/equity?since=2026-01-01T00:00:00Z&until=2025-01-01T00:00:00Z")
    assert (reply.status, reply.fields) == (422, ["since"])


@given(st.lists(st.decimals(0, 10**6, places=2), max_size=30))
def test_no_fall_is_farther_than_the_farthest(curve: list[Decimal]) -> None:
    amount, share = farthest_fall(curve)
    falls = [high - low for at, high in enumerate(curve) for low in curve[at:]]
    assert amount == max([*falls, Decimal(0)])
    assert 0 <= share <= 1


# ---- speed


def test_the_time_each_step_took(user: User, books: Books, account: str) -> None:
    strategy = user.strategy(account)["id"]
    for number in range(1, 101):
        alert = NOON + timedelta(minutes=number)
        received = alert + timedelta(milliseconds=number)
        stored = received + timedelta(milliseconds=10)
        signal = books.signal(
            user.id,
            account,
            strategy,
            status="executed",
            alert_time=alert,
            received_at=received,
            stored_at=stored,
            decided_at=stored + timedelta(milliseconds=20),
        )
        made = stored + timedelta(milliseconds=5)
        order = books.order(
            user.id,
            account,
            signal_id=signal,
            created_at=made,
            sent_at=made + timedelta(milliseconds=2),
            acknowledged_at=made + timedelta(milliseconds=2 + number),
        )
        for later in (300, 100):
            at = made + timedelta(milliseconds=2 + later)
            books.execution(user.id, account, order_link_id=order, executed_at=at)
    quality = user.api.get("/api/stats/execution").json
    assert quality["alert_to_received"] == {"count": 100, "p50": 50, "p90": 90, "p95": 95, "p99": 99}
    assert quality["received_to_stored"]["p99"] == 10
    assert quality["decided_to_sent"]["p50"] == 2
    assert quality["sent_to_acknowledged"] == {"count": 100, "p50": 50, "p90": 90, "p95": 95, "p99": 99}
    assert quality["acknowledged_to_filled"]["p90"] == 89
    assert quality["sent_to_filled"]["p50"] == 100
    assert quality["received_to_filled"]["p50"] == 117


def test_without_signals_there_is_no_speed(user: User) -> None:
    assert set(user.api.get("/api/stats/execution").json.values()) == {None}


def test_slippage_is_against_the_price_decided_on_or_the_level_reached(user: User, books: Books, account: str) -> None:
    def entry(side: str, paid: str, **values: Any) -> None:
        books.order(user.id, account, side=side, filled_qty=2, filled_value=Decimal(paid) * 2, **values)

    for side, paid in (("buy", "100.10"), ("buy", "99.90"), ("sell", "99.80")):
        entry(side, paid, decided_price=100)
    entry("buy", "150", decided_price=100, limit_price=150)
    entry("buy", "150")
    position = books.position(user.id, account)
    link = books.order(user.id, account, purpose="stop_loss", side="sell", filled_qty=1, filled_value=Decimal("98.01"))
    books.level(user.id, account, position, close_link_id=link, kind="stop_loss", price=99, status="fired")
    quality = user.api.get("/api/stats/execution").json
    assert quality["entry_slippage"] == {"count": 3, "p50": "10", "p90": "18", "p99": "19.8"}
    assert quality["exit_slippage"] == {"count": 1, "p50": "100", "p90": "100", "p99": "100"}
    assert user.api.get("/api/stats/execution?symbol=ETHUSDT").json["exit_slippage"] is None


# ---- CSV


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_trades_as_csv(user: User, books: Books, account: str) -> None:
    trade(books, user, account, "-12.50")
    reply = user.api.get("/api/exports/trades")
    assert reply.headers["Content-Type"].startswith("text/csv")
    assert reply.headers["Content-Disposition"] == 'attachment; filename="trades.csv"'
    (row,) = rows_of(reply.text)
    assert (row["symbol"], row["net_pnl"], row["strategy_id"]) == ("BTCUSDT", "-12.5", "")
    assert row["closed_at"] == "2026-11-24T12:00:00Z"


def test_a_long_export_goes_on_at_its_cursor(
    user: User, books: Books, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "ROWS", 2)
    ids = [books.order(user.id, account) for _ in range(5)]
    found, cursor = [], ""
    for _ in range(3):
        reply = user.api.get(f"/api/exports/orders{cursor}")
        found += [row["id"] for row in rows_of(reply.text)]
        cursor = f"?cursor={reply.headers.get('X-Next-Cursor', '')}"
    assert found == ids[::-1]
    assert cursor == "?cursor="


def test_fills_as_csv(user: User, other: User, books: Books, account: str) -> None:
    books.execution(user.id, account)
    assert len(rows_of(user.api.get("/api/exports/executions").text)) == 1
    assert rows_of(other.api.get("/api/exports/executions").text) == []
    assert rows_of(user.api.get("/api/exports/executions?since=2026-11-25T00:00:00Z").text) == []


@pytest.mark.parametrize("reason", ["=1+1", "+x", "-cmd|x", "@SUM(A1)", 'a "quoted", one\nand another'])
def test_no_cell_is_a_formula(user: User, books: Books, account: str, reason: str) -> None:
    books.order(user.id, account, reason=reason)
    order = Order.model_validate(user.api.get("/api/orders").json["items"][0])
    (row,) = rows_of(written(["reason"], [order]))
    assert row["reason"] in (reason, f"'{reason}")
    assert row["reason"][0] not in "=+-@"


# ---- commands


def test_what_became_of_a_command(user: User, other: User, books: Books, account: str) -> None:
    position = books.position(user.id, account)
    made = user.api.post(f"/api/positions/{position}/close", {"portion": "25%"}).json["command_id"]
    shown = user.api.get(f"/api/commands/{made}").json
    assert (shown["kind"], shown["status"], shown["body"]["portion"]) == ("close", "accepted", "25%")
    books.rows("update commands set status = 'refused', reason_code = 'position_closed', decided_at = now()")
    shown = user.api.get(f"/api/commands/{made}").json
    assert (shown["status"], shown["reason_code"]) == ("refused", "position_closed")
    assert other.api.get(f"/api/commands/{made}").status == 404
