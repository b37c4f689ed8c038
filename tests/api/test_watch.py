"""Whether a strategy's source and its positions here say the same."""

from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.api.conftest import Hook, User
from tests.store.books import Books


@pytest.mark.parametrize(
    ("alert", "status", "ours", "told"),
    [
        ({"action": "buy"}, "executed", "long", ("long", "long", "in_sync")),
        ({"action": "buy"}, "accepted", None, ("long", "flat", "behind")),
        ({"action": "buy"}, "refused", None, ("long", "flat", "diverged")),
        ({"action": "sell", "position": "flat"}, "executed", None, ("flat", "flat", "in_sync")),
        ({"action": "close"}, "failed", "short", ("flat", "short", "diverged")),
        ({"action": "target", "position": "short"}, "expired", "long", ("short", "long", "diverged")),
    ],
)
def test_source_and_position(
    user: User, other: User, hook: Hook, books: Books, alert: Any, status: str, ours: str | None, told: Any
) -> None:
    assert hook.api.post(hook.path, hook.alert(**alert)).status == 202
    books.rows("update signals set status = %s", status)
    if ours is not None:
        books.position(user.id, hook.strategy["account_id"], strategy_id=hook.id, side=ours)
    (watch,) = user.api.get(f"/api/strategies/{hook.id}/watch").json["symbols"]
    assert (watch["source"], watch["ours"], watch["state"]) == told
    assert other.api.get(f"/api/strategies/{hook.id}/watch").status == 404


def test_before_any_signal_there_is_nothing_to_compare(user: User, hook: Hook) -> None:
    assert user.api.get(f"/api/strategies/{hook.id}/watch").json == {"symbols": []}


def test_what_is_watched_is_set_and_what_was_seen_is_shown(user: User, hook: Hook, books: Books) -> None:
    seen = {"states": {"BTCUSDT": "in_sync", "ETHUSDT": "diverged"}, "quiet_since": 1_700_000_000_000}
    books.rows("update strategies set watch_state = %s", Jsonb(seen))
    shown = user.api.get(f"/api/strategies/{hook.id}").json
    assert shown["watch"] == {"policy": "alarm", "expected_every_s": None}
    assert shown["source"] == {"state": "diverged", "quiet_since": "2023-11-14T22:13:20Z"}
    wish = {"watch": {"policy": "resync", "expected_every_s": 3600}}
    changed = user.api.patch(f"/api/strategies/{hook.id}", wish).json
    assert (changed["watch"], changed["source"]["quiet_since"]) == (wish["watch"], None)
    (row,) = books.rows("select watch_state->>'since' as since from strategies")
    assert row["since"] is not None, "a cadence counts from when it was set"
    assert user.api.patch(f"/api/strategies/{hook.id}", {"watch": {"expected_every_s": 5}}).status == 422


def test_how_we_came_to_be_out_is_told(user: User, hook: Hook, books: Books) -> None:
    hook.api.post(hook.path, hook.alert(position="long", prev_position="short"))
    books.rows("update signals set status = 'executed', received_at = received_at - interval '1 min'")
    books.position(
        user.id,
        hook.strategy["account_id"],
        strategy_id=hook.id,
        status="closed",
        qty=0,
        entry_qty=1,
        exit_reason="stop_loss",
        opened_at="2026-01-01",
        closed_at="2099-01-01",
    )
    (watch,) = user.api.get(f"/api/strategies/{hook.id}/watch").json["symbols"]
    assert (watch["state"], watch["explained_by"], watch["missed"]) == ("diverged", "stop_loss", True)
