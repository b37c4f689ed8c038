"""What is found about a key and its account."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.contracts.self_test import SelfTestLine
from backstop.domain.ids import Symbol
from streamer.bybit.key_check import Facts, judge, outcome_of, unfit_for

GOOD_KEY: dict[str, Any] = {
    "readOnly": 0,
    "permissions": {
        "ContractTrade": ["Order", "Position"],
        "Derivatives": ["DerivativesTrade"],
        "Spot": ["SpotTrade"],
        "Wallet": [],
        "Options": [],
        "Earn": [],
    },
    "ips": ["203.0.113.7"],
    "deadlineDay": -3,
    "expiredAt": "1970-01-01T00:00:00Z",
    "uta": 1,
    "kycRegion": "SGP",
}
GOOD_ACCOUNT: dict[str, Any] = {"unifiedMarginStatus": 6, "marginMode": "REGULAR_MARGIN"}
BTC = Symbol("BTCUSDT")


def facts(**changes: Any) -> Facts:
    whole: dict[str, Any] = {
        "key": GOOD_KEY,
        "account": GOOD_ACCOUNT,
        "equity": Decimal("1234.567"),
        "hedged": frozenset(),
        "asked": frozenset({BTC}),
        "server": "https://api.bybit.com",
        "took_ms": 12,
        "clock_offset": 3,
        "over_socket": True,
    }
    return Facts(**whole | changes)


def found(code: str, **changes: Any) -> SelfTestLine:
    (line,) = [line for line in judge(facts(**changes)) if line.code == code]
    return line


def key(**changes: Any) -> dict[str, Any]:
    return GOOD_KEY | changes


def may(**groups: Any) -> dict[str, Any]:
    return key(permissions=GOOD_KEY["permissions"] | groups)


def test_a_key_for_trading_alone_passes() -> None:
    lines = judge(facts())
    assert [line.code for line in lines if line.status != "ok"] == []
    assert outcome_of(lines) == "passed"
    assert unfit_for(lines) is None
    assert found("balance").detail == "1234.57 USDT"
    assert "SGP" in found("server").detail


@pytest.mark.parametrize("right", ["Withdraw", "AccountTransfer", "SubMemberTransfer", "SubMemberTransferList"])
def test_a_key_that_moves_money_is_refused_with_the_right_named(right: str) -> None:
    line = found("withdrawal", key=may(Wallet=[right]))
    assert line.status == "failed"
    assert right in line.detail
    assert right in (unfit_for(judge(facts(key=may(Wallet=[right])))) or "")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"key": key(readOnly=1)}, "read-only"),
        ({"key": may(ContractTrade=["Order"])}, "Position"),
        ({"key": may(ContractTrade=[])}, "Order and Position"),
        ({"key": key(permissions=None)}, "Order and Position"),
    ],
)
def test_a_key_that_cannot_trade_fails(changes: dict[str, Any], says: str) -> None:
    line = found("trading", **changes)
    assert line.status == "failed"
    assert says in line.detail


@pytest.mark.parametrize("ips", [["*"], [], None, [""]])
def test_a_key_bound_to_no_address_is_a_warning(ips: Any) -> None:
    assert found("ip_binding", key=key(ips=ips)).status == "warning"


@pytest.mark.parametrize(("days", "status"), [(90, "ok"), (15, "ok"), (14, "warning"), (0, "warning")])
@pytest.mark.fault(52)
def test_a_key_that_ends_soon_is_a_warning(days: int, status: str) -> None:
    line = found("expiry", key=key(ips=["*"], deadlineDay=days, expiredAt="2026-12-01T00:00:00Z"))
    assert (line.status, f"{days} days" in line.detail) == (status, True)


def test_a_bound_key_does_not_end() -> None:
    assert found("expiry", key=key(deadlineDay=3, expiredAt="2026-12-01T00:00:00Z")).status == "ok"


@pytest.mark.parametrize(
    ("status", "uta", "line"), [(6, 1, "ok"), (5, 1, "ok"), (4, 1, "warning"), (3, 0, "warning"), (1, 0, "failed")]
)
def test_only_a_unified_account_is_traded(status: int, uta: int, line: str) -> None:
    account = GOOD_ACCOUNT | {"unifiedMarginStatus": status}
    assert found("unified", account=account, key=key(uta=uta)).status == line


@pytest.mark.parametrize(
    ("mode", "status"),
    [("REGULAR_MARGIN", "ok"), ("ISOLATED_MARGIN", "ok"), ("PORTFOLIO_MARGIN", "warning"), ("NEW_MARGIN", "warning")],
)
def test_margin_modes(mode: str, status: str) -> None:
    assert found("margin_mode", account=GOOD_ACCOUNT | {"marginMode": mode}).status == status


def test_modes_of_positions_are_named() -> None:
    assert found("position_mode").detail == "one-way"
    assert "BTCUSDT" in found("position_mode", hedged=frozenset({BTC})).detail


@pytest.mark.parametrize(("offset", "status"), [(0, "ok"), (-500, "ok"), (501, "warning"), (-9_000, "warning")])
def test_a_clock_far_off_is_a_warning(offset: int, status: str) -> None:
    assert found("clock", clock_offset=offset).status == status


def test_rights_beyond_trading_an_empty_account_and_a_socket_that_is_down_are_warnings() -> None:
    assert "Earn" in found("other_rights", key=may(Earn=["Earn"])).detail
    assert found("balance", equity=None).status == "warning"
    assert found("balance", equity=Decimal(0)).status == "warning"
    assert found("orders", over_socket=False).status == "warning"
    assert found("orders", over_socket=None).status == "ok"
    assert outcome_of(judge(facts(equity=None))) == "warned"


_ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from([*GOOD_KEY, "x"]), _ODD), st.dictionaries(st.sampled_from([*GOOD_ACCOUNT]), _ODD)
)
def test_whatever_the_exchange_says_is_judged(key_says: dict[str, Any], account_says: dict[str, Any]) -> None:
    """No answer raises, and one that names no rights to trade never passes."""
    lines = judge(facts(key=key_says, account=account_says))
    assert len({line.code for line in lines}) == len(lines) == 12
    assert outcome_of(lines) == "failed"
