"""Whether a strategy's source and its positions here say the same."""

from typing import Any

import pytest

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
