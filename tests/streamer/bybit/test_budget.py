"""Who may send, and who waits."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.bybit.budget import BAN_MS, PER_SECOND, REFUSED_FOR_MS, AccountBudget, AddressBudget, Window

CREATE, LIST = "/v5/order/create", "/v5/position/list"


@pytest.fixture
def account() -> AccountBudget:
    return AccountBudget(AddressBudget())


def sent(account: AccountBudget, path: str, now: int, *, closes: bool, asks: int = 1000) -> int:
    """How many of so many requests go at once."""
    return sum(account.take(path, now, closes=closes) == 0 for _ in range(asks))


def test_opens_leave_closes_their_share(account: AccountBudget) -> None:
    assert sent(account, CREATE, 0, closes=False) == 6
    assert sent(account, CREATE, 0, closes=True) == 4


def test_closes_may_use_it_all(account: AccountBudget) -> None:
    assert sent(account, CREATE, 0, closes=True) == 10
    assert account.take(CREATE, 0, closes=False) > 0


def test_a_close_never_waits_behind_opens_and_queries(account: AccountBudget) -> None:
    """However many ask, at any time: a close finds room as long as fewer than its share went within the second."""
    for now in range(0, 5_000, 7):
        sent(account, CREATE, now, closes=False, asks=3)
        sent(account, LIST, now, closes=False, asks=30)
        if now % 350 == 0:
            assert account.take(CREATE, now, closes=True) == 0


def test_what_waits_is_told_when_to_ask_again(account: AccountBudget) -> None:
    sent(account, CREATE, 0, closes=False)
    wait = account.take(CREATE, 400, closes=False)
    assert account.take(CREATE, 400 + wait - 1, closes=False) == 1
    assert account.take(CREATE, 400 + wait, closes=False) == 0


@given(st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=300))
def test_a_window_is_never_overrun(asks: list[tuple[int, bool]]) -> None:
    window = Window(10, 1_000, reserved=4)
    now, went = 0, list[int]()
    for pause, closes in asks:
        now += pause
        if window.wait_ms(now, closes=closes) == 0:
            window.spend(now)
            went.append(now)
    assert all(later - earlier >= 1_000 for earlier, later in zip(went, went[10:], strict=False))


def test_accounts_of_one_address_share_what_it_may() -> None:
    address = AddressBudget()
    accounts = [AccountBudget(address) for _ in range(30)]

    def queries() -> Iterator[int]:
        for account in accounts:
            yield sent(account, LIST, 0, closes=False)

    assert sum(queries()) == 400
    assert accounts[-1].take(CREATE, 0, closes=True) == 0
    assert accounts[-1].take(CREATE, 0, closes=False) > 0


def test_orders_over_the_socket_make_no_http_request_but_count_as_orders() -> None:
    address = AddressBudget()
    account = AccountBudget(address)
    while address.requests.wait_ms(0, closes=True) == 0:
        address.requests.spend(0)
    assert account.take(CREATE, 0, closes=True) > 0
    assert sum(account.take(CREATE, 0, closes=True, over_rest=False) == 0 for _ in range(20)) == 10


def test_the_account_s_own_limit_is_learnt(account: AccountBudget) -> None:
    account.told(CREATE, limit=100, left=99, reset_in_ms=0, now=0)
    assert sent(account, CREATE, 0, closes=False) == 60
    assert sent(account, CREATE, 0, closes=True) == 40


@pytest.mark.parametrize(
    ("reset_in", "rests"), [(700, 700), (None, REFUSED_FOR_MS), (-5, REFUSED_FOR_MS), (10**9, REFUSED_FOR_MS)]
)
def test_a_refusal_rests_its_endpoint_and_no_other(account: AccountBudget, reset_in: int | None, rests: int) -> None:
    account.refused(CREATE, reset_in, 1_000)
    assert account.take(CREATE, 1_000, closes=True) == rests
    assert account.take(CREATE, 1_000 + rests, closes=True) == 0
    assert account.take(LIST, 1_000, closes=False) == 0


def test_an_exhausted_limit_rests_until_it_is_reset(account: AccountBudget) -> None:
    account.told(LIST, limit=50, left=0, reset_in_ms=300, now=0)
    assert account.take(LIST, 0, closes=False) == 300


def test_a_ban_is_new_once_and_ends() -> None:
    address = AddressBudget()
    assert address.ban(0)
    assert not address.ban(1_000)
    assert address.banned_for(1_000) == BAN_MS
    assert address.banned_for(1_000 + BAN_MS) == 0


@pytest.mark.fault(28)
def test_connections_are_paced_and_those_that_positions_depend_on_go_first() -> None:
    address = AddressBudget()
    assert sum(address.connect(0, holds=False) == 0 for _ in range(500)) == 40
    assert sum(address.connect(0, holds=True) == 0 for _ in range(500)) == 20
    made = sum(address.connect(now, holds=True) == 0 for now in range(0, 300_000, 100) for _ in range(5))
    assert made + 60 <= 400


def test_every_endpoint_has_a_limit_that_bybit_has() -> None:
    assert {PER_SECOND[path] for path in (CREATE, "/v5/position/trading-stop", "/v5/position/set-leverage")} == {10}
    assert PER_SECOND[LIST] == 50
