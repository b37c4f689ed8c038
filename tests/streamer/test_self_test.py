"""Self-tests of an account that is traded: when they are done, and what follows."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from backstop.store import self_tests
from backstop.store.query import execute
from tests.streamer.desk import BTC, CREDENTIALS
from tests.streamer.waiting import eventually
from tests.streamer.yard import Process, Yard

TESTS = "select * from self_tests where account_id = %s and finished_at is not null order by seq"
LINES = """select l.code, l.status, l.detail from self_test_lines l join self_tests t on t.id = l.self_test_id
            where t.account_id = %s and t.seq = (select max(seq) from self_tests where account_id = %s)
            order by l.position"""


@pytest.fixture
async def account(yard: Yard) -> UUID:
    one = yard.account()
    yard.books.strategy(yard.user, one)
    return one


async def found_by(yard: Yard, account: UUID, times: int) -> list[dict[str, Any]]:
    return await eventually(
        lambda: found if len(found := yard.books.rows(TESTS, account)) >= times else None, f"{times} self-tests"
    )


def lines(yard: Yard, account: UUID) -> dict[str, str]:
    return {row["code"]: row["status"] for row in yard.books.rows(LINES, account, account)}


async def key_becomes(yard: Yard, **facts: Any) -> None:
    await yard.exchange.sim.control("POST", "key", {"api_key": CREDENTIALS.api_key, **facts})


def asks(yard: Yard, account: UUID) -> None:
    """Its owner wants it tested now."""
    with yard.books.connected() as connection:
        execute(connection, self_tests.request(uuid4(), yard.user, account, "user"))
    yard.notify(str(account))


def status(yard: Yard, account: UUID) -> tuple[str, str | None]:
    (row,) = yard.books.rows("select status, status_reason from accounts where id = %s", account)
    return row["status"], row["status_reason"]


def notices(yard: Yard) -> list[str]:
    rows = yard.books.rows("select data from events where type = 'notice' order by seq")
    return [row["data"]["code"] for row in rows]


async def trading(yard: Yard, account: UUID) -> Process:
    process = await yard.starts("one")
    await eventually(lambda: process.trades(account))
    return process


async def test_a_new_account_is_tested_line_by_line(yard: Yard, account: UUID) -> None:
    await trading(yard, account)
    (test,) = await found_by(yard, account, 1)
    assert (test["cause"], test["outcome"]) == ("added", "warned")
    found = lines(yard, account)
    assert found["ip_binding"] == "warning", "a key of the look-alike works from everywhere"
    assert {code for code, line in found.items() if line == "failed"} == set()
    assert {"key", "server", "clock", "trading", "withdrawal", "expiry", "unified", "margin_mode"} <= set(found)
    assert status(yard, account) == ("active", None)


async def test_a_key_that_may_withdraw_opens_nothing_until_it_is_mended(yard: Yard, account: UUID) -> None:
    await key_becomes(yard, permissions={"ContractTrade": ["Order", "Position"], "Wallet": ["Withdraw"]})
    await trading(yard, account)
    (test,) = await found_by(yard, account, 1)
    assert test["outcome"] == "failed"
    await eventually(lambda: status(yard, account)[0] == "paused")
    assert "Withdraw" in (status(yard, account)[1] or "")
    strategy = yard.books.rows("select id from strategies")[0]["id"]
    signal = yard.books.signal(yard.user, account, strategy)
    yard.notify(str(account))
    (row,) = await eventually(
        lambda: yard.books.rows("select * from signals where id = %s and status = 'refused'", signal), "refused"
    )
    assert (row["reason_code"], "Withdraw" in row["reason"]) == ("account_unfit", True)
    assert yard.exchange.requests == []
    await key_becomes(yard, permissions={"ContractTrade": ["Order", "Position"], "Wallet": []})
    asks(yard, account)
    await found_by(yard, account, 2)
    await eventually(lambda: status(yard, account) == ("active", None))
    await eventually(lambda: notices(yard) == ["self_test_failed", "self_test_passed"], "told both times")
    again = yard.books.signal(yard.user, account, strategy)
    yard.notify(str(account))
    await eventually(lambda: yard.books.rows("select * from signals where id = %s and status = 'executed'", again))


@pytest.mark.fault(53)
async def test_what_is_open_is_still_closed_when_the_key_gains_a_right_later(yard: Yard, account: UUID) -> None:
    await trading(yard, account)
    await found_by(yard, account, 1)
    strategy = yard.books.rows("select id from strategies")[0]["id"]
    yard.books.signal(yard.user, account, strategy)
    yard.notify(str(account))
    await eventually(lambda: yard.books.rows("select id from positions where status = 'open'"), "open")
    await key_becomes(yard, permissions={"ContractTrade": ["Order", "Position"], "Wallet": ["AccountTransfer"]})
    asks(yard, account)
    await found_by(yard, account, 2)
    await eventually(lambda: status(yard, account)[0] == "paused")
    await yard.exchange.price("59050")
    await eventually(lambda: yard.books.rows("select id from trades"), "closed at its stop")
    assert yard.exchange.held == 0


async def test_a_failed_test_holds_across_processes(yard: Yard, account: UUID) -> None:
    await key_becomes(yard, readOnly=1)
    first = await trading(yard, account)
    await found_by(yard, account, 1)
    await first.fleet.close()
    await first.kill()
    second = await yard.starts("two")
    await eventually(lambda: second.trades(account))
    (owned,) = second.fleet.accounts.values()
    assert owned.actor is not None
    assert "read-only" in (owned.actor.state.unfit or "")
    assert len(yard.books.rows(TESTS, account)) == 1, "not tested anew within the day"


@pytest.mark.fault(53)
async def test_it_is_repeated_after_a_day(yard: Yard, account: UUID) -> None:
    process = await trading(yard, account)
    await found_by(yard, account, 1)
    yard.books.rows("update self_tests set finished_at = finished_at - interval '25 hours'")
    (owned,) = process.fleet.accounts.values()
    owned.wake()
    tests = await found_by(yard, account, 2)
    assert tests[1]["cause"] == "daily"


async def test_it_is_repeated_when_the_key_is_refused(yard: Yard, account: UUID) -> None:
    process = await trading(yard, account)
    await found_by(yard, account, 1)
    await yard.exchange.fault("ret_code", code=33004, message="Your api key has expired.")
    (owned,) = process.fleet.accounts.values()
    assert owned.actor is not None
    owned.actor.reread()
    tests = await found_by(yard, account, 2)
    assert (tests[1]["cause"], tests[1]["outcome"]) == ("key_refused", "failed")
    assert lines(yard, account) == {"key": "failed"}


async def test_an_exchange_that_does_not_answer_fails_nothing(yard: Yard, account: UUID) -> None:
    await yard.exchange.fault("http_status", status=502, path="/v5/user/query-api")
    await trading(yard, account)
    await eventually(lambda: yard.books.rows("select id from self_tests"), "asked for")
    assert yard.books.rows(TESTS, account) == []
    assert status(yard, account)[0] != "paused"
    await yard.exchange.mend()
    asks(yard, account)
    (test,) = await found_by(yard, account, 1)
    assert test["cause"] == "added"


async def test_hedge_mode_is_found(yard: Yard, account: UUID) -> None:
    there = yard.exchange.sim.venue.exchange.account(CREDENTIALS.api_key)
    assert there is not None
    there.hedge[BTC] = True
    await trading(yard, account)
    await found_by(yard, account, 1)
    (row,) = [row for row in yard.books.rows(LINES, account, account) if row["code"] == "position_mode"]
    assert "BTCUSDT" in row["detail"]
