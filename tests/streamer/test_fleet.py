"""Which accounts this process trades."""

from backstop.store import leases
from streamer.journal import Fenced
from tests.streamer.waiting import eventually, rows_of
from tests.streamer.yard import Yard


def leaves(error: BaseException | None) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaves(inner)]
    return [error] if error is not None else []


async def test_a_new_account_is_traded_as_soon_as_it_is_told_of(yard: Yard) -> None:
    process = await yard.starts("one")
    account = yard.account()
    await eventually(lambda: process.trades(account))
    lease = yard.lease(account)
    assert lease is not None
    assert (lease["holder"], lease["epoch"], lease["valid"]) == ("one", 1, True)
    assert yard.books.rows("select status from accounts") == [{"status": "active"}]
    assert yard.books.rows("select symbol from instruments where symbol = 'BTCUSDT'") == [{"symbol": "BTCUSDT"}]


async def test_a_new_account_is_found_when_nobody_tells(yard: Yard) -> None:
    process = await yard.starts("one")
    account = yard.account(notify=False)
    await eventually(lambda: process.trades(account))


async def test_a_deleted_account_is_let_go_and_others_stay(yard: Yard) -> None:
    process = await yard.starts("one")
    gone, stays = yard.account(), yard.account()
    await eventually(lambda: process.trades(gone) and process.trades(stays))
    await rows_of(yard.books, "update accounts set deleted_at = now() where id = %s", gone)
    yard.notify("accounts")
    await eventually(lambda: (lease := yard.lease(gone)) is not None and not lease["valid"], "its lease let go")
    assert process.trades(stays)
    assert list(process.fleet.accounts) == [leases.account_lease(stays)]


async def test_a_lost_lease_ends_the_process(yard: Yard) -> None:
    process = await yard.starts("one")
    account = yard.account()
    await eventually(lambda: process.trades(account))
    await rows_of(
        yard.books, "update leases set holder = 'two', epoch = epoch + 1, expires_at = now() + interval '1 hour'"
    )
    await eventually(process.work.done, "the end of the run")
    assert any(isinstance(error, Fenced) for error in leaves(process.work.exception()))
    await process.fleet.close()
    assert yard.lease(account) == {"holder": "two", "epoch": 2, "valid": True}


async def test_a_lease_that_ran_out_while_the_database_was_away_is_kept_if_nobody_took_it(yard: Yard) -> None:
    process = await yard.starts("one")
    account = yard.account()
    await eventually(lambda: process.trades(account))
    await rows_of(yard.books, "update leases set expires_at = now() - interval '1 minute'")
    await eventually(lambda: (lease := yard.lease(account)) is not None and lease["valid"], "renewed")
    assert process.trades(account)
    lease = yard.lease(account)
    assert lease is not None
    assert (lease["holder"], lease["epoch"]) == ("one", 1)


async def test_whoever_is_told_to_stop_frees_its_accounts_for_the_next(yard: Yard) -> None:
    first = await yard.starts("one")
    account = yard.account()
    await eventually(lambda: first.trades(account))
    await first.fleet.close()
    lease = yard.lease(account)
    assert lease is not None
    assert not lease["valid"]
    second = await yard.starts("two")
    await eventually(lambda: second.trades(account))


async def test_whoever_stops_takes_nothing_back(yard: Yard) -> None:
    """Neither the account it let go, nor new work while the last of it comes back."""
    process = await yard.starts("one")
    account = yard.account()
    await eventually(lambda: process.trades(account))
    await process.fleet.close()
    await eventually(process.work.done, "its loops ended")
    assert process.work.exception() is None
    lease = yard.lease(account)
    assert lease is not None
    assert (lease["epoch"], lease["valid"]) == (1, False)


async def test_two_processes_share_and_never_trade_the_same(yard: Yard) -> None:
    first, second = await yard.starts("one"), await yard.starts("two")
    accounts = [yard.account() for _ in range(4)]
    await eventually(lambda: all(first.trades(one) != second.trades(one) for one in accounts), "each owned by one")
    assert set(first.fleet.accounts) & set(second.fleet.accounts) == set()


async def test_the_accounts_of_a_process_that_died_are_taken_over(yard: Yard) -> None:
    first = await yard.starts("one")
    account = yard.account()
    await eventually(lambda: first.trades(account))
    second = await yard.starts("two")
    await first.kill()
    assert not second.trades(account)
    await rows_of(yard.books, "update leases set expires_at = now() - interval '1 second'")  # ten seconds later
    await eventually(lambda: second.trades(account))
    lease = yard.lease(account)
    assert lease is not None
    assert lease["epoch"] == 2


async def test_credentials_that_do_not_open_hold_back_nobody(yard: Yard) -> None:
    process = await yard.starts("one")
    spoilt, sound = yard.account(sealed=b"\x01spoilt"), yard.account()
    await eventually(lambda: process.trades(sound))
    (row,) = await eventually(
        lambda: yard.books.rows("select status_reason from accounts where id = %s and status = 'paused'", spoilt),
        "paused",
    )
    assert "add the account again" in row["status_reason"]
    await eventually(lambda: (lease := yard.lease(spoilt)) is None or not lease["valid"], "its lease let go")
    assert process.trades(sound)


async def test_an_exchange_that_does_not_answer_is_waited_for(yard: Yard) -> None:
    await yard.exchange.fault("http_status", status=503)
    process = await yard.starts("one")
    account = yard.account()
    asked = yard.exchange.sim.venue.faults.view
    await eventually(lambda: asked()[0]["struck"] >= 2, "asked again")
    assert yard.lease(account) is None
    await yard.exchange.mend()
    await eventually(lambda: process.trades(account))


async def test_a_listener_that_was_cut_off_listens_again(yard: Yard) -> None:
    await yard.starts("one")
    (before,) = yard.listeners()
    yard.books.rows("select pg_terminate_backend(%s)", before["pid"])
    await eventually(lambda: (now := yard.listeners()) and now[0]["pid"] != before["pid"], "it listens again")
    heard = yard.heard
    yard.notify("anything")
    await eventually(lambda: yard.heard > heard)


async def test_a_database_that_throws_everybody_out_ends_nothing(yard: Yard) -> None:
    process = await yard.starts("one")
    account = yard.account()
    await eventually(lambda: process.trades(account))
    for _ in range(2):
        yard.books.rows(
            """select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid()"""
        )
        later = yard.account()
        await eventually(lambda later=later: process.trades(later))  # type: ignore[misc]
    assert process.trades(account)
