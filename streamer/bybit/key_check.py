"""What a key may do and how its account is set up, judged line by line. Pure: the caller has asked the exchange.

A key that could move money away is refused, whatever else is right. What merely bears watching is a warning.

Source: Bybit V5, "Get API Key Information", "Get Account Info", "Get Position Info".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from backstop.contracts.self_test import LineStatus, Outcome, SelfTestLine
from backstop.domain.ids import Symbol
from backstop.domain.money import plain

EXPIRES_SOON_DAYS = 14
CLOCK_OFF_MS = 500
_MOVES_MONEY = ("Withdraw", "AccountTransfer", "SubMemberTransfer", "SubMemberTransferList")
_NEEDED = {"Order", "Position"}
_TRADING_ONLY = {"ContractTrade", "Derivatives", "Spot", "Wallet"}
_UNIFIED = (5, 6)
_UNIFIED_OLDER = (3, 4)


@dataclass(frozen=True, slots=True)
class Facts:
    """`key`: query-api's result. `account`: account/info's. `hedged`: of the symbols that were asked for, those in hedge
    mode. `took_ms`: how long an answer took. `clock_offset`: milliseconds our clock is ahead. `over_socket`: whether the
    trade socket is open, None where there is none."""

    key: Mapping[str, Any]
    account: Mapping[str, Any]
    equity: Decimal | None
    hedged: frozenset[Symbol]
    asked: frozenset[Symbol]
    server: str
    took_ms: int
    clock_offset: int
    over_socket: bool | None


def judge(facts: Facts) -> list[SelfTestLine]:
    return [
        _server(facts),
        _clock(facts.clock_offset),
        _trading(facts.key),
        _withdrawal(facts.key),
        _other_rights(facts.key),
        _ip_binding(facts.key),
        _expiry(facts.key),
        _unified(facts),
        _margin_mode(facts.account),
        _position_mode(facts),
        _balance(facts.equity),
        _orders(facts.over_socket),
    ]


def outcome_of(lines: list[SelfTestLine]) -> Outcome:
    statuses = {line.status for line in lines}
    return "failed" if "failed" in statuses else "warned" if "warning" in statuses else "passed"


def unfit_for(lines: list[SelfTestLine]) -> str | None:
    """Why nothing may be opened; None when something may."""
    failed = [f"{line.title}: {line.detail}" for line in lines if line.status == "failed"]
    return "; ".join(failed) or None


def line(code: str, status: LineStatus, title: str, detail: str) -> SelfTestLine:
    return SelfTestLine(code=code, status=status, title=title, detail=detail)


def _server(facts: Facts) -> SelfTestLine:
    region = str(facts.key.get("kycRegion") or "").strip()
    home = f"; the account belongs to {region}" if region else ""
    return line("server", "ok", "Server", f"{facts.server} answers in {facts.took_ms} ms{home}")


def _clock(offset: int) -> SelfTestLine:
    ahead = f"{abs(offset)} ms {'ahead of' if offset >= 0 else 'behind'} the exchange's"
    if abs(offset) > CLOCK_OFF_MS:
        return line("clock", "warning", "Clock", f"our clock is {ahead}; requests are signed with theirs")
    return line("clock", "ok", "Clock", f"our clock is {ahead}")


def _trading(key: Mapping[str, Any]) -> SelfTestLine:
    granted = _rights(key, "ContractTrade")
    if key.get("readOnly") == 1:
        return line("trading", "failed", "Trading rights", "the key is read-only; make one that may read and write")
    if missing := sorted(_NEEDED - granted):
        what = " and ".join(missing)
        return line("trading", "failed", "Trading rights", f"the key lacks contract rights for {what}; grant them")
    return line("trading", "ok", "Trading rights", "orders and positions of contracts")


def _withdrawal(key: Mapping[str, Any]) -> SelfTestLine:
    if harmful := [right for right in _MOVES_MONEY if right in _rights(key, "Wallet")]:
        what = ", ".join(harmful)
        return line(
            "withdrawal", "failed", "No withdrawals", f"the key may move money ({what}); take that right away from it"
        )
    return line("withdrawal", "ok", "No withdrawals", "the key cannot move money out of the account")


def _other_rights(key: Mapping[str, Any]) -> SelfTestLine:
    permissions = key.get("permissions")
    groups = permissions if isinstance(permissions, Mapping) else {}
    more = sorted(name for name in groups if name not in _TRADING_ONLY and _rights(key, name))
    if more:
        return line("other_rights", "warning", "No more than needed", f"the key may also: {', '.join(more)}")
    return line("other_rights", "ok", "No more than needed", "nothing beyond trading")


def _ip_binding(key: Mapping[str, Any]) -> SelfTestLine:
    ips = [str(ip) for ip in key["ips"]] if isinstance(key.get("ips"), list) else []
    bound = [ip for ip in ips if ip not in ("*", "")]
    if bound:
        return line("ip_binding", "ok", "Bound to addresses", f"works from {', '.join(bound)} only")
    return line(
        "ip_binding",
        "warning",
        "Bound to addresses",
        "the key works from everywhere and ends after 90 days; bind it to this service's addresses",
    )


def _expiry(key: Mapping[str, Any]) -> SelfTestLine:
    days, at = key.get("deadlineDay"), str(key.get("expiredAt") or "")
    bound = isinstance(key.get("ips"), list) and any(ip not in ("*", "") for ip in key["ips"])
    if not isinstance(days, int) or bound or days < 0 or not at or at.startswith("1970-"):
        return line("expiry", "ok", "Expiry", "the key does not end by itself")
    if days <= EXPIRES_SOON_DAYS:
        return line("expiry", "warning", "Expiry", f"the key ends in {days} days ({at}); renew it")
    return line("expiry", "ok", "Expiry", f"the key ends in {days} days ({at})")


def _unified(facts: Facts) -> SelfTestLine:
    status = facts.account.get("unifiedMarginStatus")
    if status in _UNIFIED:
        return line("unified", "ok", "Unified account", "unified trading account 2.0")
    if status in _UNIFIED_OLDER or facts.key.get("uta") == 1:
        return line("unified", "warning", "Unified account", "an older unified account; upgrade it at Bybit")
    return line("unified", "failed", "Unified account", "not a unified trading account; upgrade it at Bybit")


def _margin_mode(account: Mapping[str, Any]) -> SelfTestLine:
    match account.get("marginMode"):
        case "REGULAR_MARGIN":
            return line("margin_mode", "ok", "Margin mode", "cross")
        case "ISOLATED_MARGIN":
            return line("margin_mode", "ok", "Margin mode", "isolated")
        case "PORTFOLIO_MARGIN":
            advice = "portfolio is not supported: entries are refused; set cross or isolated"
            return line("margin_mode", "warning", "Margin mode", advice)
        case other:
            return line("margin_mode", "warning", "Margin mode", f"not known here: {other!r}")


def _position_mode(facts: Facts) -> SelfTestLine:
    if facts.hedged:
        which = ", ".join(sorted(facts.hedged))
        return line("position_mode", "ok", "Position mode", f"hedge mode on {which}; one-way elsewhere")
    if not facts.asked:
        return line("position_mode", "ok", "Position mode", "no strategy names a symbol yet")
    return line("position_mode", "ok", "Position mode", "one-way")


def _balance(equity: Decimal | None) -> SelfTestLine:
    if equity is None or equity <= 0:
        return line("balance", "warning", "Balance", "no USDT in the unified account; nothing can be opened")
    return line("balance", "ok", "Balance", f"{plain(equity.quantize(Decimal('0.01')))} USDT")


def _orders(over_socket: bool | None) -> SelfTestLine:
    if over_socket is None:
        return line("orders", "ok", "Order path", "signed requests; this environment has no trade socket")
    if over_socket:
        return line("orders", "ok", "Order path", "trade socket, open and logged in")
    return line("orders", "warning", "Order path", "the trade socket is down; orders go by signed requests meanwhile")


def _rights(key: Mapping[str, Any], group: str) -> set[str]:
    permissions = key.get("permissions")
    granted = permissions.get(group) if isinstance(permissions, Mapping) else None
    return {str(right) for right in granted} if isinstance(granted, list) else set()
