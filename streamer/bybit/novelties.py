"""Fields and words of the exchange that were not there when this was written. They change nothing that is decided; each is
set aside once, with the row that had it, for a human to read.

Source: Bybit V5, "Order", "Execution", "Position", "Wallet" streams; "Enums Definitions".
"""

from collections.abc import Mapping
from typing import Any

_MOST = 200
"""Set aside by one stream; beyond this the exchange is making things up."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


FIELDS: Mapping[str, frozenset[str]] = {
    "order": _names(
        """category symbol orderId orderLinkId parentOrderLinkId blockTradeId side positionIdx orderStatus
        createType cancelType rejectReason orderType timeInForce isLeverage price qty avgPrice leavesQty
        leavesValue cumExecQty cumExecValue cumExecFee cumFeeDetail closedPnl feeCurrency stopOrderType
        triggerPrice triggerDirection triggerBy takeProfit stopLoss tpTriggerBy slTriggerBy tpLimitPrice
        slLimitPrice tpslMode ocoTriggerBy orderIv marketUnit placeType lastPriceOnCreated reduceOnly
        closeOnTrigger smpType smpGroup smpOrderId slippageToleranceType slippageTolerance rpiTakerAccess
        rpiMatchedQty createdTime updatedTime extraFees bboSideType bboLevel"""
    ),
    "execution": _names(
        """category symbol orderId orderLinkId side orderType stopOrderType createType orderPrice orderQty
        leavesQty execId execType execPrice execQty execValue execFee execFeeV2 feeRate feeCurrency execPnl
        closedSize isMaker execTime markPrice indexPrice underlyingPrice tradeIv markIv blockTradeId
        isLeverage marketUnit extraFees seq"""
    ),
    "position": _names(
        """category symbol positionIdx side size entryPrice avgPrice positionValue markPrice leverage liqPrice
        bustPrice breakEvenPrice positionBalance positionIM positionIMByMp positionMM positionMMByMp
        takeProfit stopLoss trailingStop unrealisedPnl curRealisedPnl cumRealisedPnl sessionAvgPrice
        positionStatus tradeMode tpslMode riskId riskLimitValue autoAddMargin adlRankIndicator isReduceOnly
        mmrSysUpdatedTime leverageSysUpdatedTime createdTime updatedTime openTime seq delta gamma vega theta
        activePrice"""
    ),
}

WORDS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "order": {
        "orderType": frozenset({"Market", "Limit", "UNKNOWN"}),
        "timeInForce": frozenset({"GTC", "IOC", "FOK", "PostOnly", "RPI"}),
        "stopOrderType": _names(
            """TakeProfit StopLoss TrailingStop Stop PartialTakeProfit PartialStopLoss MmRateClose tpslOrder
        OcoOrder BidirectionalTpslOrder UNKNOWN"""
        )
        | {""},
        "triggerBy": frozenset({"", "LastPrice", "IndexPrice", "MarkPrice", "UNKNOWN"}),
    },
    "position": {
        "positionStatus": frozenset({"Normal", "Liq", "Adl", "Inactive", ""}),
        "tpslMode": frozenset({"Full", "Partial", ""}),
    },
}


class Novelties:
    """What one stream has met already."""

    def __init__(self) -> None:
        self._met: set[tuple[str, str]] = set()

    def in_row(self, topic: str, row: Mapping[str, Any]) -> str | None:
        """What is new about a row, the first time it is; None when nothing is."""
        kind = topic.partition(".")[0]
        known = FIELDS.get(kind)
        if known is None:
            return None
        new = [f"field {name}" for name in row if name not in known]
        for name, words in WORDS.get(kind, {}).items():
            word = row.get(name)
            if isinstance(word, str) and word not in words:
                new.append(f"{name} {word[:40]}")
        fresh = [what for what in new if (kind, what) not in self._met]
        if not fresh or len(self._met) >= _MOST:
            return None
        self._met.update((kind, what) for what in fresh)
        return f"not known here: {', '.join(fresh)}"
