"""Private REST answers about positions, settings, the wallet and the key.

Source: Bybit V5, "Position", "Account" and "Get API Key Information".
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from simulator import queries
from simulator.handling import Call, Result, empty_list, is_linear
from simulator.instruments import INSTRUMENTS, MAKER_FEE, TAKER_FEE
from simulator.model import Account, MarginMode, Refusal
from simulator.numbers import text
from simulator.order_checks import (
    MalformedError,
    read_decimal,
    read_position_idx,
    read_source,
    read_symbol,
)
from simulator.protection import TradingStop
from simulator.protection import trading_stop as apply_trading_stop
from simulator.rows import closed_pnl_row, emit_position, ledger_row, position_row, wallet_row
from simulator.triggers import evaluate

_MODES = {0: False, 3: True}
_KEY_LIFE_MS = 90 * 24 * 3_600_000
_NOT_TOLD = ""
"""Keys that are not bound to an IP expire."""


def position_list(call: Call) -> Result:
    """position/list: with a symbol rows even when flat, with settleCoin only what is held."""
    if not is_linear(call):
        return empty_list(call)
    account, symbol = call.account, call.text("symbol")
    if symbol:
        read_symbol(call.params)
        rows = account.rows(symbol)
    elif call.text("settleCoin"):
        held = [row for row in account.positions.values() if row.size and call.text("settleCoin") == "USDT"]
        rows = sorted(held, key=lambda row: (row.symbol, row.position_idx))
    else:
        raise MalformedError("params error: symbol or settleCoin required")
    limit, offset = call.whole("limit", 20, 1, 200), call.whole("cursor", 0)
    shown = [position_row(account, row, call.exchange.quote(row.symbol)) for row in rows[offset : offset + limit]]
    cursor = str(offset + limit) if len(rows) > offset + limit else ""
    return {"category": "linear", "list": shown, "nextPageCursor": cursor}


def set_leverage(call: Call) -> Result:
    """position/set-leverage: 110043 unchanged, 110013 beyond the contract's range."""
    symbol, account = read_symbol(call.params), call.account
    buy, sell = read_decimal(call.params, "buyLeverage"), read_decimal(call.params, "sellLeverage")
    if buy is None or sell is None:
        return Refusal(10001, "params error: buyLeverage and sellLeverage required")
    if buy != sell:
        return Refusal(10001, "buy leverage not equal sell leverage")
    if not 1 <= buy <= INSTRUMENTS[symbol].max_leverage:
        return Refusal(110013, "cannot set leverage due to risk limit level")
    if buy == account.leverage_of(symbol):
        return Refusal(110043, "leverage not modified")
    account.leverage[symbol] = buy
    for row in account.rows(symbol):
        emit_position(call.exchange, account, symbol, row.position_idx)
    return {}


def switch_mode(call: Call) -> Result:
    """position/switch-mode: 0 one-way, 3 hedge, for a symbol or for all of a coin."""
    if not is_linear(call):
        return Refusal(10001, "Illegal category")
    account = call.account
    hedge = _MODES.get(call.whole("mode", 0))
    if hedge is None:
        return Refusal(10001, "params error: mode invalid")
    if not call.text("symbol") and call.text("coin") != "USDT":
        return Refusal(10001, "params error: symbol or coin required")
    symbols = [read_symbol(call.params)] if call.text("symbol") else list(INSTRUMENTS)
    changing = [symbol for symbol in symbols if account.is_hedged(symbol) != hedge]
    if not changing:
        return Refusal(110025, "Position mode is not modified")
    if any(row.size for row in account.positions.values() if row.symbol in changing):
        return Refusal(110024, "You have an existing position, so position mode cannot be switched")
    if any(order.symbol in changing for order in account.open_orders.values()):
        return Refusal(110028, "You have existing open orders, so position mode cannot be switched")
    for symbol in changing:
        account.hedge[symbol] = hedge
    if not call.text("symbol"):
        account.hedge_default = hedge
    call.exchange.changes += 1
    return {}


def set_margin_mode(call: Call) -> Result:
    """account/set-margin-mode."""
    try:
        mode = MarginMode(call.text("setMarginMode"))
    except ValueError:
        return Refusal(10001, "params error: setMarginMode invalid")
    account = call.account
    if mode is account.margin_mode:
        return Refusal(110026, "Cross/isolated margin mode is not modified")
    if any(row.size for row in account.positions.values()) or account.open_orders:
        return Refusal(3400045, "Set margin mode failed: open positions or orders")
    account.margin_mode = mode
    account.updated_ms = call.now_ms
    call.exchange.changes += 1
    return {"reasons": []}


