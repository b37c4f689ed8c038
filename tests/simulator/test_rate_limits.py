"""The rolling second."""

from __future__ import annotations

from simulator.rate_limits import RateLimits


def test_the_eleventh_order_in_a_second_is_refused_until_the_first_is_a_second_old() -> None:
    limits = RateLimits()
    spent = [limits.spend(1, "/v5/order/create", 10, 1_000 + n) for n in range(11)]
    assert [budget.left for budget in spent] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0]
    assert not spent[-1].allowed
    assert spent[-1].headers()["X-Bapi-Limit-Reset-Timestamp"] == "2000"
    assert limits.spend(1, "/v5/order/create", 10, 2_000).allowed


def test_endpoints_and_accounts_have_budgets_of_their_own() -> None:
    limits = RateLimits()
    assert limits.spend(1, "a", 1, 0).allowed
    assert limits.spend(1, "b", 1, 0).allowed
    assert limits.spend(2, "a", 1, 0).allowed
    assert not limits.spend(1, "a", 1, 0).allowed
