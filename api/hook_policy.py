"""Whether a webhook's policy lets an alert in: values in, a refusal or None out."""

import re
from datetime import datetime
from decimal import Decimal
from ipaddress import ip_address, ip_network

from backstop.contracts.alerts import AlertWish
from backstop.contracts.hooks import TRADINGVIEW_ADDRESSES, ClientCertificate, HookPolicy
from backstop.domain.money import plain
from backstop.domain.refusal import Refused
from backstop.domain.signal import Action
from backstop.domain.strategy import SizingMode


def wrong_source(policy: HookPolicy, source_ip: str, client_certificate: str, now: datetime) -> Refused | None:
    """Why nothing may come this way, or from there."""
    if policy.expires_at is not None and now >= policy.expires_at:
        return Refused("hook_expired", f"this webhook was good until {policy.expires_at:%Y-%m-%d %H:%M} UTC")
    if policy.sources and not from_networks(policy.sources, source_ip):
        return Refused("foreign_source", f"{source_ip or 'an unknown address'} is not among the sources allowed")
    if policy.client_certificate is ClientCertificate.REQUIRE and not is_tradingview(client_certificate):
        return Refused("foreign_certificate", "TradingView's client certificate is asked for")
    return None


def out_of_scope(policy: HookPolicy, alert: AlertWish, price: Decimal | None, entries_today: int) -> Refused | None:
    """Why this may not be asked for. `price`: the newest known; None refuses where a notional must be judged."""
    if policy.actions and alert.action not in policy.actions:
        return Refused("action_not_allowed", f"this webhook may not {alert.action}")
    if policy.symbols and alert.symbol not in policy.symbols:
        return Refused("symbol_not_allowed", f"this webhook may not trade {alert.symbol}")
    if not enters(alert):
        return None
    side = side_of(alert)
    if policy.sides and (side is None or side not in policy.sides):
        wanted = f"open a {side} position" if side is not None else "reverse without saying to which side"
        return Refused("side_not_allowed", f"this webhook may not {wanted}")
    if policy.max_notional is not None and (too_much := _too_much(policy.max_notional, alert, price)) is not None:
        return too_much
    if policy.max_per_day is not None and entries_today >= policy.max_per_day:
        return Refused("max_per_day", f"{policy.max_per_day} entries within 24 h, this webhook's limit")
    return None


def _too_much(most: Decimal, alert: AlertWish, price: Decimal | None) -> Refused | None:
    """What it names itself: a quantity at the price known, USDT, but no share of an equity that is not known here."""
    sizing = alert.sizing
    if alert.qty is None and sizing is None:
        return None
    coins = alert.qty if sizing is None else sizing.value if sizing.mode is SizingMode.QTY else None
    if sizing is not None and sizing.mode is SizingMode.QUOTE:
        notional = sizing.value
    elif coins is None:
        return Refused("notional_unknown", "a share of equity cannot be held against max_notional: send qty or quote")
    elif price is None:
        return Refused("notional_unknown", f"no price of {alert.symbol} is known to hold max_notional against")
    else:
        notional = coins * price
    if notional <= most:
        return None
    text = f"{plain(notional.quantize(Decimal('0.01')))} USDT; this webhook's limit is {plain(most)}"
    return Refused("max_notional", text)


def enters(alert: AlertWish) -> bool:
    """Whether it may open or grow a position."""
    return alert.action is not Action.CLOSE and alert.position != "flat"


def side_of(alert: AlertWish) -> str | None:
    """The side it would open, None for a reversal, which depends on what is open."""
    match alert.action:
        case Action.BUY:
            return "long"
        case Action.SELL:
            return "short"
        case Action.TARGET:
            return alert.position
        case _:
            return None


def from_networks(sources: list[str], source_ip: str) -> bool:
    try:
        address = ip_address(source_ip)
    except ValueError:
        return False
    named = [one for source in sources for one in (TRADINGVIEW_ADDRESSES if source == "tradingview" else (source,))]
    return any(address in ip_network(one) for one in named)


def is_tradingview(subject: str) -> bool:
    """Whether a client certificate's subject is TradingView's.

    Source: TradingView's help, "Webhook authentication"; who issues the certificate is not said there.
    """
    parts = {part.strip() for part in subject.replace("/", ",").split(",")}
    return "CN=TradingView Webhooks" in parts and any(re.fullmatch(r'O="?TradingView\\?', part) for part in parts)
