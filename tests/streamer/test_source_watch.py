"""The watch over sources against a database: what is read of the ledger, told, and asked for."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid5

import pytest
from psycopg.types.json import Jsonb

from backstop.store import leases
from backstop.store.query import afetch_one
from streamer.clock import now_ms
from streamer.database import Pool
from streamer.source_watch import SourceWatch
from tests.store.books import Books


@dataclass
class Source:
    """A strategy that trades BTCUSDT, and the watch over it."""

    books: Books
    watch: SourceWatch
    user: UUID
    account: UUID
    strategy: UUID

    def alert(self, *, ago_s: float = 20, status: str = "executed", action: str = "buy", **parsed: Any) -> UUID:
        at = datetime.now(UTC) - timedelta(seconds=ago_s)
        return self.books.signal(
            self.user,
            self.account,
            self.strategy,
            action=action,
            status=status,
            received_at=at,
            decided_at=at if status != "accepted" else None,
            parsed=Jsonb({"action": action, "symbol": "BTCUSDT", **parsed}),
        )

    def holds(self, side: str, *, since_s: float = 60, **values: object) -> UUID:
        opened = datetime.now(UTC) - timedelta(seconds=since_s)
        return self.books.position(
            self.user, self.account, strategy_id=self.strategy, side=side, opened_at=opened, **values
        )

    def held(self, side: str, *, until_s: float, reason: str) -> None:
        closed = datetime.now(UTC) - timedelta(seconds=until_s)
        self.holds(side, status="closed", qty=0, entry_qty=1, closed_at=closed, exit_reason=reason)

    def watches(self, **settings: object) -> None:
        self.books.rows("update strategies set watch = %s", Jsonb(settings))

    def told(self) -> list[str]:
        rows = self.books.rows("select data->>'code' as code from events where type = 'notice' order by seq")
        return [row["code"] for row in rows]


@pytest.fixture
async def source(pool: Pool, books: Books) -> Source:
    user = books.user()
    account = books.account(user)
    strategy = books.strategy(user, account)
    async with pool.connection() as connection:
        epoch = await afetch_one(connection, leases.acquire(leases.account_lease(account), "me"))
    owned = {"x": SimpleNamespace(row=SimpleNamespace(id=account), epoch=epoch)}
    watch = SourceWatch(pool, lambda: owned, now_ms, lambda: None)
    return Source(books, watch, user, account, strategy)


async def test_a_difference_becomes_a_notice_and_the_strategys_state(source: Source) -> None:
    source.alert(position="long", status="refused")
    await source.watch.look()
    await source.watch.look()
    assert source.told() == ["source_diverged"]
    (row,) = source.books.rows("select watch_state from strategies")
    assert row["watch_state"]["states"] == {"BTCUSDT": "diverged"}
    source.holds("long")
    await source.watch.look()
    assert source.told() == ["source_diverged", "source_in_sync"]


async def test_out_by_our_own_stop_is_no_difference(source: Source) -> None:
    source.alert(position="long")
    source.held("long", until_s=5, reason="stop_loss")
    await source.watch.look()
    assert source.told() == []


async def test_a_resync_is_a_signal_like_any_other_once_for_its_alert(source: Source) -> None:
    source.watches(policy="resync")
    cause = source.alert(position="flat", action="sell", status="failed", ago_s=3600)
    source.holds("long", since_s=7200)
    await source.watch.look()
    (asked,) = source.books.rows("select * from signals where action = 'target'")
    assert (asked["id"], asked["status"], asked["symbol"]) == (uuid5(cause, "resync"), "accepted", "BTCUSDT")
    assert asked["parsed"]["position"] == "flat"
    told = source.books.rows("select data from events where type = 'signal'")
    assert [row["data"]["id"] for row in told] == [str(asked["id"])]
    source.books.rows("update strategies set watch_state = '{}'")
    source.books.rows(
        "update signals set status = 'failed', decided_at = now() - interval '1 h' where action = 'target'"
    )
    await source.watch.look()
    assert len(source.books.rows("select id from signals")) == 2, "a resync that failed is told, not tried again"
    assert source.told() == ["source_diverged", "source_diverged"]


async def test_what_the_policy_of_a_webhook_kept_out_is_not_let_in_by_a_resync(source: Source) -> None:
    source.watches(policy="resync")
    refused = source.alert(position="short", action="sell", status="refused")
    source.books.rows("update signals set dedupe_key = 'refused:' || id where id = %s", refused)
    await source.watch.look()
    assert len(source.books.rows("select id from signals")) == 1
    assert source.told() == ["source_diverged"]


@pytest.mark.parametrize(
    ("prev", "before", "missed"),
    [
        ("long", None, True),
        ("flat", None, False),
        ("short", "short", False),
        ("flat", "short", True),
        ("long", "stopped out", False),
    ],
)
async def test_what_the_source_held_before_is_held_against_what_we_held_then(
    source: Source, prev: str, before: str | None, missed: bool
) -> None:
    if before == "stopped out":
        source.held("long", until_s=30, reason="stop_loss")
    elif before is not None:
        source.held(before, until_s=19, reason="reverse")
    source.alert(position="long", prev_position=prev, ago_s=20)
    source.holds("long", since_s=19)
    await source.watch.look()
    assert source.told() == (["alert_missed"] if missed else [])


async def test_nothing_is_said_of_before_while_another_alert_was_under_way(source: Source) -> None:
    source.alert(position="flat", action="sell", ago_s=24)
    source.alert(position="long", prev_position="short", ago_s=20)
    source.holds("long", since_s=19)
    await source.watch.look()
    assert source.told() == []


async def test_a_source_that_goes_quiet_is_told_once_and_when_it_speaks_again(source: Source) -> None:
    source.watches(policy="ignore", expected_every_s=600)
    source.books.rows("update strategies set created_at = now() - interval '1 day'")
    source.alert(ago_s=700)
    await source.watch.look()
    await source.watch.look()
    assert source.told() == ["source_quiet"]
    source.alert(ago_s=1)
    await source.watch.look()
    assert source.told() == ["source_quiet", "source_heard"]


async def test_a_process_without_the_lease_says_nothing(source: Source, pool: Pool) -> None:
    source.alert(position="long", status="refused")
    source.books.rows("update leases set epoch = epoch + 1")
    await source.watch.look()
    assert source.told() == []