def trading_stop(call: Call) -> Result:
    """position/trading-stop: Full replaces, Partial adds, "0" removes."""
    symbol, account = read_symbol(call.params), call.account
    mode, params = call.text("tpslMode"), call.params
    if mode not in {"", "Full", "Partial"}:
        return Refusal(10001, "params error: tpslMode invalid")
    position_idx = read_position_idx(params)
    if account.is_hedged(symbol) != (position_idx != 0):
        return Refusal(10001, "position idx not match position mode")
    prices = {name: read_decimal(params, name) for name in ("takeProfit", "stopLoss", "trailingStop", "activePrice")}
    if all(prices[name] is None for name in ("takeProfit", "stopLoss", "trailingStop")):
        return Refusal(34040, "not modified")
    request = TradingStop(
        symbol=symbol,
        position_idx=position_idx,
        full=mode != "Partial",
        take_profit=prices["takeProfit"],
        stop_loss=prices["stopLoss"],
        trailing=prices["trailingStop"],
        active_price=prices["activePrice"],
        tp_trigger_by=read_source(params, "tpTriggerBy"),
        sl_trigger_by=read_source(params, "slTriggerBy"),
        tp_size=read_decimal(params, "tpSize") if mode == "Partial" else None,
        sl_size=read_decimal(params, "slSize") if mode == "Partial" else None,
        tp_limit=read_decimal(params, "tpLimitPrice") if params.get("tpOrderType") == "Limit" else None,
        sl_limit=read_decimal(params, "slLimitPrice") if params.get("slOrderType") == "Limit" else None,
    )
    refusal = apply_trading_stop(call.exchange, account, request, call.now_ms)
    if refusal is not None:
        return refusal
    call.after.append(lambda: evaluate(call.exchange, account, symbol, call.now_ms))
    return {}


def closed_pnl(call: Call) -> Result:
    """position/closed-pnl."""
    if not is_linear(call):
        return empty_list(call)
    start, end = queries.read_range(call.params, call.now_ms)
    wanted = call.text("symbol")
    records = [row for row in call.account.closed_pnl if wanted in {"", row.symbol} and start <= row.created_ms <= end]
    chosen, cursor = queries.page(records, call.params, default=50, maximum=100)
    return {"category": "linear", "list": [closed_pnl_row(row) for row in chosen], "nextPageCursor": cursor}


def wallet_balance(call: Call) -> Result:
    """account/wallet-balance."""
    if call.text("accountType") != "UNIFIED":
        return Refusal(10001, "accountType only support UNIFIED.")
    row = wallet_row(call.exchange, call.account)
    coins = {coin for coin in call.text("coin").split(",") if coin}
    if coins and "USDT" not in coins:
        row["coin"] = []
    return {"list": [row]}


def account_info(call: Call) -> Result:
    """account/info: a unified account of the second generation."""
    account = call.account
    return {
        "marginMode": account.margin_mode,
        "unifiedMarginStatus": account.unified_status,
        "isMasterTrader": False,
        "spotHedgingStatus": "OFF",
        "updatedTime": str(account.updated_ms),
        "dcpStatus": "OFF",
        "timeWindow": 0,
        "smpGroup": 0,
    }


def fee_rate(call: Call) -> Result:
    """account/fee-rate, of one symbol or of all."""
    wanted = call.text("symbol")
    rows = [
        {"symbol": symbol, "takerFeeRate": text(TAKER_FEE), "makerFeeRate": text(MAKER_FEE)}
        for symbol in INSTRUMENTS
        if wanted in {"", symbol}
    ]
    return {"list": rows}


def transaction_log(call: Call) -> Result:
    """account/transaction-log."""
    start, end = queries.read_range(call.params, call.now_ms)
    kind, currency = call.text("type"), call.text("currency")
    records = [
        row
        for row in call.account.ledger
        if start <= row.time_ms <= end and kind in {"", row.kind} and currency in {"", "USDT"}
    ]
    chosen, cursor = queries.page(records, call.params, default=20, maximum=50)
    return {"list": [ledger_row(row) for row in chosen], "nextPageCursor": cursor}


def query_api(call: Call) -> Result:
    """user/query-api: a trading key without withdrawal rights, not bound to an IP."""
    account = call.account
    return key_info(account, call.now_ms)


def key_info(account: Account, now_ms: int) -> dict[str, Any]:
    """What query-api tells of a key."""
    return {
        "id": str(account.uid),
        "note": "simulator",
        "apiKey": account.api_key,
        "readOnly": 0,
        "secret": _NOT_TOLD,
        "permissions": {
            "ContractTrade": ["Order", "Position"],
            "Spot": ["SpotTrade"],
            "Wallet": [],
            "Options": [],
            "Derivatives": ["DerivativesTrade"],
            "CopyTrading": [],
            "BlockTrade": [],
            "Exchange": [],
            "NFT": [],
            "Affiliate": [],
            "Earn": [],
        },
        "ips": ["*"],
        "type": 1,
        "deadlineDay": max((account.created_ms + _KEY_LIFE_MS - now_ms) // 86_400_000, 0),
        "expiredAt": _iso(account.created_ms + _KEY_LIFE_MS),
        "createdAt": _iso(account.created_ms),
        "unified": 0,
        "uta": 1,
        "userID": account.uid,
        "inviterID": 0,
        "vipLevel": "No VIP",
        "mktMakerLevel": "0",
        "affiliateID": 0,
        "rsaPublicKey": "",
        "isMaster": True,
        "parentUid": "0",
        "kycLevel": "LEVEL_DEFAULT",
        "kycRegion": "",
        **account.key,
    }


def _iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
