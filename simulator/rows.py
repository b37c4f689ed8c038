"""Rows as Bybit writes them, REST and WebSocket, deprecated fields included.

Source: Bybit V5, "Get Open Orders", "Get Trade History", "Get Position Info", "Get Wallet
Balance" and the private topics.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from simulator.exchange import Exchange, PrivateEvent
from simulator.instruments import INSTRUMENTS
from simulator.margin import (
    break_even_price,
    initial_margin,
    liquidation_price,
    maintenance_margin,
    summary,
    unrealised_pnl,
)
from simulator.market import Quote
from simulator.model import (
    Account,
    ClosedPnl,
    Execution,
    LedgerRow,
    MarginMode,
    Order,
    OrderType,
    Position,
    StopKind,
)
from simulator.numbers import fixed, floor_to, optional_text, text

_USD = Decimal("1e-8")


def order_row(order: Order) -> dict[str, Any]:
    """An order, as in order/realtime and on the order topic."""
    average = order.cum_exec_value / order.cum_exec_qty if order.cum_exec_qty else None
    leaves = order.leaves_qty
    shown_price = order.price if order.order_type is OrderType.LIMIT or not order.is_conditional else Decimal(0)
    return {
        "category": "linear",
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderLinkId": order.order_link_id,
        "parentOrderLinkId": order.parent_order_link_id,
        "blockTradeId": "",
        "side": order.side,
        "positionIdx": order.position_idx,
        "orderStatus": order.status,
        "createType": order.create_type,
        "cancelType": order.cancel_type,
        "rejectReason": order.reject_reason,
        "orderType": order.order_type,
        "timeInForce": order.time_in_force,
        "isLeverage": "",
        "price": text(shown_price),
        "qty": text(order.qty),
        "avgPrice": "" if average is None else text(average),
        "leavesQty": text(leaves),
        "leavesValue": text(leaves * shown_price),
        "cumExecQty": text(order.cum_exec_qty),
        "cumExecValue": text(order.cum_exec_value),
        "cumExecFee": text(order.cum_exec_fee),
        "cumFeeDetail": {"USDT": text(order.cum_exec_fee)} if order.cum_exec_qty else {},
        "closedPnl": text(order.closed_pnl),
        "feeCurrency": "",
        "stopOrderType": order.stop_kind,
        "triggerPrice": optional_text(order.trigger_price),
        "triggerDirection": order.trigger_direction,
        "triggerBy": order.trigger_by or "",
        "takeProfit": optional_text(order.take_profit),
        "stopLoss": optional_text(order.stop_loss),
        "tpTriggerBy": order.tp_trigger_by or "",
        "slTriggerBy": order.sl_trigger_by or "",
        "tpLimitPrice": "",
        "slLimitPrice": "",
        "tpslMode": order.tpsl_mode,
        "ocoTriggerBy": "",
        "orderIv": "",
        "marketUnit": "",
        "placeType": "",
        "lastPriceOnCreated": text(order.last_price_on_created),
        "reduceOnly": order.reduce_only,
        "closeOnTrigger": order.close_on_trigger,
        "smpType": order.smp_type,
        "smpGroup": 0,
        "smpOrderId": "",
        "slippageToleranceType": "UNKNOWN",
        "slippageTolerance": "0",
        "rpiTakerAccess": False,
        "rpiMatchedQty": "0",
        "createdTime": str(order.created_ms),
        "updatedTime": str(order.updated_ms),
    }


def execution_row(execution: Execution) -> dict[str, Any]:
    """A fill, as in execution/list."""
    return {
        "symbol": execution.symbol,
        "orderId": execution.order_id,
        "orderLinkId": execution.order_link_id,
        "side": execution.side,
        "orderType": execution.order_type,
        "stopOrderType": execution.stop_kind or "UNKNOWN",
        "createType": execution.create_type,
        "orderPrice": text(execution.order_price),
        "orderQty": text(execution.order_qty),
        "leavesQty": text(execution.leaves_qty),
        "execId": execution.exec_id,
        "execType": execution.exec_type,
        "execPrice": text(execution.price),
        "execQty": text(execution.qty),
        "execValue": text(execution.qty * execution.price),
        "execFee": text(execution.fee),
        "feeRate": text(execution.fee_rate),
        "feeCurrency": "USDT",
        "closedSize": text(execution.closed_size),
        "isMaker": execution.is_maker,
        "execTime": str(execution.time_ms),
        "markPrice": text(execution.mark_price),
        "indexPrice": "",
        "underlyingPrice": "",
        "tradeIv": "",
        "markIv": "",
        "blockTradeId": "",
        "marketUnit": "",
        "extraFees": [],
        "seq": execution.seq,
    }


def execution_event_row(execution: Execution) -> dict[str, Any]:
    """A fill, as on the execution topic."""
    return {
        "category": "linear",
        **execution_row(execution),
        "isLeverage": "0",
        "execPnl": text(execution.pnl),
    }


def position_row(account: Account, position: Position, quote: Quote) -> dict[str, Any]:
    """A position, as in position/list."""
    symbol, leverage, mark = position.symbol, account.leverage_of(position.symbol), quote.mark
    isolated = account.margin_mode is MarginMode.ISOLATED
    margin = text(initial_margin(position, position.entry_price if isolated else mark, leverage))
    maintenance = text(maintenance_margin(position, mark, leverage))
    take_profit, stop_loss, trailing = (
        account.protection(symbol, position.position_idx, kind)
        for kind in (StopKind.TAKE_PROFIT, StopKind.STOP_LOSS, StopKind.TRAILING)
    )
    liquidation = liquidation_price(position, leverage) if isolated else None
    tick = INSTRUMENTS[symbol].tick_size
    break_even = break_even_price(position)
    return {
        "positionIdx": position.position_idx,
        "riskId": 1,
        "riskLimitValue": "2000000",
        "symbol": symbol,
        "side": position.side or "",
        "size": text(abs(position.size)),
        "avgPrice": text(position.entry_price.quantize(_USD)),
        "positionValue": text(abs(position.size) * mark),
        "tradeMode": 0,
        "positionStatus": position.status,
        "autoAddMargin": 0,
        "adlRankIndicator": 2 if position.size else 0,
        "leverage": text(leverage),
        "breakEvenPrice": "" if break_even is None else text(break_even.quantize(_USD)),
        "positionBalance": "0",
        "markPrice": fixed(mark, tick),
        "liqPrice": "" if liquidation is None else fixed(floor_to(liquidation, tick), tick),
        "bustPrice": "",
        "positionIM": margin,
        "positionIMByMp": margin,
        "positionMM": maintenance,
        "positionMMByMp": maintenance,
        "tpslMode": "Full",
        "takeProfit": optional_text(take_profit.trigger_price if take_profit else None),
        "stopLoss": optional_text(stop_loss.trigger_price if stop_loss else None),
        "trailingStop": text(trailing.trailing_distance) if trailing and trailing.trailing_distance else "0",
        "unrealisedPnl": text(unrealised_pnl(position, mark)),
        "curRealisedPnl": text(position.cur_realised),
        "cumRealisedPnl": text(position.cum_realised),
        "sessionAvgPrice": "",
        "seq": position.seq,
        "isReduceOnly": position.reduce_only,
        "mmrSysUpdatedTime": "",
        "leverageSysUpdatedTime": "",
        "createdTime": str(position.created_ms),
        "updatedTime": str(position.updated_ms),
        "openTime": position.opened_ms,
    }


def position_event_row(account: Account, position: Position, quote: Quote) -> dict[str, Any]:
    """A position, as on the position topic: entryPrice instead of avgPrice."""
    row = position_row(account, position, quote)
    row["entryPrice"] = row.pop("avgPrice")
    if not position.size:
        row |= {"takeProfit": "0", "stopLoss": "0", "liqPrice": "0", "breakEvenPrice": "0"}
    return {"category": "linear", **row}


def wallet_row(exchange: Exchange, account: Account) -> dict[str, Any]:
    """The wallet, as in wallet-balance and on the wallet topic. Account totals are USD; 1 USDT counts 1."""
    totals = summary(account, exchange.quote)
    equity, wallet = text(totals.equity), text(account.wallet)
    rate = totals.equity if totals.equity > 0 else Decimal(1)
    im, mm = totals.position_im + totals.order_im, totals.position_mm
    im_rate, mm_rate = text((im / rate).quantize(_USD)), text((mm / rate).quantize(_USD))
    return {
        "accountType": "UNIFIED",
        "totalEquity": equity,
        "totalWalletBalance": wallet,
        "totalMarginBalance": equity,
        "totalAvailableBalance": text(max(totals.available, Decimal(0))),
        "totalPerpUPL": text(totals.unrealised),
        "totalInitialMargin": text(im),
        "totalMaintenanceMargin": text(mm),
        "totalInitialMarginByMp": text(im),
        "totalMaintenanceMarginByMp": text(mm),
        "accountIMRate": im_rate,
        "accountMMRate": mm_rate,
        "accountIMRateByMp": im_rate,
        "accountMMRateByMp": mm_rate,
        "accountLTV": "0",
        "coin": [
            {
                "coin": "USDT",
                "equity": equity,
                "usdValue": equity,
                "walletBalance": wallet,
                "free": "",
                "locked": "0",
                "spotHedgingQty": "0",
                "borrowAmount": "0",
                "accruedInterest": "0",
                "totalOrderIM": text(totals.order_im),
                "totalPositionIM": text(totals.position_im),
                "totalPositionMM": text(totals.position_mm),
                "unrealisedPnl": text(totals.unrealised),
                "cumRealisedPnl": text(account.realised),
                "bonus": "0",
                "marginCollateral": True,
                "collateralSwitch": True,
                "colRes": "",
                "spotBorrow": "0",
                "availableToWithdraw": "",
                "availableToBorrow": "",
            }
        ],
    }


def closed_pnl_row(record: ClosedPnl) -> dict[str, Any]:
    """One closing order, as in position/closed-pnl."""
    return {
        "symbol": record.symbol,
        "orderId": record.order_id,
        "side": record.side,
        "qty": text(record.qty),
        "orderPrice": text(record.order_price),
        "orderType": record.order_type,
        "execType": record.exec_type,
        "closedSize": text(record.closed_size),
        "cumEntryValue": text(record.entry_value),
        "avgEntryPrice": text((record.entry_value / record.closed_size).quantize(_USD)),
        "cumExitValue": text(record.exit_value),
        "avgExitPrice": text((record.exit_value / record.closed_size).quantize(_USD)),
        "closedPnl": text(record.pnl),
        "fillCount": str(record.fill_count),
        "leverage": text(record.leverage),
        "openFee": text(record.open_fee),
        "closeFee": text(record.close_fee),
        "createdTime": str(record.created_ms),
        "updatedTime": str(record.updated_ms),
    }


def ledger_row(row: LedgerRow) -> dict[str, Any]:
    """One change of the wallet, as in account/transaction-log."""
    return {
        "id": row.row_id,
        "symbol": row.symbol,
        "category": "linear" if row.symbol else "",
        "side": row.side or "None",
        "transactionTime": str(row.time_ms),
        "type": row.kind,
        "transSubType": "",
        "qty": text(row.qty),
        "size": text(row.size),
        "currency": "USDT",
        "tradePrice": text(row.price),
        "funding": text(row.funding) if row.funding else "",
        "fee": text(row.fee),
        "cashFlow": text(row.cash_flow),
        "change": text(row.change),
        "cashBalance": text(row.balance),
        "feeRate": text(row.fee_rate),
        "bonusChange": "",
        "tradeId": row.trade_id,
        "orderId": row.order_id,
        "orderLinkId": row.order_link_id,
        "extraFees": "",
    }


def emit_order(exchange: Exchange, account: Account, order: Order, now_ms: int) -> None:
    """Publish an order as it is now."""
    order.updated_ms = now_ms
    exchange.emit(PrivateEvent(account.api_key, "order", order_row(order)))


def emit_position(exchange: Exchange, account: Account, symbol: str, position_idx: int) -> None:
    """Publish a position as it is now."""
    row = position_event_row(account, account.position(symbol, position_idx), exchange.quote(symbol))
    exchange.emit(PrivateEvent(account.api_key, "position", row))


def emit_wallet(exchange: Exchange, account: Account) -> None:
    """Publish the wallet as it is now."""
    exchange.emit(PrivateEvent(account.api_key, "wallet", wallet_row(exchange, account)))
